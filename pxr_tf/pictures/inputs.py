"""A network's input for each sample: a row of an array, changed on the way or as it is. No TensorFlow here."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.pictures.augment import augment_image
from pxr_tf.vocabulary.augmentation import Augments

# (pictures [batch, ...] to change in place, their sample numbers int64 [batch], epoch)
Change = Callable[[np.ndarray, np.ndarray, int], None]
# (sample numbers int64 [batch], epoch) -> the network's input for them
Load = Callable[[np.ndarray, int], np.ndarray]


class Inputs(NamedTuple):
    """A network's input for each sample: a row of an array, changed on the way or as it is."""

    array: np.ndarray  # [rows, ...]: the store's pictures, memory-mapped, or cached features
    rows: np.ndarray  # int64 [samples]: the row of each sample
    change: Change | None = None

    def load(self, index: np.ndarray, epoch: int) -> np.ndarray:
        """Return the network's input for these sample numbers in this epoch, [batch, ...]."""
        batch = np.asarray(self.array[self.rows[index]])
        if self.change:
            self.change(batch, index, epoch)
        return batch


def picture_inputs(
    pixels: np.ndarray, rows: np.ndarray, samples: pd.DataFrame, *, copies: Augments, epochs: Augments, seed: int
) -> Inputs:
    """Return pictures, uint8 [size, size, 1] each, as the inputs of a network.

    `pixels` is the store's array, `rows` int64 [samples] the store row of each sample, `samples` has ``image_id`` and
    ``copy``. Copies are augmented by `copies`, a preset's name or a movement, in the same way in each epoch. Unless
    `epochs` is ``none``, every sample is augmented by `epochs` instead, in another way in each epoch.
    """
    names, numbers = samples.image_id.to_numpy(), samples["copy"].to_numpy()

    def change(batch: np.ndarray, index: np.ndarray, epoch: int) -> None:
        how, turn = (copies, 0) if epochs == "none" else (epochs, epoch + 1)
        changed = np.arange(len(index)) if epochs != "none" else np.flatnonzero(numbers[index])
        for place in changed:
            sample = index[place]
            batch[place, ..., 0] = augment_image(
                batch[place, ..., 0], how, seed=seed, image_id=names[sample], copy=int(numbers[sample]), epoch=turn
            )

    changes = epochs != "none" or (copies != "none" and numbers.any())
    return Inputs(pixels[..., None], rows, change if changes else None)
