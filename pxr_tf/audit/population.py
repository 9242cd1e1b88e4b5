"""The check ``population``: do the test part and the training part of a class come from one population?

A model learned the training part. If the test images of a class differ from it, the test figures say how it does on
another population, and, if one class differs more than another, how it does on the difference.
"""

from functools import partial

import numpy as np
import pandas as pd

from pxr_tf.audit.brightness import describe_brightness
from pxr_tf.audit.material import Checked, Material
from pxr_tf.audit.seen import decode, open_preparation
from pxr_tf.data.findings import Finding, Grade
from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.evaluation.comparisons import ALPHA, holm
from pxr_tf.evaluation.populations import Apart, tell_apart
from pxr_tf.events import emit_progress
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import load_pictures

CHECK = "population"
TRAIN, TEST = "train", "test"
# From one population the area is one half. At 0.75, of a test and a training image, the forest names the right one
# three times in four; one class of the official split of 5,856 public X-rays has 0.84.
TWO_POPULATIONS, HINT = 0.75, 0.65
ABOVE = 0.6  # the lower end of an interval that is well above one half: see `tell_apart`
REMEDY = "Cross-validate over both parts by patient, or treat the parts as two data sets."
COLUMNS = ("class", "train_images", "test_images", *Apart._fields, "p_holm")
_BATCH = 256


def check_population(material: Material) -> Checked:
    """Return whether the parts of each class are told apart by brightness: the table ``population``, and findings.

    Without an official split, or roles that are the same for all folds, there is nothing to compare.
    """
    table = material.table.assign(part=find_parts(material))
    table = table[table.part != ""].reset_index(drop=True)
    if table.part.nunique() < 2:
        text = "The data have no official training and test part, so there are no two parts to compare."
        return Checked([Finding(CHECK, "note", "parts", "", text=text)])
    crop, preparation = open_preparation(material, table)
    table = decode(material, table, preparation, crop)
    figures = _describe(material, table, preparation)
    rows = []
    for name in material.classes:
        own = (table.label == name).to_numpy()
        second = (table.part[own] == TEST).to_numpy()
        apart = tell_apart(figures[own], second, table.patient_id[own])
        rows.append((name, int((~second).sum()), int(second.sum()), *apart))
    found = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    found = found.assign(p_holm=holm(found.p.to_numpy(float)))
    tested = tests_a_part(material)
    return Checked([_judge(row, tested) for _, row in found.iterrows()], {CHECK: found})


def tests_a_part(material: Material) -> bool:
    """Return whether figures rest on one part alone, so that a difference of the parts is in them."""
    return material.run is None or len(material.run.folds) == 1


def find_parts(material: Material) -> pd.Series:
    """Return the part of each image, ``train``, ``test`` or "": its role in a run with one split, else the official."""
    table = material.table
    if material.run is None or len(material.run.folds) > 1:
        return table.official_split.where(table.official_split.isin((TRAIN, TEST)), "")
    splits = material.run.splits
    roles = splits[splits.fold == material.run.folds[0]].set_index("image_id").role
    parts = table.image_id.map(roles)
    return parts.mask(parts.isin(TEST_ROLES), TEST).where(parts.isin((TRAIN, *TEST_ROLES)), "")


def _describe(material: Material, table: pd.DataFrame, preparation: Preparation) -> np.ndarray:
    pictures = load_pictures(material.cache, preparation)
    rows, report = pictures.find(table.content), partial(emit_progress, material.on_event, "brightness")
    parts = []
    for start in range(0, len(rows), _BATCH):
        parts.append(describe_brightness(pictures.pixels[rows[start : start + _BATCH]]))
        report(min(start + _BATCH, len(rows)), len(rows))
    return pd.concat(parts).to_numpy(float)


def _judge(row: pd.Series, tested: bool) -> Finding:
    """Return the finding on one class; `tested`: the figures rest on the test part alone."""
    name = row["class"]
    if np.isnan(row.value):
        text = f"{name}: too few patients in a part ({row.train_images:,} and {row.test_images:,} images) to compare."
        return Finding(CHECK, "note", name, "AUC of test against training part", text=text)
    certain = row.low >= ABOVE and row.p_holm < ALPHA
    grade: Grade = "passed"
    if certain and row.value >= HINT:
        grade = "critical" if tested and row.value >= TWO_POPULATIONS else "warning"
    ends = f"AUC {row.value:.2f} ({row.low:.2f} to {row.high:.2f})"
    text = f"{name}: brightness alone tells its test images from its training images with {ends}."
    if grade == "passed":
        text = f"{name}: brightness tells little or nothing of which images are test images ({ends})."
    remedy = "" if grade == "passed" else REMEDY
    return Finding(CHECK, grade, name, "AUC of test against training part", row.value, row.low, row.high, text, remedy)
