"""Leaks: test images whose patient, or nearly the same picture, is in training too."""

from collections.abc import Collection

import pandas as pd

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.data.splits import HOLDOUT, TEST_ROLES
from pxr_tf.errors import count_words

_COLUMNS = ("fold", "test_images", "patients", "patient_images", "twin_images", "leaked_images")


def find_leaks(table: pd.DataFrame, splits: pd.DataFrame, held_out: Collection[str] = TEST_ROLES) -> pd.DataFrame:
    """Return a row per fold that counts what is on both sides: training and validation on one, test on the other.

    In tuning nothing is tested, so `held_out` is the role of the validation rows.

    Columns: ``fold, test_images``; ``patients`` on both sides and their test images, ``patient_images``;
    ``twin_images``, the test images whose ``picture`` (`patients.add_pictures`) is on the other side in another file;
    ``leaked_images``, test images of either kind.
    """
    rows = splits.merge(table[["image_id", "patient_id", "picture"]], on="image_id")
    return pd.DataFrame(
        [_leaks_of(fold, part, held_out) for fold, part in rows.groupby("fold")], columns=list(_COLUMNS)
    )


def describe_leaks(leaks: pd.DataFrame, noun: str = "test image") -> str:
    """Return one sentence on the leaks of a split by image; the counts add up all folds except the hold-out."""
    total = _add_up(leaks)
    counts = [(total["patients"], "patient"), (total["twin_images"], "near-identical picture")]
    found = [count_words(number, name) for number, name in counts if number]
    if not found:
        return "leaky split: images were split, not patients; no patient or picture is known to be on both sides."
    verb = "is" if total["patients"] + total["twin_images"] == 1 else "are"
    share = f"{total['leaked_images']:,} of {count_words(total['test_images'], noun)}"
    return f"leaky split: {' and '.join(found)} {verb} on both sides ({share})."


def leak_warning(leaks: pd.DataFrame, noun: str = "test image") -> RunWarning:
    """Return the warning of a split by image; its strength is the share of the test images that leak.

    A split by image gets one even if no leak is found: without patient ids, leaks cannot be seen.
    """
    total = _add_up(leaks)
    kind = "patient" if total["patients"] or not total["twin_images"] else "picture"
    return RunWarning(
        "leak", "", kind, total["leaked_images"] / max(1, total["test_images"]), describe_leaks(leaks, noun)
    )


def _add_up(leaks: pd.DataFrame) -> dict[str, int]:
    counts = leaks[leaks.fold != HOLDOUT].drop(columns="fold").sum()
    return {name: int(count) for name, count in counts.items()}


def _leaks_of(fold: str, rows: pd.DataFrame, held_out: Collection[str]) -> tuple:
    tests = rows.role.isin(held_out)
    tested, trained = rows[tests], rows[~tests]
    of_patient = tested.patient_id.isin(set(trained.patient_id))
    has_twin = tested.picture.isin(set(trained.picture))
    patients = tested.patient_id[of_patient].nunique()
    return fold, len(tested), patients, of_patient.sum(), has_twin.sum(), (of_patient | has_twin).sum()
