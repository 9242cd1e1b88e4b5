"""The balance plan: which originals and which augmented copies one training part has."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from pxr_tf.data.splits import order_by_hash
from pxr_tf.errors import PxrError


def plan_samples(
    table: pd.DataFrame,
    *,
    cap: int | None,
    oversample: Sequence[str] | Literal["all"],
    target: int | None = None,
    seed: int,
) -> pd.DataFrame:
    """Return the samples of a training part: columns ``image_id, copy``; copy 0 is the original, 1, 2, … are augmented.

    `table` has ``image_id`` and ``label``. Classes above `cap` keep that many originals, chosen by hash, so that two
    folds keep nearly the same ones. Then each class in `oversample` gets copies until it has `target` samples, or as
    many as the largest class: copy 1 of every image comes before copy 2 of any.
    """
    originals = {
        label: order_by_hash(images, seed, "cap")[: cap or None] for label, images in table.groupby("label").image_id
    }
    wanted = target or max(len(images) for images in originals.values())
    samples = []
    for label, images in originals.items():
        grows = oversample == "all" or label in oversample
        total = max(wanted, len(images)) if grows else len(images)
        samples += [(images[number % len(images)], number // len(images)) for number in range(total)]
    return pd.DataFrame(sorted(samples), columns=["image_id", "copy"])


def check_samples(samples: pd.DataFrame, training: Sequence[str]) -> None:
    """Raise `PxrError` where a sample's image is not a training row, or where a sample occurs twice."""
    strangers = samples.image_id[~samples.image_id.isin(set(training))]
    if len(strangers):
        raise PxrError(f"The balance plan trains on {strangers.iloc[0]}, which is not in the training part.")
    if samples.duplicated(["image_id", "copy"]).any():
        raise PxrError("The balance plan holds the same copy of the same image twice.")
