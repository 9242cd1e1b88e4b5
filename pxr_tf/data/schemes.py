"""Schemes: how the manifest's rows become folds with training, validation and test rows.

``folds``     cross-validation: every image is tested in one of the folds 0, 1, …; perhaps a hold-out beside them
``official``  the data set's own test part; validation comes out of its training part
``random``    a share is tested and a share validates, by patient, or by image as some papers did

A scheme is a function ``(table, *, seed, <options>) -> splits``. It takes by keyword the options that it uses, of

``folds``              number of folds
``holdout_fraction``   of the smallest class's patients: validation of a hold-out, and again its test; None: none
``nested_fraction``    of each class's training patients: validation inside each fold; None: no validation there
``validation``         a share below 1 of each class's patients, or a number of images; 0: no validation
``test``               a share of each class's patients
``unit``               ``patient``, or ``image``: split images, whosever they are

To add a scheme, write its function and add a line to `SCHEMES`.
"""

import inspect
from collections.abc import Callable, Mapping

import pandas as pd

from pxr_tf.data.choose import check_amount, choose_patients, choose_share
from pxr_tf.data.splits import (
    FOLDS,
    HOLDOUT,
    SPLIT_COLUMNS,
    SplitUnit,
    assign_patient_folds,
    balanced_rows,
    check_splits,
    patients_per_class,
)
from pxr_tf.errors import PxrError, nearest
from pxr_tf.seeds import order_by_hash

MakeSplits = Callable[..., pd.DataFrame]
SchemeOption = int | float | str | None


def make_splits(
    table: pd.DataFrame, scheme: str, *, seed: int, stops_early: bool = False, **options: SchemeOption
) -> pd.DataFrame:
    """Return the splits of the manifest's rows: columns ``image_id, fold, role``, all text.

    A scheme is passed those of the options that it names; the others are ignored, so that one set of settings serves
    every scheme. Rows that the scheme cannot use are in no fold (`splits.unused_rows`). The order of the table makes
    no difference. `stops_early`: training stops on the validation loss. Raises `PxrError` where the scheme is unknown,
    the images are too few for it, or a class is missing where somebody trains, tests or has to validate.
    """
    split, used = find_scheme(scheme), _used(scheme, options)
    table = table.sort_values("image_id", ignore_index=True)
    splits = split(table, seed=seed, **used)
    _check(table, splits, scheme, used, stops_early)
    return splits


def check_again(
    table: pd.DataFrame,
    splits: pd.DataFrame,
    scheme: str,
    *,
    stops_early: bool = False,
    tests: bool = True,
    **options: SchemeOption,
) -> None:
    """Raise `PxrError` where splits from a file are not what the scheme promises, less its test rows if not `tests`."""
    _check(table, splits, scheme, _used(scheme, options), stops_early, tests)


def find_scheme(name: str) -> MakeSplits:
    """Return the scheme's function; raise `PxrError` with the known names."""
    if name not in SCHEMES:
        raise PxrError(f"Unknown scheme {name!r}. Known: {', '.join(SCHEMES)}.{nearest(name, SCHEMES)}")
    return SCHEMES[name]


def options_of(scheme: str) -> list[str]:
    """Return the names of the options that the scheme uses; raise `PxrError` for an unknown scheme."""
    return [name for name in inspect.signature(find_scheme(scheme)).parameters if name not in ("table", "seed")]


def check_own_options(scheme: str, options: Mapping[str, SchemeOption]) -> None:
    """Raise `PxrError` where the scheme does not use one of these options (``splits.options``)."""
    known = options_of(scheme)
    for name in options:
        if name not in known:
            raise PxrError(
                f"splits.options names {name!r}; the scheme {scheme!r} takes {', '.join(known) or 'no options'}."
                f"{nearest(str(name), known)}"
            )


def split_folds(
    table: pd.DataFrame, *, seed: int, folds: int, holdout_fraction: float | None, nested_fraction: float | None
) -> pd.DataFrame:
    """Return folds that test every image once, and the hold-out where `holdout_fraction` is given.

    With `nested_fraction`, each fold gives that share of each class's training patients to a validation part, one at
    least; `make_splits` refuses a fold where a class has a single one. Raises `PxrError` where a class has fewer
    patients than folds, or too few for a hold-out.
    """
    _check_patients(table, folds)
    parts = [assign_holdout(table, holdout_fraction, seed)] if holdout_fraction else []
    numbers = assign_patient_folds(table, folds, seed)
    for fold in range(folds):
        rest = table[numbers != fold]
        validating = choose_patients(rest, nested_fraction or 0, seed=seed, purpose=f"nested {fold}")
        parts.append(_one_fold(str(fold), table[numbers == fold], rest, rest.patient_id.isin(validating), seed))
    return pd.concat(parts, ignore_index=True)


def split_official(table: pd.DataFrame, *, seed: int, validation: float) -> pd.DataFrame:
    """Return one fold, ``official``: the rows marked ``test`` are tested, those marked ``train`` or ``val`` train.

    `validation` of the training rows validate, whole patients of every class. Rows without a mark are in no part, and
    neither are training rows of patients who have test rows too. Raises `PxrError` where no row is marked ``test``,
    or where a class is missing from a part.
    """
    check_amount("splits.validation", validation)
    test = table[table.official_split == "test"]
    if test.empty:
        raise PxrError(
            "This data has no test part of its own; SCHEME=official needs images in a folder test/, or marked test in "
            "the column official_split. Use SCHEME=folds or random."
        )
    rest = table[table.official_split.isin(["train", "val"]) & ~table.patient_id.isin(test.patient_id)]
    validates = rest.patient_id.isin(choose_patients(rest, validation, seed=seed, purpose="official validation"))
    splits = _one_fold("official", test, rest, validates, seed)
    _check_parts(
        table,
        splits,
        validates=bool(validation),
        asked=f"SCHEME=official with splits.validation={validation:g}",
        remedy="Every class needs images marked test, and patients among those marked train who are not in the test "
        "part. Change splits.validation, add data, or use SCHEME=folds or random.",
    )
    return splits


def split_random(
    table: pd.DataFrame, *, seed: int, test: float, validation: float, unit: SplitUnit = "patient"
) -> pd.DataFrame:
    """Return one fold, ``random``: `test` of every class is tested, `validation` validates, the rest trains.

    Both shares are of all patients of a class; with the unit ``image``, of all its images, and a patient may be in
    all three parts. Raises `PxrError` where the shares leave nothing to train on, or a class is missing from a part.
    """
    check_amount("splits.validation", validation)
    if not 0 < test < 1 or (validation < 1 and test + validation >= 1):
        raise PxrError(
            f"splits.test={test:g} and splits.validation={validation:g} leave nothing to train on, or nothing to "
            "test; accepted: shares above 0 whose sum is below 1, such as 0.2 and 0.1."
        )
    units = table if unit == "patient" else table.assign(patient_id=table.image_id)
    tested = units.patient_id.isin(choose_share(units, test, seed=seed, purpose="random test"))
    amount = validation / (1 - test) if validation < 1 else validation  # of what the test leaves
    validating = choose_patients(units[~tested], amount, seed=seed, purpose="random validation")
    validates = units.patient_id[~tested].isin(validating)
    splits = _one_fold("random", table[tested], table[~tested], validates, seed)
    _check_parts(
        table,
        splits,
        validates=bool(validation),
        asked=f"SCHEME=random with splits.test={test:g} and splits.validation={validation:g}",
        remedy=f"Each part needs a {unit} of every class. Change splits.test or splits.validation, or add data.",
    )
    return splits


SCHEMES: dict[str, MakeSplits] = {FOLDS: split_folds, "official": split_official, "random": split_random}


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
    return as_rows(HOLDOUT, {**roles, **dict.fromkeys(training, "train")})


def as_rows(fold: str, roles: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of one fold from image id -> role, sorted by image id."""
    rows = sorted((image, fold, role) for image, role in roles.items())
    return pd.DataFrame(rows, columns=list(SPLIT_COLUMNS))


def _one_fold(fold: str, test: pd.DataFrame, rest: pd.DataFrame, validates: pd.Series, seed: int) -> pd.DataFrame:
    """Return a fold that tests `test` and trains on `rest`, but for its rows that validate."""
    balanced = balanced_rows(test, seed)
    roles = {image: "test_balanced" if image in balanced else "test" for image in test.image_id}
    roles |= {image: "val" if val else "train" for image, val in zip(rest.image_id, validates, strict=True)}
    return as_rows(fold, roles)


def _used(scheme: str, options: Mapping[str, SchemeOption]) -> dict[str, SchemeOption]:
    """Return those of the options that the scheme names; a name that no scheme knows is a fault of the caller."""
    known = {option for name in SCHEMES for option in options_of(name)}
    if not known.issuperset(options):
        raise TypeError(f"no scheme has the options {sorted(set(options) - known)}; known: {sorted(known)}")
    return {name: options[name] for name in options_of(scheme) if name in options}


def _check(
    table: pd.DataFrame,
    splits: pd.DataFrame,
    scheme: str,
    used: Mapping[str, SchemeOption],
    stops_early: bool,
    tests: bool = True,
) -> None:
    """Check the splits; every fold has to validate that stops early itself."""
    folds = set(splits.fold)
    watched = folds & {HOLDOUT} or folds if stops_early else set()  # the hold-out chooses the epochs of all folds
    check_splits(table, splits, scheme=scheme, unit=used.get("unit", "patient"), validated=watched, tests=tests)


def _check_patients(table: pd.DataFrame, folds: int) -> None:
    counts = patients_per_class(table)
    if (counts < folds).any():
        label = counts.idxmin()
        raise PxrError(
            f"Class {label} has {counts[label]} patients for {folds} folds; each fold needs one. "
            f"Use FOLDS={max(2, counts[label])} or fewer, or add data."
        )


def _check_parts(table: pd.DataFrame, splits: pd.DataFrame, *, validates: bool, asked: str, remedy: str) -> None:
    """Raise `PxrError` where one of the table's classes has no training or test row, or no validation row if asked."""
    labels = splits.image_id.map(table.set_index("image_id").label)
    sides = splits.role.replace({"test_balanced": "test"})
    names = {"train": "training", "test": "test"} | ({"val": "validation"} if validates else {})
    for label, patients in patients_per_class(table).items():
        for side, name in names.items():
            if not ((labels == label) & (sides == side)).any():
                count = f"{patients:,} patient{'s' if patients != 1 else ''}"
                raise PxrError(f"{asked} leaves class {label} ({count}) without {name} images. {remedy}")
