"""Samples: the originals and augmented copies of each fold and role.

A samples table has the columns ``image_id, fold, role, copy``: the rows of the splits, with the training part capped
and oversampled. Copy 0 is the original; 1, 2, … are augmented copies, which only training rows have. If labels were
permuted (`data.permuted`), a column ``label`` has the label of each image in the fold; else the manifest has it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.seeds import order_by_hash

SAMPLE_COLUMNS = ("image_id", "fold", "role", "copy")
LABEL = "label"  # an additional column if labels were permuted


def plan_samples(
    table: pd.DataFrame,
    *,
    cap: int | None,
    oversample: Sequence[str] | Literal["all"],
    target: int | None = None,
    seed: int,
) -> pd.DataFrame:
    """Return the samples of a training part: columns ``image_id, copy``; copy 0 is the original, 1, 2, … are augmented.

    `table` has ``image_id`` and ``label``. Classes above `cap` keep that many originals, chosen by hash, so two folds
    keep nearly the same images. Then each class in `oversample` gets copies until it has `target` samples, by default
    as many as the largest class. Every image gets copy 1 before any gets copy 2.
    """
    originals = {
        label: order_by_hash(image_ids, seed, "cap")[: cap or None]
        for label, image_ids in table.groupby("label").image_id
    }
    wanted = target or max(len(image_ids) for image_ids in originals.values())
    samples = []
    for label, image_ids in originals.items():
        grows = oversample == "all" or label in oversample
        total = max(wanted, len(image_ids)) if grows else len(image_ids)
        samples += [(image_ids[number % len(image_ids)], number // len(image_ids)) for number in range(total)]
    return pd.DataFrame(sorted(samples), columns=["image_id", "copy"])


def plan_all_samples(
    table: pd.DataFrame,
    splits: pd.DataFrame,
    *,
    cap: int | None,
    oversample: Sequence[str] | Literal["all"],
    target: int | None,
    seed: int,
    labels: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the samples of every fold and role; folds in the order of `splits`, then sorted by image id.

    `labels` (``image_id, fold, label``) replaces the table's labels in each fold; the samples then have the column
    ``label``.
    """
    parts = []
    for fold in splits.fold.unique():
        rows = splits[splits.fold == fold]
        training = table[table.image_id.isin(rows.image_id[rows.role == "train"])]
        if labels is not None:
            of_fold = labels[labels.fold == fold].set_index("image_id")[LABEL]
            training = training.assign(label=training.image_id.map(of_fold))
        planned = plan_samples(training, cap=cap, oversample=oversample, target=target, seed=seed)
        others = rows.loc[rows.role != "train", ["image_id", "role"]].assign(copy=0)
        samples = pd.concat([planned.assign(role="train"), others]).assign(fold=fold)
        parts.append(samples.sort_values(["image_id", "copy"]))
    samples = pd.concat(parts, ignore_index=True)[list(SAMPLE_COLUMNS)]
    check_samples(samples, splits)
    return samples if labels is None else samples.merge(labels, on=["image_id", "fold"], how="left")


def read_samples(path: Path) -> pd.DataFrame:
    """Read a samples table; ``copy`` is a number, everything else is text. Raises `PxrError`."""
    return files.read_csv(path, SAMPLE_COLUMNS, "copy".__eq__, files.DELETE_RUN)


def check_samples(samples: pd.DataFrame, splits: pd.DataFrame) -> None:
    """Raise `PxrError` if the samples contradict the splits.

    Checked: a sample's image has that role in that fold; no sample occurs twice; only training rows have copies; no
    held-out row is missing.
    """
    keys = ["image_id", "fold", "role"]
    known = pd.MultiIndex.from_frame(splits[keys])
    here = pd.MultiIndex.from_frame(samples[keys])
    unknown = samples[~here.isin(known)]
    if len(unknown):
        image, fold, role = unknown.iloc[0][keys]
        raise PxrError(f"samples.csv has {image} as {role} of fold {fold}, but splits.csv does not. Delete both.")
    if samples.duplicated(["image_id", "fold", "copy"]).any():
        raise PxrError("samples.csv lists the same copy of an image twice. Delete it and splits.csv.")
    augmented = samples[(samples["copy"] > 0) & (samples.role != "train")]
    if len(augmented):
        image, role = augmented.iloc[0][["image_id", "role"]]
        raise PxrError(f"samples.csv has an augmented copy of {image}, a {role} row; only training rows have copies.")
    lost = splits[(splits.role != "train") & ~known.isin(here)]
    if len(lost):
        raise PxrError(f"samples.csv lacks {lost.image_id.iloc[0]} in fold {lost.fold.iloc[0]}. Delete both tables.")
