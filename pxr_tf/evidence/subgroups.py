"""How a run does on parts of its test images: by source, official part, view, sex, age, and size and encoding of files.

Within a class, because groups hold the classes in different shares, and an accuracy would compare these. A difference
may have another cause that goes with the group: it is a reason to look, no more.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import norm

from pxr_tf.data.manifest import OPTIONAL_COLUMNS, known_details
from pxr_tf.data.shortcuts import describe_properties
from pxr_tf.evaluation.comparisons import holm
from pxr_tf.evaluation.intervals import Share, measure_share
from pxr_tf.evaluation.metrics import select_rows
from pxr_tf.pictures.survey import with_headers
from pxr_tf.runs.finished import FinishedRun

COLUMNS = (
    "class",
    "property",
    "group",
    "images",
    "patients",
    "sensitivity",
    "low",
    "high",
    "difference",
    "p",
    "p_holm",
)
FEW_PATIENTS = 10  # a smaller group shows nothing
_QUARTERS = 4  # of bytes per pixel
_AGES = {"0-17": 0, "18-39": 18, "40-59": 40, "60-79": 60, "80+": 80}  # the first year of each band
_PROPERTIES = ("source", "official_split", *OPTIONAL_COLUMNS, "size", "format", "colour_mode", "encoding")


def subgroup_table(run: FinishedRun, reading: str = "all") -> pd.DataFrame:
    """Return the sensitivity of each class in each group of its test images, `COLUMNS`.

    ``low`` and ``high`` are a 95 % interval over patients, and ``difference`` is to the other images of the class whose
    group is known.
    ``p`` comes from a two-sided score test of two shares, with each number of images divided by the design effect of
    the whole class (Kish, "Survey Sampling", chapter 5), and ``p_holm`` is corrected for all rows. A group needs 10
    patients, and so does the rest of its class. If two groups have as many, only the smaller is listed: the other's row
    would be the same comparison, or nearly. Size and encoding are left out if a file is no longer there.
    """
    rows = _describe(run, select_rows(run.predictions, run.splits, reading))
    found = [
        (label, name, *compared)
        for label, name in product(rows.label.unique(), [name for name in _PROPERTIES if name in rows])
        for compared in _compare_groups(rows[rows.label == label], name)
    ]
    table = pd.DataFrame(found, columns=list(COLUMNS[:-1]))
    return table.assign(p_holm=holm(table.p.to_numpy(float)))


def _describe(run: FinishedRun, rows: pd.DataFrame) -> pd.DataFrame:
    known = describe_groups(run.manifest[run.manifest.image_id.isin(rows.image_id)])
    return rows.drop(columns="source", errors="ignore").merge(known, on="image_id")


def describe_groups(listed: pd.DataFrame) -> pd.DataFrame:
    """Return ``image_id`` of rows of a manifest and what groups them, as text, "" if unknown.

    The columns are source, official part, and what the data say of view, sex and age; and size, format, colour mode
    and encoding (a quarter of the bytes per pixel) unless a file is gone.
    """
    read = with_headers(listed)
    known = listed[["image_id", "source", "official_split", *known_details(listed)]]
    if "age" in known:
        known = known.assign(age=_name_age_bands(known.age))
    if (read.reason == "").all():
        described = describe_properties(read).drop(columns=["source", "encoding"]).astype(str)
        known = known.assign(**described, encoding=_name_quarters(read.bytes_per_pixel.astype(float)))
    return known


def _name_age_bands(ages: pd.Series) -> pd.Series:
    """Return the band of each age, "" if it is unknown: ``60-79``."""
    years = pd.to_numeric(ages, errors="coerce")
    bands = pd.cut(years, [*_AGES.values(), np.inf], right=False, labels=[*_AGES])
    return bands.astype(object).fillna("")


def _name_quarters(values: pd.Series) -> pd.Series:
    """Return which quarter of the values each is in: ``0.13 to 0.17 bytes per pixel``."""
    quarters = pd.qcut(values, _QUARTERS, duplicates="drop")
    names = [f"{one.left:.2f} to {one.right:.2f} bytes per pixel" for one in quarters.cat.categories]
    return quarters.cat.rename_categories(names).astype(str)


def _compare_groups(rows: pd.DataFrame, name: str) -> Iterator[tuple]:
    """Yield group, numbers, sensitivity, interval, difference and p of each group of one class's images."""
    rows = rows[rows[name] != ""]
    hits, patients = (rows.label == rows.predicted).to_numpy(), rows.patient_id.to_numpy()
    groups, whole = rows[name].to_numpy(), measure_share(hits, patients)
    numbers = rows.groupby(name).patient_id.nunique()
    listed = rows[name][rows[name].map(numbers) >= FEW_PATIENTS].value_counts().sort_index()
    for group in listed.index if len(listed) != 2 else [listed.idxmin()]:
        inside = groups == group
        if len(set(patients[~inside])) < FEW_PATIENTS:
            continue
        ours = measure_share(hits[inside], patients[inside])
        difference = ours.value - hits[~inside].mean()
        p = _test(difference, whole, (inside.sum(), (~inside).sum()))
        yield group, int(inside.sum()), int(numbers[group]), ours.value, ours.low, ours.high, difference, p


def _test(difference: float, whole: Share, images: tuple[int, int]) -> float:
    """Return p of the score test; 1 if all images of the class are right, or none."""
    variance = whole.value * (1 - whole.value)
    if variance == 0:
        return 1.0
    effect = max(1.0, whole.error**2 * sum(images) / variance)
    return float(2 * norm.sf(abs(difference) / np.sqrt(variance * effect * sum(1 / number for number in images))))
