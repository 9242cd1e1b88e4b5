"""Leaks: test images that training has seen, as another image of the patient or as nearly the same picture."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pxr_tf.data.doubts import Doubt
from pxr_tf.data.splits import HOLDOUT, TEST_ROLES
from pxr_tf.errors import count_words

COLUMNS = ("fold", "test_images", "patients", "patient_images", "twin_images", "leaked_images")


def find_leaks(
    table: pd.DataFrame, splits: pd.DataFrame, twins: pd.DataFrame | np.ndarray | Sequence[tuple[str, str]] = ()
) -> pd.DataFrame:
    """Return a row per fold: what is on both of its sides, training with validation on the one, test on the other.

    Columns: ``fold, test_images``; ``patients`` on both sides and ``patient_images``, the test images that they have;
    ``twin_images``, the test images with a near-identical picture on the other side; ``leaked_images``, those of
    either kind. `twins` are pairs of image ids in the first two columns, in any order; ids that the table does not
    have are passed over. With a column ``content``, files with the same bytes are twins as well.
    """
    columns = ["image_id", "patient_id", *(["content"] if "content" in table else [])]
    rows = splits.merge(table[columns], on="image_id")
    pairs = _both_ways(twins)
    return pd.DataFrame([_leaks_of(fold, part, pairs) for fold, part in rows.groupby("fold")], columns=list(COLUMNS))


def describe_leaks(leaks: pd.DataFrame) -> str:
    """Return what `find_leaks` found of a split by image, in a sentence.

    The folds of a cross-validation are added up, the hold-out left out: its test images are in the folds again.
    """
    total = _add_up(leaks)
    counts = [(total["patients"], "patient"), (total["twin_images"], "near-identical picture")]
    found = [count_words(number, name) for number, name in counts if number]
    if not found:
        return "leaky split: images were split, not patients; none that is known to be on both sides."
    verb = "is" if total["patients"] + total["twin_images"] == 1 else "are"
    share = f"{total['leaked_images']:,} of {count_words(total['test_images'], 'test image')}"
    return f"leaky split: {' and '.join(found)} {verb} on both sides ({share})."


def leak_doubt(leaks: pd.DataFrame) -> Doubt:
    """Return what a split by image is worth, as a doubt; its strength is the share of the test images that leak.

    There is one also where nothing is known to leak: data without patient ids cannot tell.
    """
    total = _add_up(leaks)
    kind = "patient" if total["patients"] or not total["twin_images"] else "picture"
    return Doubt("leak", "", kind, total["leaked_images"] / max(1, total["test_images"]), describe_leaks(leaks))


def _add_up(leaks: pd.DataFrame) -> dict[str, int]:
    counts = leaks[leaks.fold != HOLDOUT].drop(columns="fold").sum()
    return {name: int(count) for name, count in counts.items()}


def _both_ways(twins: pd.DataFrame | np.ndarray | Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return the pairs as columns ``image_id, other``, each in both orders."""
    pairs = np.asarray(twins, object) if len(twins) else np.empty((0, 2), object)
    pairs = pairs[:, :2]  # a table may say more of a pair, such as its correlation
    return pd.DataFrame(np.concatenate([pairs, pairs[:, ::-1]]), columns=["image_id", "other"])


def _leaks_of(fold: str, rows: pd.DataFrame, pairs: pd.DataFrame) -> tuple:
    tests = rows.role.isin(TEST_ROLES)
    tested, trained = rows[tests], rows[~tests]
    of_patient = tested.patient_id.isin(set(trained.patient_id))
    has_twin = tested.image_id.isin(set(pairs.image_id[pairs.other.isin(set(trained.image_id))]))
    if "content" in rows:
        has_twin |= tested.content.isin(set(trained.content))
    patients = tested.patient_id[of_patient].nunique()
    return fold, len(tested), patients, of_patient.sum(), has_twin.sum(), (of_patient | has_twin).sum()
