"""Train a network that finds lungs, on pairs of a picture and its lungs that are distorted differently each time."""

import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
from keras import ops

from pxr_tf.lungs.atlas import LungPair
from pxr_tf.lungs.contrast import shrink
from pxr_tf.lungs.distort import distort
from pxr_tf.lungs.network import NETWORK_SIDE
from pxr_tf.lungs.threads import one_thread
from pxr_tf.models.unet import build_unet

PAIRS_PER_STEP = 12
RATE = 3e-3  # of Adam, lowered to 0 along a cosine
RECENT = 50  # steps that the reported loss is averaged over

OnStep = Callable[[int, int, float], None]  # (steps done, all steps, mean loss of the `RECENT` steps)


def train_lung_network(
    pairs: Sequence[LungPair], *, steps: int, seed: int = 0, widths: Sequence[int], on_step: OnStep
) -> bytes:
    """Return the trained network as TFLite, the same bytes each time; `pairs` are uint8 squares, 255 = lung."""
    network = build_unet(NETWORK_SIDE, widths, seed=seed)
    network.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps)), lung_loss)
    small = [tuple(shrink(one, NETWORK_SIDE) for one in pair) for pair in pairs]
    losses: deque[float] = deque(maxlen=RECENT)
    with one_thread(), ThreadPoolExecutor(1) as pool:  # makes the next batch while the network learns this one
        waiting = pool.submit(_make_batch, small, seed, 0)
        for step in range(steps):
            batch, waiting = waiting.result(), pool.submit(_make_batch, small, seed, step + 1)
            losses.append(float(network.train_on_batch(*batch)))
            on_step(step + 1, steps, float(np.mean(losses)))
    return as_tflite(network)


def lung_loss(known: keras.KerasTensor, found: keras.KerasTensor) -> keras.KerasTensor:
    """Return cross-entropy, plus 1 less the soft Dice coefficient of each picture (Milletari, Navab, Ahmadi 2016)."""
    shared, total = ops.sum(known * found, (1, 2, 3)), ops.sum(known + found, (1, 2, 3))
    return ops.mean(keras.losses.binary_crossentropy(known, found)) + 1 - ops.mean((2 * shared + 1) / (total + 1))


def as_tflite(network: keras.Model) -> bytes:
    """Return the network for one picture at a time as TFLite."""
    one = keras.Input(batch_shape=(1, *network.input_shape[1:]), name="image")
    with tempfile.TemporaryDirectory(prefix="pxr-") as folder:
        file = Path(folder) / "network.tflite"
        keras.Model(one, network(one)).export(str(file), format="litert", verbose=False)
        return file.read_bytes()


def _make_batch(pairs: Sequence[LungPair], seed: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng((seed, step))
    made = [distort(*pairs[number], rng) for number in rng.integers(len(pairs), size=PAIRS_PER_STEP)]
    pictures, shares = (np.stack(column)[..., None].astype(np.float32) for column in zip(*made, strict=True))
    return pictures, shares
