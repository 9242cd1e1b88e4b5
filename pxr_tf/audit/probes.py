"""The check ``probes``: which classes a simple model still tells apart if it cannot see the lungs.

Every view (`views`) of the pictures is described by the features of the backbone that the run began with, and by raw
pixels. A linear probe learns the classes from them, in the run's own folds. It never sees the run's trained models: it
says what is in the pictures, and so what any model could use.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.audit.folds import make_folds, used_rows
from pxr_tf.audit.material import Checked, Material
from pxr_tf.audit.probe_findings import SHUFFLED, judge_probes
from pxr_tf.audit.seen import Seen, read_greys, read_raw, see
from pxr_tf.audit.shuffled import probe_shuffled
from pxr_tf.audit.view_features import find_features, has_backbone, read_view
from pxr_tf.audit.views import VIEWS
from pxr_tf.evaluation.comparisons import holm
from pxr_tf.evaluation.probes import linear_probe, probe_folds, tree_probe
from pxr_tf.evaluation.skill import Skill, make_probe_sample, measure_skills
from pxr_tf.events import emit_progress
from pxr_tf.pictures.file_facts import read_file_facts
from pxr_tf.seeds import order_by_hash

FEATURES, PIXELS, GREYS, FACTS = "features", "pixels", "greys", "file facts"
# Lungs are found in 16 pictures a second on two cores, all else takes 2 minutes: 9 minutes for as many
MOST_IMAGES = 6_500
COLUMNS = ("view", "input", *Skill._fields, "p_holm")


class Probed(NamedTuple):
    """Probabilities of one probe."""

    view: str
    seen_as: str  # what the probe gets
    probabilities: np.ndarray  # [rows, K]; NaN in rows that are not tested


def check_probes(material: Material) -> Checked:
    """Return what probes tell of each class in each view: the table ``probes`` (`COLUMNS`), and its findings."""
    table, seen = see(material, take_patients(used_rows(material), MOST_IMAGES))
    classes, folds, probed, control = material.classes, make_folds(material, table), [], []
    truth = pd.Categorical(table.label, classes).codes.astype(int)
    for number, (view, seen_as, values) in enumerate(_inputs(material, table, seen)):
        emit_progress(material.on_event, "probes", number, _count(material))
        make_probe = tree_probe if seen_as == FACTS else linear_probe
        probed.append(Probed(view, seen_as, probe_folds(values, truth, len(classes), folds, make_probe)))
        if number == 0:
            control = [(SHUFFLED, seen_as, *skill) for skill in probe_shuffled(values, table, classes, folds)]
    skills = _tabulate([*_measure(probed, truth, table, classes), *control])
    return Checked(judge_probes(skills, classes), {"probes": skills})


def _count(material: Material) -> int:
    return len(VIEWS) * (1 + has_backbone(material)) + 2


def _inputs(material: Material, table: pd.DataFrame, seen: Seen) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (view, what the probe gets, [rows, numbers]), features first."""
    contents = list(table.content)
    folders = find_features(material, seen, list(VIEWS), contents)
    for view in folders:
        yield view, FEATURES, read_view(folders, view, contents)
    for view in VIEWS:
        yield view, PIXELS, read_raw(seen, view, contents)
    yield "histogram", GREYS, read_greys(seen, contents)
    yield "file_facts", FACTS, read_file_facts(table).to_numpy()


def take_patients(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the rows, or at most so many: whole patients, chosen by hash."""
    if len(table) <= most:
        return table
    counts = table.patient_id.value_counts()
    ordered = counts[order_by_hash(counts.index, 0, "probed patients")]
    return table[table.patient_id.isin(ordered.index[ordered.cumsum() <= most])].reset_index(drop=True)


def _measure(
    probed: list[Probed], truth: np.ndarray, table: pd.DataFrame, classes: tuple[str, ...]
) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the table; the first probe sees whole pictures, and all are compared with it."""
    tested, patients = np.flatnonzero(table.fold != ""), table.patient_id.to_numpy()
    samples = [make_probe_sample(one.probabilities[tested], truth[tested], patients[tested], classes) for one in probed]
    for one, skills in zip(probed, measure_skills(samples, reference=0), strict=True):
        yield from ((one.view, one.seen_as, *skill) for skill in skills)


def _tabulate(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(COLUMNS[:-1])).rename(columns={"name": "class"})
    return table.assign(p_holm=holm(table.p.to_numpy(float)))
