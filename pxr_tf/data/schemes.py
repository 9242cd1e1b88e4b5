"""Schemes: how the manifest's rows become folds with training, validation and test rows.

``folds``     cross-validation: each image is tested in one of the folds 0, 1, …; optionally with a hold-out
``official``  the data set's own test part; validation is taken from its training part
``by_source`` each source is tested by models that never saw it, if the others have every class
``random``    one share tests and one share validates, by patient, or by image as some papers did

A scheme is a function ``(table, *, seed, <options>) -> splits``. It takes the options that it uses by keyword:

``folds``              number of folds
``holdout_fraction``   share of the smallest class's patients that validate in the hold-out, as many test; None: none
``nested_fraction``    share of each class's training patients that validate in each fold; None: no validation there
``validation``         a share below 1 of each class's patients, or a number of images; 0: no validation
``test``               a share of each class's patients
``unit``               ``patient``, or ``image``: split images, whoever the patient is

To add a scheme, write a function and add a line to `SCHEMES`.
"""

import inspect
from collections.abc import Callable, Mapping

import pandas as pd

from pxr_tf.data.choose import check_amount, choose_patients, choose_share
from pxr_tf.data.splits import (
    BY_SOURCE,
    FOLDS,
    HOLDOUT,
    SPLIT_COLUMNS,
    SplitUnit,
    assign_patient_folds,
    balanced_rows,
    check_splits,
    patients_per_class,
)
from pxr_tf.errors import PxrError, count_words, nearest
from pxr_tf.seeds import order_by_hash

MakeSplits = Callable[..., pd.DataFrame]
SchemeOption = int | float | str | None


def make_splits(
    table: pd.DataFrame, scheme: str, *, seed: int, stops_early: bool = False, **options: SchemeOption
) -> pd.DataFrame:
    """Return the splits of the manifest's rows: columns ``image_id, fold, role``, all text.

    A scheme gets only the options that it names, so one set of settings serves every scheme. Rows that the scheme
    cannot use are in no fold (`splits.unused_rows`). The order of the table makes no difference. `stops_early`:
    training stops on the validation loss. Raises `PxrError` if the scheme is unknown or needs more images, or if a
    class is missing from training, test or a validation that is needed.
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
    """Raise `PxrError` if splits from a file break the scheme's rules; without `tests`, test rows are not expected."""
    _check(table, splits, scheme, _used(scheme, options), stops_early, tests)


def find_scheme(name: str) -> MakeSplits:
    """Return the scheme's function; raise `PxrError` for an unknown name."""
    if name not in SCHEMES:
        raise PxrError(f"Unknown scheme {name!r}. Known: {', '.join(SCHEMES)}.{nearest(name, SCHEMES)}")
    return SCHEMES[name]


def options_of(scheme: str) -> list[str]:
    """Return the names of the options that the scheme uses; raise `PxrError` for an unknown scheme."""
    return [name for name in inspect.signature(find_scheme(scheme)).parameters if name not in ("table", "seed")]


def check_own_options(scheme: str, options: Mapping[str, SchemeOption]) -> None:
    """Raise `PxrError` if the scheme does not use one of these options (``splits.options``)."""
    known = options_of(scheme)
    for name in options:
        if name not in known:
            raise PxrError(
                f"splits.options has {name!r}; the scheme {scheme!r} takes {', '.join(known) or 'no options'}."
                f"{nearest(str(name), known)}"
            )


def split_folds(
    table: pd.DataFrame, *, seed: int, folds: int, holdout_fraction: float | None, nested_fraction: float | None
) -> pd.DataFrame:
    """Return folds that test every image once, and the hold-out if `holdout_fraction` is given.

    With `nested_fraction`, that share of each class's training patients validates in each fold, at least one. A class
    with a single training patient has none to spare, and `make_splits` refuses the fold. Raises `PxrError` if a class
    has fewer patients than folds, or too few for a hold-out.
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
    """Return one fold, ``official``: rows marked ``test`` are tested, rows marked ``train`` or ``val`` train.

    `validation` of the training rows validate instead, as whole patients of every class. Rows without a mark, and
    training rows of patients with test rows, are left out. Raises `PxrError` if no row is marked ``test``, or if a
    class is missing from a part.
    """
    check_amount("splits.validation", validation)
    test = table[table.official_split == "test"]
    if test.empty:
        raise PxrError(
            "The data have no official test part; SCHEME=official needs images in a folder test/, or marked test in "
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
        remedy="Every class needs images marked test, and images marked train of patients outside the test part. "
        "Change splits.validation, add data, or use SCHEME=folds or random.",
    )
    return splits


def split_random(
    table: pd.DataFrame, *, seed: int, test: float, validation: float, unit: SplitUnit = "patient"
) -> pd.DataFrame:
    """Return one fold, ``random``: `test` of every class is tested, `validation` validates, the rest trains.

    Both are shares of a class's patients. With the unit ``image`` they are shares of its images, and a patient may be
    in all three parts. Raises `PxrError` if nothing is left to train on, or a class is missing from a part.
    """
    check_amount("splits.validation", validation)
    if not 0 < test < 1 or (validation < 1 and test + validation >= 1):
        raise PxrError(
            f"splits.test={test:g} and splits.validation={validation:g} leave nothing to train on or nothing to "
            "test; accepted: shares above 0 with a sum below 1, such as 0.2 and 0.1."
        )
    units = table if unit == "patient" else table.assign(patient_id=table.image_id)
    tested = units.patient_id.isin(choose_share(units, test, seed=seed, purpose="random test"))
    amount = validation / (1 - test) if validation < 1 else validation  # as a share of what the test leaves
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


def split_by_source(table: pd.DataFrame, *, seed: int, validation: float) -> pd.DataFrame:
    """Return a fold per source that can be held out, with the source's name: its images test, all others train.

    A source can be held out if the others have every class. `validation` of the training rows validate instead, as
    whole patients of every class. Training rows of patients with test rows are left out. Raises `PxrError` if no source
    can be held out, and names the classes that stand in the way.
    """
    check_amount("splits.validation", validation)
    parts, lacking = [], {}
    for source in sorted(table.source.unique()):
        test = table[table.source == source]
        rest = table[(table.source != source) & ~table.patient_id.isin(test.patient_id)]
        lacking[source] = sorted(set(table.label) - set(rest.label))
        if not lacking[source]:
            validates = rest.patient_id.isin(choose_patients(rest, validation, seed=seed, purpose=f"source {source}"))
            parts.append(_one_fold(source.replace("/", "-"), test, rest, validates, seed))  # also a folder's name
    if not parts:
        named = "; ".join(f"without {source}, no image of {', '.join(labels)}" for source, labels in lacking.items())
        raise PxrError(
            f"SCHEME=by_source can hold out no source: {named}. Add a data set that has these classes (DATA=a,b)."
        )
    return pd.concat(parts, ignore_index=True)


SCHEMES: dict[str, MakeSplits] = {
    FOLDS: split_folds,
    "official": split_official,
    "random": split_random,
    BY_SOURCE: split_by_source,
}


def assign_holdout(table: pd.DataFrame, fraction: float, seed: int) -> pd.DataFrame:
    """Return the hold-out: `fraction` of the smallest class's patients validate, and as many others test.

    Every other class gives the same numbers of patients, and each patient gives one image. Their other images are not
    used; all other patients train. (bozickovic2021: 15 % of 137 patients, 21 and 21 images per class.)
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
                f"Class {label} has {count_words(rows.patient_id.nunique(), 'patient')}, too few for a hold-out "
                f"with {count} in "
                f"validation, {count} in test and some in training. Add data or lower splits.holdout_fraction."
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
    """Return a fold that tests `test` and trains on the rows of `rest` that do not validate."""
    balanced = balanced_rows(test, seed)
    roles = {image: "test_balanced" if image in balanced else "test" for image in test.image_id}
    roles |= {image: "val" if val else "train" for image, val in zip(rest.image_id, validates, strict=True)}
    return as_rows(fold, roles)


def _used(scheme: str, options: Mapping[str, SchemeOption]) -> dict[str, SchemeOption]:
    """Return the options that the scheme uses; raise TypeError for a name that no scheme knows."""
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
    """Check the splits; every fold that stops early itself must have validation rows."""
    folds = set(splits.fold)
    watched = folds & {HOLDOUT} or folds if stops_early else set()  # the hold-out chooses the epochs of all folds
    check_splits(table, splits, scheme=scheme, unit=used.get("unit", "patient"), validated=watched, tests=tests)


def _check_patients(table: pd.DataFrame, folds: int) -> None:
    counts = patients_per_class(table)
    if (counts < folds).any():
        label = counts.idxmin()
        raise PxrError(
            f"Class {label} has {count_words(counts[label], 'patient')} for {count_words(folds, 'fold')}; each "
            f"fold needs at least one. "
            f"Use FOLDS={max(2, counts[label])} or fewer, or add data."
        )


def _check_parts(table: pd.DataFrame, splits: pd.DataFrame, *, validates: bool, asked: str, remedy: str) -> None:
    """Raise `PxrError` if a class has no training row, no test row, or (if `validates`) no validation row."""
    labels = splits.image_id.map(table.set_index("image_id").label)
    sides = splits.role.replace({"test_balanced": "test"})
    names = {"train": "training", "test": "test"} | ({"val": "validation"} if validates else {})
    for label, patients in patients_per_class(table).items():
        for side, name in names.items():
            if not ((labels == label) & (sides == side)).any():
                count = count_words(patients, "patient")
                raise PxrError(f"{asked} leaves class {label} ({count}) without {name} images. {remedy}")
