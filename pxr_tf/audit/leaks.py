"""The check ``leaks``: whether something that is counted was also learned from, or chosen on."""

from collections.abc import Iterator

import pandas as pd

from pxr_tf.audit.material import Checked, Material
from pxr_tf.data.findings import Finding
from pxr_tf.data.leaks import find_leaks
from pxr_tf.data.splits import HOLDOUT, TEST_ROLES
from pxr_tf.errors import count_words, shorten
from pxr_tf.runs.finished import FinishedRun

# From this share of the test images on, a leak can move an accuracy by as much as an interval of 1,000 patients is wide
# (3 points) if all leaked images are right; below it, it is a fault, but explains little.
SERIOUS = 0.03
_CHECK = "leaks"


def check_leaks(material: Material) -> Checked:
    """Return what is on both sides of a split, what is counted twice, and what was chosen on counted rows."""
    splits = _splits(material)
    leaks = find_leaks(material.table, splits)
    files = find_leaks(
        material.table.assign(patient_id=material.table.image_id, picture=material.table.content), splits
    )
    leaks = leaks.assign(file_images=files.twin_images)
    findings = [*_both_sides(leaks), *_counted_twice(material)]
    if material.run is not None:
        findings += [*_augmented(material.run), *_chosen(material.run)]
    else:
        findings += _two_labels(material.table)
    return Checked(findings, {"leaks": leaks})


def _splits(material: Material) -> pd.DataFrame:
    """Return the run's splits; without a run, the official parts as one fold, or no rows."""
    if material.run is not None:
        return material.run.splits
    table = material.table[material.table.official_split != ""]
    return pd.DataFrame({"image_id": table.image_id, "fold": "official", "role": table.official_split})


def _both_sides(leaks: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding on patients, and one on pictures, in training and test."""
    counted = leaks[leaks.fold != HOLDOUT]
    total = int(counted.test_images.sum())
    if not total:
        text = "There is no test part, so nothing can be on both sides."
        yield Finding(_CHECK, "note", "split", "share of test images", text=text)
        return
    for subject, column, what in (
        ("patients", "patient_images", "belong to patients who are in training too"),
        ("files", "file_images", "have the bytes of a file in training"),
        ("pictures", "twin_images", "have a near-identical copy in training"),
    ):
        images = int(counted[column].sum())
        share = images / total
        grade = "passed" if not images else "critical" if share >= SERIOUS else "warning"
        text = f"{images:,} of {count_words(total, 'test image')} {what}."
        remedy = "Split by patient (splits.unit=patient) and drop copies (duplicates=drop)." if images else ""
        yield Finding(_CHECK, grade, subject, "share of test images", share, text=text, remedy=remedy)


def _counted_twice(material: Material) -> Iterator[Finding]:
    """Yield a finding on test images that show one picture."""
    tested = material.tested
    if tested.empty:
        return
    again = int(tested.picture.duplicated().sum())
    share = again / len(tested)
    grade = "passed" if not again else "warning" if share >= SERIOUS else "note"
    text = f"{again:,} of {count_words(len(tested), 'test image')} show a picture that is counted already."
    remedy = "Keep one copy of each picture (duplicates=drop)." if again else ""
    yield Finding(_CHECK, grade, "copies", "share of test images", share, text=text, remedy=remedy)


def _augmented(run: FinishedRun) -> Iterator[Finding]:
    """Yield a finding on augmented or repeated samples among those that are counted."""
    tests = run.samples[run.samples.role.isin(TEST_ROLES)]
    made = int((tests["copy"] > 0).sum())
    repeated = int(tests.duplicated(["image_id", "fold"]).sum())
    share = max(made, repeated) / max(1, len(tests))
    text = f"{made:,} of {count_words(len(tests), 'test sample')} are augmented, and {repeated:,} repeat an image."
    remedy = "Delete the run and train it again: samples.csv was edited." if share else ""
    yield Finding(
        _CHECK, "critical" if share else "passed", "samples", "share of test samples", share, text=text, remedy=remedy
    )


def _chosen(run: FinishedRun) -> Iterator[Finding]:
    """Yield findings on what was chosen on counted rows: epochs, and settings, of which a run knows nothing."""
    if run.recipe.chooses_epochs:
        chosen_on = run.splits[(run.splits.fold == HOLDOUT) & (run.splits.role == "val")].image_id
        counted = run.tested.image_id
        images = int(counted.isin(set(chosen_on)).sum())
        share = images / max(1, len(counted))
        text = (
            f"The number of epochs was chosen on {images:,} of {count_words(len(counted), 'test image')}: one hold-out "
            "chooses it for all folds."
            if images
            else "The number of epochs was chosen on images that are not counted."
        )
        remedy = "Choose it inside each fold: splits.nested_fraction=0.1." if images else ""
        grade = "warning" if images else "passed"
        yield Finding(_CHECK, grade, "epochs", "share of test images", share, text=text, remedy=remedy)
    text = "A run cannot know whether its settings were chosen by looking at these test images."
    remedy = "If they were, say so beside every figure, or evaluate on other data (pxr evaluate)."
    yield Finding(_CHECK, "note", "settings", "", text=text, remedy=remedy)


def _two_labels(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding on pictures that the data label in two ways."""
    labels = table.groupby("picture").label.nunique()
    twice = labels.index[labels > 1]
    share = float(table.picture.isin(set(twice)).mean())
    text = "No picture has two labels."
    if len(twice):
        some = table.image_id[table.picture.isin(set(twice))]
        text = f"{count_words(len(twice), 'picture')} have copies with different labels: {shorten(some, 4)}."
    remedy = "Correct the labels, or leave these pictures out." if len(twice) else ""
    yield Finding(
        _CHECK, "warning" if len(twice) else "passed", "labels", "share of images", share, text=text, remedy=remedy
    )
