"""The check ``probes``: which classes a simple model still tells apart if it cannot see the lungs.

Every view (`views`) of the pictures is described by the features of the backbone that the run began with, and by raw
pixels. A linear probe learns the classes from them, in the run's own folds. It never sees the run's trained models: it
says what is in the pictures, and so what any model could use.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.audit.folds import make_folds
from pxr_tf.audit.material import Checked, Material
from pxr_tf.audit.probe_findings import SHUFFLED, judge_probes
from pxr_tf.audit.seen import Seen, read_greys, read_raw, see
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
    truth: np.ndarray  # int [rows]: what it learned and is compared with


def check_probes(material: Material) -> Checked:
    """Return what probes tell of each class in each view: the table ``probes`` (`COLUMNS`), and its findings."""
    table, seen = see(material, take_patients(material.table, MOST_IMAGES))
    probed = list(_probe_all(material, table, seen))
    tested = np.flatnonzero(table.fold != "")
    skills = _measure(probed, tested, table.patient_id.to_numpy(), material.classes)
    return Checked(judge_probes(skills, material.classes), {"probes": skills})


def _probe_all(material: Material, table: pd.DataFrame, seen: Seen) -> Iterator[Probed]:
    """Yield every probe; the first sees whole pictures, and the others are compared with it."""
    classes, folds = material.classes, make_folds(material, table)
    truth = pd.Categorical(table.label, classes).codes.astype(int)
    shuffled = pd.Categorical(shuffle_labels(table), classes).codes.astype(int)
    for number, (view, seen_as, values) in enumerate(_inputs(material, table, seen)):
        emit_progress(material.on_event, "probes", number, _count(material))
        make_probe = tree_probe if seen_as == FACTS else linear_probe
        yield Probed(view, seen_as, probe_folds(values, truth, len(classes), folds, make_probe), truth)
        if number == 0:
            yield Probed(SHUFFLED, seen_as, probe_folds(values, shuffled, len(classes), folds), shuffled)


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
    """Return the rows that are in a fold, at most so many images: whole patients, chosen by hash."""
    rows = table[table.fold != ""]
    if len(rows) > most:
        counts = rows.patient_id.value_counts()
        ordered = counts[order_by_hash(counts.index, 0, "probed patients")]
        rows = rows[rows.patient_id.isin(ordered.index[ordered.cumsum() <= most])]
    return rows.reset_index(drop=True)


def shuffle_labels(table: pd.DataFrame) -> list[str]:
    """Return a label for each row: its patient has the label of another patient, by a fixed shuffle of patients.

    Nothing can be learned from such labels unless a patient, or a copy of a picture, is in training and in test.
    """
    first = table.drop_duplicates("patient_id").set_index("patient_id").label
    givers = order_by_hash(first.index, 0, "shuffled labels")
    dealt = dict(zip(sorted(first.index), first[givers], strict=True))
    return [dealt[patient] for patient in table.patient_id]


def _measure(probed: list[Probed], tested: np.ndarray, patients: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    samples = [
        make_probe_sample(one.probabilities[tested], one.truth[tested], patients[tested], classes) for one in probed
    ]
    rows = [
        (one.view, one.seen_as, *skill)
        for one, skills in zip(probed, measure_skills(samples, reference=0), strict=True)
        for skill in skills
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS[:-1])).rename(columns={"name": "class"})
    return table.assign(p_holm=holm(table.p.to_numpy(float)))
