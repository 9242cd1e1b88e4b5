"""What the task ``saved_features`` needs to know; planned without TensorFlow, done with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SavedFeatures:
    """Options of the task ``saved_features``."""

    folds: Mapping[str, tuple[str, ...]]  # fold, whose saved model is used -> contents of the pictures
    lungs: str | None  # identity of the lung source by which the pictures were cropped; None: they were not
    to: Path  # JSON, fold -> folder, channels, layer, device and precision of its features
