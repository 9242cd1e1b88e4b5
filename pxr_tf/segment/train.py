"""Train a network that finds lungs, from a folder of pairs to one file. A task in another process does the training."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from pxr_tf import locks
from pxr_tf.errors import PxrError, count_words
from pxr_tf.events import OnEvent, emit_wait
from pxr_tf.lungs.atlas import LungPair, shrink_pair
from pxr_tf.lungs.find import find_lungs
from pxr_tf.lungs.fuse import dice
from pxr_tf.lungs.network import NETWORK_SIDE, LungNetwork, Origin, read_network
from pxr_tf.pictures.lung_atlas import read_pairs
from pxr_tf.tasks import Executor, Task, run_or_raise


@dataclass(frozen=True)
class TrainLungNetwork:
    """Options of the task ``lung_network``."""

    pairs: Path  # folder of X-rays and their masks
    out: Path  # the file that is written
    about: Origin  # what decides the network (`describe_training`)


LIBRARIES = ("tensorflow", "keras", "opencv-python", "numpy")
_TRAINING_VERSION = 2  # raise it when the same pairs, steps and seed would give another network
_HELD_OUT = (
    6  # one pair of so many is not trained on: with 72 pairs, 12 are, as in the folds of `scripts/lung_folds.py`
)


def write_lung_network(
    folder: Path, out: Path, *, steps: int, seed: int, executor: Executor, logs: Path, on_event: OnEvent
) -> bool:
    """Train a network on a folder of pairs and write it to `out`; return False if it is there already.

    A training that is stopped leaves nothing and starts from scratch. Raises `PxrError`, also if `out` is something
    else: finished runs may have used it to crop.
    """
    about = describe_training(read_small(folder), steps, seed)
    with locks.hold(locks.lock_of(out), on_wait=lambda holder: emit_wait(on_event, holder)):
        if _is_there(out, about):
            return False
        options = TrainLungNetwork(folder, out, about)
        task = Task("lung-network", "lung_network", logs=str(logs), options=options, leaves_memory=True)
        run_or_raise(executor, [task], on_event)
    return True


def hold_out(pairs: Sequence[LungPair], seed: int) -> tuple[list[LungPair], list[LungPair]]:
    """Return the pairs to train on, and those to judge the network by: one of six, at least one, chosen by the seed."""
    chosen = set(np.random.default_rng(seed).permutation(len(pairs))[: max(1, len(pairs) // _HELD_OUT)].tolist())
    return (
        [pair for number, pair in enumerate(pairs) if number not in chosen],
        [pair for number, pair in enumerate(pairs) if number in chosen],
    )


def judge(network: LungNetwork, pairs: Sequence[LungPair]) -> dict[str, float]:
    """Return the mean and the lowest Dice coefficient, and the number, of pairs that the network did not see."""
    found = [dice(find_lungs(picture, network).mask, lungs > 127) for picture, lungs in pairs]
    return {"held_out": len(found), "dice": round(float(np.mean(found)), 4), "worst_dice": round(min(found), 4)}


def describe_quality(about: Mapping[str, str | float]) -> str:
    """Return a sentence on a network's quality from what its file says; "" if an older version wrote it."""
    if "held_out" not in about:
        return ""
    pairs = count_words(int(about["held_out"]), "pair")
    return (
        f"Quality on {pairs} held out from training: mean Dice {about['dice']:.3f}, worst {about['worst_dice']:.3f} "
        "(1 is a perfect outline)."
    )


def _is_there(out: Path, about: Origin) -> bool:
    """Return whether a file is the requested network; raise `PxrError` if it is something else."""
    if not out.exists():
        return False
    remedy = "Move it away, or name another file (--out, OUT=...)"
    try:
        there = read_network(out).about
    except PxrError as error:
        raise PxrError(f"{out} is not a network that finds lungs; accepted: a new file. {remedy}.") from error
    differing = [f"{key}: {there.get(key)}, now {value}" for key, value in about.items() if there.get(key) != value]
    if differing:
        raise PxrError(f"{out} is a network that was trained differently ({'; '.join(differing)}). {remedy}.")
    return True


def read_small(folder: Path) -> list[LungPair]:
    """Return the pairs of a folder as squares (`atlas.shrink_pair`), sorted by name; raise `PxrError`."""
    return [shrink_pair(*pair) for pair in read_pairs(folder).values()]


def describe_training(pairs: Sequence[LungPair], steps: int, seed: int) -> Origin:
    """Return what decides a network, apart from the number of threads: its pairs, steps, seed, versions."""
    content = hashlib.blake2b(b"".join(one.tobytes() for pair in pairs for one in pair), digest_size=8).hexdigest()
    return {
        "what": "finds lungs; written by pxr lungs train",
        "pairs": len(pairs),
        "digest": content,
        "side": NETWORK_SIDE,
        "steps": steps,
        "seed": seed,
        "version": _TRAINING_VERSION,
        **{name: metadata.version(name) for name in LIBRARIES},
    }
