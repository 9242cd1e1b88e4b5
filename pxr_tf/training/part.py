"""A part is what a learner gets: one fold's rows with roles and copies, their pictures, and a folder for its files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.pictures.inputs import Inputs, picture_inputs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.vocabulary.augmentation import Augmentation
from pxr_tf.vocabulary.training import ClassWeights

TRAIN, VALIDATION, TEST = ("train",), ("val",), TEST_ROLES

Predict = Callable[[pd.DataFrame], np.ndarray]  # rows of a part -> float32 [rows, classes], each row's sum 1


@dataclass(frozen=True)
class Part:
    """One fold, or the hold-out, or the only split.

    `rows` has ``image_id, copy, role, label, patient_id, source, content`` and ``row``, the place of the picture in
    `pixels`; training rows may be augmented copies (``copy`` > 0), all other rows are originals.
    """

    fold: str
    folder: Path  # for all files that the learner writes
    classes: tuple[str, ...]
    rows: pd.DataFrame
    pixels: np.ndarray  # uint8 [pictures, size, size], memory-mapped
    preparation: Preparation
    augmentation: Augmentation
    seed: int
    cache: Path  # shared by all runs; may be deleted
    epochs: Mapping[str, int] | None = None  # epochs per phase that were chosen elsewhere; None: choose here
    origin: str = "real"  # or synthetic

    @property
    def card(self) -> dict[str, object]:
        """What a model file records about the part that it was trained on."""
        return {
            "classes": list(self.classes),
            "image": {**self.preparation.describe(), "values": "uint8 grey, 0-255"},
            "fold": self.fold,
            "trained_on": sorted(self.of(TRAIN).source.unique()),
            "notice": "Research use only, not a medical device.",
        }

    def of(self, roles: tuple[str, ...]) -> pd.DataFrame:
        """Return the rows with one of these roles."""
        return self.rows[self.rows.role.isin(roles)].reset_index(drop=True)

    def one_hot(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the labels as float32 [rows, classes]."""
        return (rows.label.to_numpy()[:, None] == np.array(self.classes)[None]).astype(np.float32)

    def inputs(self, rows: pd.DataFrame, *, every_epoch: bool = False) -> Inputs:
        """Return the rows' pictures, copies augmented; `every_epoch` augments each in every epoch, if configured."""
        return picture_inputs(
            self.pixels,
            rows.row.to_numpy(),
            rows,
            copies=self.augmentation.copies,
            epochs=self.augmentation.epochs if every_epoch else "none",
            seed=self.seed,
        )


def class_weights(labels: pd.Series, classes: Sequence[str], given: ClassWeights) -> dict[str, float]:
    """Return how much a sample of each class counts.

    ``balanced``: samples / (classes * samples of the class), as in scikit-learn's `compute_class_weight`, from the
    training samples. Augmented copies count, so that oversampled classes are not balanced twice.
    """
    if given != "balanced":
        return dict(given)
    from sklearn.utils.class_weight import compute_class_weight

    numbers = compute_class_weight("balanced", classes=np.array(classes), y=labels.to_numpy())
    return dict(zip(classes, numbers.tolist(), strict=True))


def sample_weights(labels: pd.Series, classes: Sequence[str], given: ClassWeights) -> np.ndarray | None:
    """Return float32 [samples], how much each counts; None if all count alike."""
    if given is None:
        return None
    return labels.map(class_weights(labels, classes, given)).to_numpy(np.float32)
