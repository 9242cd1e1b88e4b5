"""Permuted labels: nothing can be learned from them, so the maps of a network trained on them are a baseline.

Adebayo et al., "Sanity Checks for Saliency Maps" (data randomisation test): if a network that learned true
labels and one that learned permuted labels give similar maps, the maps explain neither. Test rows keep their true
labels: a run that beats guessing on them has seen them.
"""

import pandas as pd

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.errors import PxrError
from pxr_tf.seeds import order_by_hash

PERMUTED_WARNING = RunWarning(
    what="labels",
    label="",
    property="permuted",
    strength=1.0,
    text=(
        "the labels of the training and validation images were permuted on purpose: this run says nothing about any "
        "disease. On the test images, whose labels are true, it should be no better than guessing."
    ),
)


def permute_labels(table: pd.DataFrame, splits: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the label that each image has in each fold: columns ``image_id, fold, label``, rows as in `splits`.

    Labels are shuffled among the training rows of a fold, and among its validation rows, so both parts keep their
    number of images per class. Test rows keep their labels. The seed, the fold and the role decide the order. `table`
    has ``image_id`` and ``label``.
    """
    rows = splits.merge(table[["image_id", "label"]], on="image_id", how="left", validate="many_to_one")
    for (fold, role), part in rows.groupby(["fold", "role"]):
        if role not in TEST_ROLES:
            rows.loc[part.index, "label"] = _deal(part, seed, f"permuted labels, {fold}, {role}")
    return rows[["image_id", "fold", "label"]]


def check_labels(samples: pd.DataFrame, table: pd.DataFrame) -> None:
    """Raise `PxrError` if the samples give a test image another label than the manifest does."""
    true = samples.image_id.map(table.set_index("image_id").label)
    wrong = samples[samples.role.isin(TEST_ROLES) & (samples.label != true)]
    if len(wrong):
        image, label = wrong.iloc[0][["image_id", "label"]]
        raise PxrError(
            f"samples.csv gives the test image {image} the label {label}, but manifest.csv {true[wrong.index[0]]}; "
            "test rows keep their labels. Delete the run directory."
        )


def _deal(part: pd.DataFrame, seed: int, purpose: str) -> list[str]:
    """Return the labels of the rows, shuffled; the order of the rows makes no difference."""
    labels = part.set_index("image_id").label
    order = order_by_hash(labels.index, seed, purpose)
    dealt = dict(zip(sorted(labels.index), labels[order], strict=True))
    return [dealt[image_id] for image_id in part.image_id]
