"""The control of the probes: labels shuffled among patients, from which nothing can be learned."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pxr_tf.evaluation.probes import Fold, probe_folds
from pxr_tf.evaluation.skill import Skill, measure_repeats
from pxr_tf.seeds import order_by_hash

# Areas of a single shuffle scatter 1.3 to 1.6 times as far as their intervals over patients say, because folds share
# training rows: with 80 patients, one clean set in ten failed. Shuffles are independent, so their scatter is known.
SHUFFLES = 10


def probe_shuffled(
    values: np.ndarray, table: pd.DataFrame, classes: tuple[str, ...], folds: Sequence[Fold]
) -> list[Skill]:
    """Return what probes learn from `SHUFFLES` shuffles of the labels: `values` is [rows, m], in the table's order."""
    tested, repeats = np.concatenate([fold.test for fold in folds]), []
    for number in range(SHUFFLES):
        truth = pd.Categorical(shuffle_labels(table, number), classes).codes.astype(int)
        found = probe_folds(values, truth, len(classes), folds)
        repeats.append((found[tested], truth[tested]))
    return measure_repeats(repeats, classes)


def shuffle_labels(table: pd.DataFrame, number: int = 0) -> list[str]:
    """Return a label for each row: its patient has the label of another patient, by the shuffle of this number.

    Nothing can be learned from such labels unless a patient, or a copy of a picture, is in training and in test.
    """
    first = table.drop_duplicates("patient_id").set_index("patient_id").label
    givers = order_by_hash(first.index, number, "shuffled labels")
    dealt = dict(zip(sorted(first.index), first[givers], strict=True))
    return [dealt[patient] for patient in table.patient_id]
