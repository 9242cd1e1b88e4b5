"""The check ``properties``: which named property of the pictures, other than the disease, tells a class?

Probes say that something besides lungs tells a class; this check names it. Each property is one number per picture.
Its area under the ROC curve is measured between images of the same source, if classes share sources, so that what
differs between hospitals alone is not called a shortcut of a class.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import norm

from pxr_tf.audit.describe import PICTURE_PROPERTIES
from pxr_tf.audit.material import Checked, Material
from pxr_tf.data.findings import Finding, Grade
from pxr_tf.evaluation.bootstrap import LEVEL
from pxr_tf.evaluation.comparisons import ALPHA, delong, holm, two_sided
from pxr_tf.events import count_through, emit_progress
from pxr_tf.pictures.decode import UnreadableImageError, load_grey
from pxr_tf.pictures.file_facts import read_file_facts

CHECK = "properties"
COLUMNS = ("class", "property", "without", "images", "patients", "value", "low", "high", "higher", "p", "p_holm")
ENCODING = "encoding"
# A property that has nothing to do with the disease and ranks 7 of 10 pairs of images by their class, for certain, is
# planted in half of the class or more: in a share s of a class, a perfect property has an area of 0.5 + s / 2.
TELLS, HINTS = 0.7, 0.6
_LOW = 3  # where `compare` has the lower end
_SIDE = 512  # pixels, about: larger files are decoded smaller, as far as their decoder can
REMEDY = "Make the property alike in all classes (crop, re-encode, vary it in training), or add images that break it."


def check_properties(material: Material) -> Checked:
    """Return which properties tell which class: the table ``properties`` (`COLUMNS`), and findings."""
    table = material.tested
    values = measure_properties(table.path.tolist(), partial(emit_progress, material.on_event, "properties"))
    values[ENCODING] = read_file_facts(table).brightness_steps.to_numpy(float)
    rows = [(*row[:1], known, *row[1:]) for known in values for row in compare_classes(values[known], table)]
    found = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    found = found.assign(p_holm=holm(found.p.to_numpy(float)))
    return Checked([*judge_properties(found)], {CHECK: found})


def measure_properties(paths: list[str], on_progress: object = lambda done, total: None) -> pd.DataFrame:
    """Return `PICTURE_PROPERTIES` of each file; NaN for a file that cannot be read."""
    with ThreadPoolExecutor() as pool:
        found = list(count_through(pool.map(_measure, paths), len(paths), on_progress))
    return pd.DataFrame(found, columns=list(PICTURE_PROPERTIES))


def _measure(path: str) -> list[float]:
    try:
        picture = load_grey(path, _SIDE)
    except UnreadableImageError:
        return [np.nan] * len(PICTURE_PROPERTIES)
    return [measure(picture) for measure in PICTURE_PROPERTIES.values()]


def compare_classes(values: pd.Series, table: pd.DataFrame) -> Iterator[tuple]:
    """Yield a class, the classes that it is not compared with, and what `compare` says, for each class.

    A class that a property tells makes all others differ from the rest, too. So the class that is told most clearly
    comes first, and the others are compared without it. Of the last two classes, the second stands for both.
    """
    told: list[str] = []
    left = sorted(table.label.unique())
    while len(left) > 1:
        rows = table.label.isin(left).to_numpy()
        of_two = left[1:] if len(left) == 2 else left
        measured = {name: compare(values[rows].to_numpy(float), table[rows], name) for name in of_two}
        best = max(measured, key=lambda name: np.nan_to_num(measured[name][_LOW]))
        if not measured[best][_LOW] >= HINTS:
            yield from ((name, "+".join(told), *found) for name, found in measured.items())
            return
        yield best, "+".join(told), *measured[best]
        told.append(best)
        left.remove(best)


def compare(values: np.ndarray, table: pd.DataFrame, name: str) -> tuple[int, int, float, float, float, str, float]:
    """Return images, patients, area, its 95 % interval over patients, ``yes`` if the class has more, and p.

    The area is that of the class against the rest, at least one half. If the class shares sources with others, only
    images of these count, each by its rank within its source.
    """
    known = ~np.isnan(values)
    rows = table[known].assign(score=values[known], own=table.label[known] == name)
    shared = rows.groupby("source").own.transform("nunique") == 2
    if shared.any():
        rows = rows[shared]
        rows = rows.assign(score=rows.groupby("source").score.rank(pct=True))
    actual, scores, patients = rows.own.to_numpy(bool), rows.score.to_numpy(float), rows.patient_id.to_numpy()
    above = delong(actual, np.zeros(len(scores)), scores, patients)
    area, count = 0.5 + abs(above.value), rows.patient_id[rows.own].nunique()
    if np.isnan(above.error):
        return int(actual.sum()), count, area, np.nan, np.nan, "", np.nan
    half = float(norm.ppf((1 + LEVEL) / 2)) * above.error
    p = two_sided(above.value / above.error) if above.error else float(above.value == 0)
    ends = max(0.0, area - half), min(1.0, area + half)
    return int(actual.sum()), count, area, *ends, "yes" if above.value > 0 else "no", p


def judge_properties(found: pd.DataFrame) -> list[Finding]:
    """Return a finding per class and property that tells something, and one for all that do not."""
    findings = [finding for row in found.to_dict("records") if (finding := _judge(row)) is not None]
    told = {finding.subject for finding in findings}
    if not told:
        text = f"No property ({', '.join(found.property.unique())}) tells any class."
        best = found.loc[found.value.idxmax()]
        findings.append(Finding(CHECK, "passed", "all", "largest AUC", best.value, best.low, best.high, text))
    return findings


def _judge(row: dict) -> Finding | None:
    certain = row["p_holm"] < ALPHA and row["low"] >= HINTS
    if not certain:
        return None
    grade: Grade = "critical" if row["low"] >= TELLS else "warning"
    more = "more" if row["higher"] == "yes" else "less"
    others = f"classes other than {row['without'].replace('+', ' and ')}" if row["without"] else "other classes"
    text = (
        f"{row['class']} is told by its {row['property']} alone ({more} of it than in {others}): AUC "
        f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})."
    )
    subject = f"{row['class']}, {row['property']}"
    return Finding(CHECK, grade, subject, "AUC of the property", row["value"], row["low"], row["high"], text, REMEDY)
