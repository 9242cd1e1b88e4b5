"""Materials of phantoms for the tests of audits: data without a run, in folds by patient."""

from dataclasses import replace

import cv2
import numpy as np

from pxr_tf.audit.material import Material
from pxr_tf.data.patients import add_content
from pxr_tf.data.splits import assign_patient_folds
from pxr_tf.executors.inline import Inline
from pxr_tf.phantoms.sets import write_phantoms
from pxr_tf.phantoms.shortcuts import parse_shortcuts
from pxr_tf.sets.find import read_sources

NORMAL_AND_VIRAL = {"normal": 40, "viral": 40}  # patients: in one data set, so with one source

QUALITY = 92  # of phantoms


def make_material(folder, shortcuts="", patients=NORMAL_AND_VIRAL, size=64, seed=0, folds=3):
    """Return the material of new phantoms, one or two images of each patient."""
    write_phantoms(
        folder / "data",
        patients=patients,
        images_per_patient=(1, 2),
        size=size,
        seed=seed,
        shortcuts=parse_shortcuts(shortcuts),
    )
    table, _ = read_sources([place for place in sorted((folder / "data").iterdir()) if place.name not in _EXTRA])
    table = add_content(table)
    table = table.assign(picture=table.content, fold=assign_patient_folds(table, folds, 0).astype(str))
    return Material(table, tuple(sorted(patients)), folder / "cache", Inline(), lambda event: None)


def change_pictures(material, chosen, change):
    """Rewrite the files of the chosen rows; return the material with their new contents."""
    for path in material.table.path[chosen]:
        cv2.imwrite(path, change(cv2.imread(path, cv2.IMREAD_GRAYSCALE)), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return replace(material, table=add_content(material.table.drop(columns=["content", "stamp"], errors="ignore")))


_EXTRA = ("masks", "lesions", "shortcuts.csv")


def grades(checked, subject):
    """Return figure -> grade of the findings on a subject."""
    return {finding.figure: finding.grade for finding in checked.findings if finding.subject == subject}


def draw_groups(rng, counts, patients_each=2):
    """Return (truth, patients) of as many images of each class."""
    truth = np.repeat(np.arange(len(counts)), counts)
    return rng.permutation(truth), np.arange(len(truth)) // patients_each
