"""The splits table, which says who trains, validates and tests; queries and checks of it.

A splits table has the columns ``image_id, fold, role``, with a row for every image that a fold uses. Fold names are
text: 0, 1, … and ``holdout`` in a cross-validation, ``official``, ``random`` (`pxr_tf.data.schemes`). The roles are

``train``, ``val``   images to learn from, images to watch during training
``test``             held out
``test_balanced``    held out and part of the balanced test rows: one image per patient of the smallest class, and one
                     image each of as many patients of every other class

A fold predicts both test roles; the experiment chooses which of them the metrics count.
"""

from collections.abc import Collection
from itertools import product
from pathlib import Path
from typing import Literal

import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.seeds import order_by_hash

HOLDOUT = "holdout"
FOLDS = "folds"  # cross-validation, the only scheme that tests every image
BY_SOURCE = "by_source"  # each source is tested by models that never saw it; a source may lack classes
TEST_ROLES = ("test", "test_balanced")
_ROLES = ("train", "val", *TEST_ROLES)
SPLIT_COLUMNS = ("image_id", "fold", "role")
SEVERAL_FOLDS = (
    "Tuning needs a single split: in cross-validation, the test rows of one fold train the others. Use "
    "SCHEME=official or random."
)
SplitUnit = Literal["patient", "image"]


def assign_patient_folds(table: pd.DataFrame, folds: int, seed: int) -> pd.Series:
    """Return the fold number of each row: patients stay together, classes keep their shares (StratifiedGroupKFold)."""
    from sklearn.model_selection import StratifiedGroupKFold

    numbers = pd.Series(-1, index=table.index)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(table, table.label, table.patient_id)):
        numbers.iloc[held_out] = fold
    return numbers


def balanced_rows(table: pd.DataFrame, seed: int) -> set[str]:
    """Return the image ids of a balanced test: one image of each patient of the smallest class.

    Every other class gives one image each of as many patients. Patients and images are chosen by hash.
    """
    count = patients_per_class(table).min()
    chosen: set[str] = set()
    for _, rows in table.groupby("label"):
        ordered = rows.set_index("image_id").loc[order_by_hash(rows.image_id, seed, "image")]
        image_of = ordered.reset_index().drop_duplicates("patient_id").set_index("patient_id").image_id
        chosen.update(image_of.loc[order_by_hash(image_of.index, seed, "balanced")[:count]])
    return chosen


def patients_per_class(table: pd.DataFrame) -> pd.Series:
    """Return the number of patients of each label."""
    return table.groupby("label").patient_id.nunique()


def rows_of(splits: pd.DataFrame, fold: str | int, *roles: str) -> list[str]:
    """Return the image ids of one fold's roles, sorted."""
    return sorted(splits.image_id[(splits.fold == str(fold)) & splits.role.isin(roles)])


def fold_names(splits: pd.DataFrame) -> list[str]:
    """Return the names of all folds but the hold-out, in order: numbers first, by size."""
    names = {fold for fold in splits.fold if fold != HOLDOUT}
    return sorted(names, key=lambda fold: (0, int(fold), "") if fold.isdecimal() else (1, 0, fold))


def unused_rows(table: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return the manifest's rows that no fold uses, such as those without an official part."""
    return table[~table.image_id.isin(splits.image_id)].reset_index(drop=True)


def without_tests(table: pd.DataFrame, splits: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (rows, splits) without the test rows; raise `PxrError` for several folds or without validation rows."""
    if splits.fold.nunique() > 1:
        raise PxrError(SEVERAL_FOLDS)
    kept = splits[~splits.role.isin(TEST_ROLES)].reset_index(drop=True)
    if not (kept.role == "val").any():
        raise PxrError(
            f"Fold {splits.fold.iloc[0]} has no validation images, by which tuning ranks. Use SCHEME=official or "
            "random, with splits.validation above 0."
        )
    return table[table.image_id.isin(kept.image_id)].reset_index(drop=True), kept


def read_splits(path: Path) -> pd.DataFrame:
    """Read a splits table; every column is text. Raises `PxrError`."""
    return files.read_csv(path, SPLIT_COLUMNS, remedy=files.DELETE_RUN)


def check_splits(
    table: pd.DataFrame,
    splits: pd.DataFrame,
    *,
    scheme: str = FOLDS,
    unit: SplitUnit = "patient",
    validated: Collection[str] = (),
    tests: bool = True,
) -> None:
    """Raise `PxrError` if the splits leak or do not fit the manifest.

    Checked: every image id is known; no image is listed twice in a fold; a patient has one role in a fold (the two
    test roles count as one); in the scheme ``folds``, every image is tested in exactly one fold; every fold trains on
    and tests each class, and validates each if it is in `validated` or validates at all. Without `tests` (in tuning)
    there must be no test rows.

    With the unit ``image``, patients may be on several sides, as in papers that split images: `leaks.find_leaks` counts
    them. An image still has one role.
    """
    patients = table.set_index("image_id").patient_id
    unknown = splits.image_id[~splits.image_id.isin(patients.index)]
    if len(unknown):
        raise PxrError(f"Images in splits.csv that are missing from the data: {len(unknown)} ({shorten(unknown, 2)}).")
    twice = splits[splits.duplicated(["image_id", "fold"])]
    if len(twice):
        raise PxrError(f"splits.csv lists {twice.image_id.iloc[0]} twice in fold {twice.fold.iloc[0]}.")
    strange = splits[~splits.role.isin(_ROLES)]
    if len(strange):
        raise PxrError(
            f"splits.csv has the role {strange.role.iloc[0]!r} for {strange.image_id.iloc[0]}; accepted: "
            f"{', '.join(_ROLES)}. Delete it to split again."
        )
    tested = splits.image_id[splits.role.isin(TEST_ROLES)]
    if len(tested) and not tests:
        raise PxrError(f"splits.csv tests {tested.iloc[0]}, but a tuning run has no test rows. Delete its folder.")
    listed = splits.assign(
        patient_id=splits.image_id.map(patients),
        label=splits.image_id.map(table.set_index("image_id").label),
        side=splits.role.replace({"test_balanced": "test"}),
    )
    if unit == "patient":
        _check_patients_have_one_side(listed)
    if scheme == FOLDS:
        _check_tested_once(table, splits)
    _check_classes(listed, patients_per_class(table), scheme, validated, tests)


def _check_patients_have_one_side(listed: pd.DataFrame) -> None:
    sides = listed.drop_duplicates(["fold", "patient_id", "side"])
    leaks = sides[sides.duplicated(["fold", "patient_id"], keep=False)]
    if len(leaks):
        fold, patient = leaks.fold.iloc[0], leaks.patient_id.iloc[0]
        both = " and ".join(leaks.side[(leaks.fold == fold) & (leaks.patient_id == patient)])
        raise PxrError(f"splits.csv leaks: patient {patient} is in {both} of fold {fold}. Delete it to split again.")


def _check_tested_once(table: pd.DataFrame, splits: pd.DataFrame) -> None:
    tested = splits[(splits.fold != HOLDOUT) & splits.role.isin(TEST_ROLES)].image_id.value_counts()
    times = table.image_id.map(tested).fillna(0).astype(int)
    wrong = times != 1
    if wrong.any():
        image, count = table.image_id[wrong].iloc[0], times[wrong].iloc[0]
        raise PxrError(
            f"splits.csv tests {image} in {count_words(count, 'fold')} (and "
            f"{count_words(wrong.sum() - 1, 'more image')} in none or several); each "
            "must be tested in one fold. Delete it to split again."
        )


def _check_classes(
    listed: pd.DataFrame, patients: pd.Series, scheme: str, validated: Collection[str], tests: bool
) -> None:
    """Raise `PxrError` if a fold has no image of some class to train on, to test or to validate.

    Validation would not notice how well a class that it lacks is learned. Without validation rows, there is no
    validation loss for early stopping to watch.
    """
    present = set(listed[["fold", "side", "label"]].itertuples(index=False, name=None))
    sides = {"train": "training", **({"test": "test"} if tests else {}), "val": "validation"}
    for fold in listed.fold.unique():
        validates = fold in validated or (listed.side[listed.fold == fold] == "val").any()
        for (side, name), label in product(sides.items(), patients.index):
            needed = validates if side == "val" else side != "test" or scheme != BY_SOURCE
            if needed and (fold, side, label) not in present:
                count = count_words(patients[label], "patient")
                raise PxrError(
                    f"Fold {fold} has no {name} image of class {label} ({count} in all). {_remedy(side, scheme)}"
                )


def _remedy(side: str, scheme: str) -> str:
    if side == "val":
        return "Early stopping watches every class: give fixed epoch numbers (--epochs), use other splits, or add data."
    return "Use fewer folds (FOLDS=...), or add data." if scheme == FOLDS else "Add data, or use other shares."
