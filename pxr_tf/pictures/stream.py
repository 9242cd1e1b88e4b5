"""Turn samples and arrays into tf.data. No other file uses tf.data.

A training stream runs over all remaining epochs, without a break between them. The order of an epoch is a pure function
of (seed, phase, epoch), and so is every augmented picture: a run that is stopped and resumed sees the same batches as a
run that is not.
"""

import ctypes
import hashlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pxr_tf.pictures.inputs import Inputs


def epoch_order(samples: int, *, seed: int, phase: str, epoch: int) -> np.ndarray:
    """Return a permutation of ``range(samples)``, int64: the order in which an epoch visits its samples."""
    entropy = int.from_bytes(hashlib.blake2b(f"{seed}\x1f{phase}\x1f{epoch}".encode(), digest_size=16).digest())
    return np.random.default_rng(entropy).permutation(samples)


def num_batches(samples: int, batch_size: int) -> int:
    """Return the number of batches in an epoch; the last batch may be smaller."""
    return -(-samples // batch_size)


def make_training_stream(
    inputs: Inputs,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    batch_size: int,
    seed: int,
    phase: str,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Return an endless tf.data.Dataset of (input, target[, weight]) batches, epoch after epoch from `first_epoch` on.

    `targets` is float32 [samples, outputs]. `weights`, float32 [samples], says how much each sample counts. An epoch
    has ``num_batches(samples, batch_size)`` batches.
    """

    def order(epoch: np.ndarray) -> np.ndarray:
        return epoch_order(len(targets), seed=seed, phase=phase, epoch=int(epoch))

    def shuffle(epoch: tf.Tensor) -> tf.data.Dataset:
        index = tf.numpy_function(order, (epoch,), tf.int64, stateful=False)
        index.set_shape((len(targets),))
        return _batches(inputs, answers, index, epoch, batch_size)

    answers = (targets,) if weights is None else (targets, weights)
    stream = tf.data.Dataset.counter(first_epoch).flat_map(shuffle)
    stream = stream.map(_fetcher(inputs), num_parallel_calls=2, deterministic=True)
    return _configure(stream.prefetch(4))


def make_evaluation_set(inputs: Inputs, targets: np.ndarray, batch_size: int) -> tf.data.Dataset:
    """Return a tf.data.Dataset of (input, target) batches over all samples in order, as in epoch 0."""
    index = tf.range(len(targets), dtype=tf.int64)
    batches = _batches(inputs, (targets,), index, tf.constant(0, tf.int64), batch_size)
    return _configure(batches.map(_fetcher(inputs)).prefetch(2))


def _batches(
    inputs: Inputs, answers: tuple[np.ndarray, ...], index: tf.Tensor, epoch: tf.Tensor, batch_size: int
) -> tf.data.Dataset:
    """Return a dataset of one epoch's batches, each as (size, epoch, sample numbers, rows, *answers).

    Each has `batch_size` entries; only the first `size` count. `Dataset.batch` would build batches from single entries,
    and `Dataset.concatenate` with a smaller last batch makes every batch twice as slow.
    """
    samples = len(answers[0])
    steps = num_batches(samples, batch_size)
    sizes = np.minimum(batch_size, samples - batch_size * np.arange(steps))
    index = tf.reshape(tf.pad(index, [(0, steps * batch_size - samples)]), (steps, batch_size))
    parts = (index, tf.gather(inputs.rows, index), *(tf.gather(values, index) for values in answers))
    return tf.data.Dataset.from_tensor_slices((tf.constant(sizes), tf.repeat(epoch, steps), *parts))


def _fetcher(inputs: Inputs) -> Callable[..., tuple[tf.Tensor, ...]]:
    """Return a function from a batch to (inputs, *answers); only inputs that are changed leave TensorFlow."""
    if inputs.change is None:
        table = _as_tensor(inputs.array)
        return lambda size, epoch, index, rows, *answers: (
            tf.gather(table, rows[:size]),
            *(values[:size] for values in answers),
        )

    def fetch(
        size: tf.Tensor, epoch: tf.Tensor, index: tf.Tensor, rows: tf.Tensor, *answers: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        batch = tf.numpy_function(inputs.load, (index[:size], epoch), inputs.array.dtype, stateful=False)
        batch.set_shape((None, *inputs.array.shape[1:]))
        return batch, *(values[:size] for values in answers)

    return fetch


def _as_tensor(array: np.ndarray) -> tf.Tensor:
    """Return the array as a tensor in the host's memory; a memory-mapped array is not copied."""
    if not isinstance(array, np.memmap):
        with tf.device("CPU:0"):
            return tf.constant(array)
    if not array.flags.c_contiguous or array.ctypes.data % 64:
        raise ValueError(f"a memory-mapped array must be contiguous and begin at a multiple of 64 bytes: {array.shape}")
    memory = (ctypes.c_uint8 * array.nbytes).from_address(array.ctypes.data)
    memory.mapped = array  # keeps it mapped as long as TensorFlow holds the memory
    # DLPack cannot say "read-only", so this array claims to be writable. Nothing writes: rows are gathered from it.
    return tf.experimental.dlpack.from_dlpack(np.frombuffer(memory, array.dtype).reshape(array.shape).__dlpack__())


def _configure(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return the dataset with the options that run best here.

    Each operation stays on one thread: waking others for a part of a batch costs more than it saves. Nothing is tuned,
    because all numbers are given: an iterator would end only after the tuner wakes up, which sleeps for up to five
    seconds. Nothing is rewritten, because that would copy the memory-mapped pictures.
    """
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 1
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return dataset.with_options(options)
