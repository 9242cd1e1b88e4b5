"""Who trains, who validates and who tests: by patient, never by image.

A splits table has the columns ``image_id, fold, role`` with a row for every image that a fold uses. ``fold`` is
``holdout`` or 0, 1, …; the roles are

``train``, ``val``   originals that the fold learns from, or watches
``test``             held out
``test_balanced``    held out, and one of the balanced test rows: one image per patient of the smallest class and one
                     image each of as many patients of every other class

A fold predicts both test roles; which of them the metrics count is the experiment's choice.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pxr_tf.errors import PxrError, shorten

HOLDOUT = "holdout"
TEST_ROLES = ("test", "test_balanced")
COLUMNS = ("image_id", "fold", "role")


def order_by_hash(names: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Return the names in a random order in which the place of any two never depends on the others."""
    return sorted(names, key=lambda name: hashlib.blake2b(f"{seed}\x1f{purpose}\x1f{name}".encode()).digest())


def make_splits(
    table: pd.DataFrame, *, folds: int, seed: int, holdout_fraction: float | None, nested_fraction: float | None
) -> pd.DataFrame:
    """Return all folds of the manifest's rows, and the hold-out where `holdout_fraction` is given.

    With `nested_fraction`, each fold gives that share of each class's training patients to a validation part.
    Raises `PxrError` where a class has fewer patients than folds, or too few for a hold-out.
    """
    table = table.sort_values("image_id", ignore_index=True)
    _check_patients(table, folds)
    parts = [assign_holdout(table, holdout_fraction, seed)] if holdout_fraction else []
    numbers = assign_folds(table, folds, seed)
    for fold in range(folds):
        parts.append(_one_fold(table, numbers == fold, fold, seed, nested_fraction))
    splits = pd.concat(parts, ignore_index=True)
    check_splits(table, splits)
    return splits


def assign_folds(table: pd.DataFrame, folds: int, seed: int) -> pd.Series:
    """Return the fold number of each row: patients stay together, classes keep their shares (StratifiedGroupKFold)."""
    from sklearn.model_selection import StratifiedGroupKFold

    numbers = pd.Series(-1, index=table.index)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(table, table.label, table.patient_id)):
        numbers.iloc[held_out] = fold
    return numbers


def assign_holdout(table: pd.DataFrame, fraction: float, seed: int) -> pd.DataFrame:
    """Return the hold-out: `fraction` of the smallest class's patients validate, as many more test.

    One image per patient and the same number of patients of each other class; the other images of these patients
    are not used, all other patients train (bozickovic2021: 15 % of 137 patients, 21 and 21 images per class).
    """
    smallest = patients_per_class(table).idxmin()
    count = max(1, round(fraction * patients_per_class(table)[smallest]))
    roles: dict[str, str] = {}
    taken: set[str] = set()
    for label in sorted(table.label.unique()):
        rows = table[(table.label == label) & ~table.patient_id.isin(taken)]
        patients = order_by_hash(rows.patient_id.unique(), seed, "holdout")[: 2 * count]
        if len(patients) < 2 * count or rows.patient_id.nunique() <= 2 * count:
            raise PxrError(
                f"Class {label} has {rows.patient_id.nunique()} patients, too few for {count} in validation, {count} "
                "in test and some in training. Add data or lower splits.holdout_fraction."
            )
        taken.update(patients)
        for number, patient in enumerate(patients):
            image = order_by_hash(rows.image_id[rows.patient_id == patient], seed, "image")[0]
            roles[image] = "val" if number < count else "test_balanced"
    training = table.image_id[~table.patient_id.isin(taken)]
    return _as_rows(HOLDOUT, {**roles, **dict.fromkeys(training, "train")})


def balanced_rows(table: pd.DataFrame, seed: int) -> set[str]:
    """Return the image ids of a balanced test: one image of each patient of the smallest class, as many of each other.

    The other classes give one image each of that many of their patients. Patients and images are chosen by hash.
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
    """Return the numbered folds, in order, as text."""
    return sorted({fold for fold in splits.fold if fold != HOLDOUT}, key=int)


def read_splits(path: Path) -> pd.DataFrame:
    """Read a splits table; every column is text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def check_splits(table: pd.DataFrame, splits: pd.DataFrame) -> None:
    """Raise `PxrError` where the splits leak or do not fit the manifest.

    Checked: every image id is known; a patient has one role in a fold (the two test roles count as one); no image
    is listed twice in a fold; every image is tested in exactly one numbered fold; every fold trains on each class
    and tests each.
    """
    patients = table.set_index("image_id").patient_id
    unknown = splits.image_id[~splits.image_id.isin(patients.index)]
    if len(unknown):
        raise PxrError(f"splits.csv names {len(unknown)} images that the data do not have: {shorten(unknown, 2)}.")
    twice = splits[splits.duplicated(["image_id", "fold"])]
    if len(twice):
        raise PxrError(f"splits.csv lists {twice.image_id.iloc[0]} twice in fold {twice.fold.iloc[0]}.")
    listed = splits.assign(
        patient_id=splits.image_id.map(patients), side=splits.role.replace({"test_balanced": "test"})
    )
    sides = listed.drop_duplicates(["fold", "patient_id", "side"])
    leaks = sides[sides.duplicated(["fold", "patient_id"], keep=False)]
    if len(leaks):
        fold, patient = leaks.fold.iloc[0], leaks.patient_id.iloc[0]
        both = " and ".join(leaks.side[(leaks.fold == fold) & (leaks.patient_id == patient)])
        raise PxrError(f"splits.csv leaks: patient {patient} is in {both} of fold {fold}. Delete it to split anew.")
    tested = splits[(splits.fold != HOLDOUT) & splits.role.isin(TEST_ROLES)].image_id.value_counts()
    times = table.image_id.map(tested).fillna(0).astype(int)
    wrong = times != 1
    if wrong.any():
        image, count = table.image_id[wrong].iloc[0], times[wrong].iloc[0]
        raise PxrError(
            f"splits.csv tests {image} in {count} folds (and {wrong.sum() - 1} more images in none or several); each "
            "must be tested in one fold. Delete it to split anew."
        )
    _check_classes(table, listed)


def _check_classes(table: pd.DataFrame, listed: pd.DataFrame) -> None:
    """Raise `PxrError` where a fold trains on no image of some class, or tests none."""
    labels = listed.image_id.map(table.set_index("image_id").label)
    places = pd.MultiIndex.from_product([listed.fold.unique(), ["train", "test"]])
    counts = pd.crosstab([listed.fold, listed.side], labels).reindex(places, fill_value=0)
    for (fold, side), row in counts.iterrows():
        if (row == 0).any():
            raise PxrError(
                f"Fold {fold} has no {side} image of class {row.idxmin()}, which has too few patients of its own. "
                "Use fewer folds (FOLDS=...), or add data."
            )


def _check_patients(table: pd.DataFrame, folds: int) -> None:
    counts = patients_per_class(table)
    if (counts < folds).any():
        label = counts.idxmin()
        raise PxrError(
            f"Class {label} has {counts[label]} patients for {folds} folds; each fold needs one. "
            f"Use FOLDS={max(2, counts[label])} or fewer, or add data."
        )


def _one_fold(
    table: pd.DataFrame, held_out: pd.Series, fold: int, seed: int, nested_fraction: float | None
) -> pd.DataFrame:
    test, train = table[held_out], table[~held_out]
    balanced = balanced_rows(test, seed)
    roles = {image: "test_balanced" if image in balanced else "test" for image in test.image_id}
    validating = _nested_patients(train, nested_fraction, seed, fold) if nested_fraction else set()
    for image, patient in zip(train.image_id, train.patient_id, strict=True):
        roles[image] = "val" if patient in validating else "train"
    return _as_rows(str(fold), roles)


def _nested_patients(train: pd.DataFrame, fraction: float, seed: int, fold: int) -> set[str]:
    """Return `fraction` of the patients of each class, one or more; a patient of two classes counts for the first."""
    chosen: set[str] = set()
    for _, patients in train.drop_duplicates("patient_id").groupby("label").patient_id:
        ordered = order_by_hash(patients, seed, f"nested {fold}")
        count = max(1, round(fraction * len(ordered)))
        chosen.update(ordered[: min(count, len(ordered) - 1)])  # the only patient of a class trains
    return chosen


def _as_rows(fold: str, roles: dict[str, str]) -> pd.DataFrame:
    rows = sorted((image, fold, role) for image, role in roles.items())
    return pd.DataFrame(rows, columns=list(COLUMNS))
