"""Samples and arrays -> tf.data. The only room that knows tf.data.

A training stream runs over all epochs that are left, without a seam between them. The order of an epoch is a pure
function of (seed, phase, epoch), and so is every augmented picture: a run that is stopped and continued sees the
same batches as one that is not.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from pxr_tf.data.augment import augment_image

# (sample numbers int64 [batch], epoch) -> what the network takes for them
Load = Callable[[np.ndarray, int], np.ndarray]


def epoch_order(samples: int, *, seed: int, phase: str, epoch: int) -> np.ndarray:
    """Return a permutation of ``range(samples)``, int64: the order in which an epoch visits its samples."""
    entropy = int.from_bytes(hashlib.blake2b(f"{seed}\x1f{phase}\x1f{epoch}".encode(), digest_size=16).digest())
    return np.random.default_rng(entropy).permutation(samples)


def num_batches(samples: int, batch_size: int) -> int:
    """Return how many batches an epoch has; the last one may be smaller."""
    return -(-samples // batch_size)


def picture_loader(
    images: np.ndarray, rows: np.ndarray, samples: pd.DataFrame, *, copies: str, epochs: str, seed: int
) -> Load:
    """Return a function that gives pictures, uint8 [batch, size, size, 1], of sample numbers in an epoch.

    `images` is the store's array, `rows` int64 [samples] the store row of each sample, `samples` has ``image_id`` and
    ``copy``. Copies are augmented with the preset `copies`, the same in each epoch. With a preset `epochs`, every
    sample is augmented by that one instead, anew in each epoch.
    """
    names, numbers = samples.image_id.to_numpy(), samples["copy"].to_numpy()

    def load(index: np.ndarray, epoch: int) -> np.ndarray:
        batch = images[rows[index]]
        preset, turn = (copies, 0) if epochs == "none" else (epochs, epoch + 1)
        changed = range(len(index)) if epochs != "none" else np.flatnonzero(numbers[index])
        for place in changed:
            sample = index[place]
            batch[place] = augment_image(
                batch[place], preset, seed=seed, image_id=names[sample], copy=int(numbers[sample]), epoch=turn
            )
        return batch[..., None]

    return load


def make_training_stream(
    load: Load, targets: np.ndarray, *, dtype: Any, batch_size: int, seed: int, phase: str, first_epoch: int = 0
) -> Any:
    """Return an endless tf.data.Dataset of (input, target) batches, epoch after epoch from `first_epoch` on.

    `targets` is float32 [samples, classes]; an epoch has ``num_batches(samples, batch_size)`` batches.
    """
    import tensorflow as tf

    def shuffle(epoch: Any) -> Any:
        def order(number: np.ndarray) -> np.ndarray:
            return epoch_order(len(targets), seed=seed, phase=phase, epoch=int(number))

        index = tf.numpy_function(order, (epoch,), tf.int64, stateful=False)
        index.set_shape((len(targets),))
        batches = tf.data.Dataset.from_tensor_slices(index).batch(batch_size)
        return batches.map(lambda part: (part, epoch))

    def fetch(index: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        return load(index, int(epoch)), targets[index]

    example = load(np.zeros(1, np.int64), first_epoch)

    def to_tensors(index: Any, epoch: Any) -> tuple[Any, Any]:
        inputs, target = tf.numpy_function(fetch, (index, epoch), (tf.as_dtype(dtype), tf.float32), stateful=False)
        inputs.set_shape((None, *example.shape[1:]))
        target.set_shape((None, targets.shape[1]))
        return inputs, target

    stream = tf.data.Dataset.counter(first_epoch).flat_map(shuffle)
    return stream.map(to_tensors, num_parallel_calls=2, deterministic=True).prefetch(4)


def make_evaluation_set(images: np.ndarray, rows: np.ndarray, targets: np.ndarray, batch_size: int) -> Any:
    """Return a tf.data.Dataset of (pictures uint8 [batch, size, size, 1], targets) over the store's rows, in order."""
    import tensorflow as tf

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(rows), batch_size):
            part = slice(start, start + batch_size)
            yield images[rows[part]][..., None], targets[part]

    shape = (None, *images.shape[1:], 1)
    signature = (tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((None, targets.shape[1]), tf.float32))
    # Keras takes the end of a set of unknown length for a lack of data, and says so after every epoch.
    known_length = tf.data.experimental.assert_cardinality(num_batches(len(rows), batch_size))
    return tf.data.Dataset.from_generator(batches, output_signature=signature).apply(known_length).prefetch(2)
