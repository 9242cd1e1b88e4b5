"""Streams: the order and the pictures of an epoch depend on (seed, phase, epoch) and on nothing else."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pxr_tf.arrays import load_array, open_writer
from pxr_tf.pictures.augment import augment_image
from pxr_tf.pictures.inputs import picture_inputs
from pxr_tf.pictures.stream import epoch_order, make_evaluation_set, make_training_stream, num_batches

READER = """
import sys
from pathlib import Path
import numpy as np
import pandas as pd
from pxr_tf.pictures.inputs import picture_inputs
from pxr_tf.pictures.stream import make_evaluation_set, make_training_stream

def own_memory() -> float:
    # megabytes of this process that no file backs
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))

def read(pixels) -> float:
    # megabytes by which the process grows while it reads from both kinds of streams
    samples = pd.DataFrame({"image_id": [str(number) for number in range(len(pixels))], "copy": 0})
    inputs = picture_inputs(pixels, np.arange(len(pixels)), samples, copies="none", epochs="none", seed=0)
    targets = np.zeros((len(pixels), 2), np.float32)
    before = own_memory()
    batches = make_training_stream(inputs, targets, batch_size=8, seed=0, phase="p").as_numpy_iterator()
    held = make_evaluation_set(inputs, targets, 8).as_numpy_iterator()
    for _ in range(20):
        next(batches), next(held)
    return own_memory() - before

mapped = np.memmap(sys.argv[1], np.uint8, "r", shape=(4000, 250, 250))
read(mapped[:320])  # what TensorFlow needs once
print(read(mapped), read(np.array(mapped[:2000])))
"""
STORE = np.random.default_rng(0).integers(0, 256, (6, 16, 16)).astype(np.uint8)
SAMPLES = pd.DataFrame({"image_id": ["a", "b", "c", "a", "a"], "copy": [0, 0, 0, 1, 2]})
ROWS = np.array([3, 1, 5, 3, 3])
TARGETS = np.eye(5, dtype=np.float32)  # the target identifies the sample of a picture


def inputs_with(copies: str = "none", epochs: str = "none"):
    return picture_inputs(STORE, ROWS, SAMPLES, copies=copies, epochs=epochs, seed=9)


def stream_of(inputs, first_epoch: int = 0, **options):
    options = {"batch_size": 2, "seed": 4, "phase": "p"} | options
    return make_training_stream(inputs, TARGETS, first_epoch=first_epoch, **options)


def take(stream, batches: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(itertools.islice(stream.as_numpy_iterator(), batches))


def test_seed_phase_and_epoch_decide_the_order_of_an_epoch():
    first = epoch_order(50, seed=1, phase="head", epoch=2)
    np.random.default_rng().random()
    assert sorted(first) == list(range(50))
    assert first.tolist() == epoch_order(50, seed=1, phase="head", epoch=2).tolist()
    for other in ({"seed": 0}, {"phase": "all"}, {"epoch": 3}):
        assert first.tolist() != epoch_order(50, **({"seed": 1, "phase": "head", "epoch": 2} | other)).tolist()


@pytest.mark.parametrize(("samples", "expected"), [(1, 1), (31, 1), (32, 1), (33, 2), (64, 2)])
def test_the_last_batch_of_an_epoch_may_be_smaller(samples, expected):
    assert num_batches(samples, 32) == expected


def test_an_epoch_has_every_sample_once_before_the_next_begins():
    batches = take(stream_of(inputs_with()), 6)
    assert [len(targets) for _, targets in batches] == [2, 2, 1, 2, 2, 1]
    for epoch in (0, 1):
        seen = np.concatenate([targets.argmax(1) for _, targets in batches[3 * epoch : 3 * epoch + 3]])
        assert seen.tolist() == epoch_order(5, seed=4, phase="p", epoch=epoch).tolist()


@pytest.mark.parametrize("first_epoch", [1, 3])
def test_a_stream_that_starts_later_equals_the_end_of_a_full_stream(first_epoch):
    inputs = inputs_with("bozickovic2021", "practical")
    whole = take(stream_of(inputs), 3 * first_epoch + 6)[3 * first_epoch :]
    for ours, theirs in zip(take(stream_of(inputs, first_epoch), 6), whole, strict=True):
        assert [part.tolist() for part in ours] == [part.tolist() for part in theirs]


@pytest.mark.parametrize(
    ("copies", "epochs", "preset", "turn"),
    [
        ("bozickovic2021", "none", "bozickovic2021", lambda epoch: 0),
        ("bozickovic2021", "practical", "practical", lambda epoch: epoch + 1),
    ],
)
def test_pictures_equal_those_from_direct_calls(copies, epochs, preset, turn):
    for number, (pictures, targets) in enumerate(take(stream_of(inputs_with(copies, epochs)), 9)):
        for picture, sample in zip(pictures, targets.argmax(1), strict=True):
            image_id, copy = SAMPLES.image_id[sample], int(SAMPLES["copy"][sample])
            expected = STORE[ROWS[sample]]
            if epochs != "none" or copy:
                expected = augment_image(
                    expected, preset, seed=9, image_id=image_id, copy=copy, epoch=turn(number // 3)
                )
            np.testing.assert_array_equal(picture[..., 0], expected)


def test_originals_are_unchanged_unless_every_epoch_augments():
    index = np.arange(5)
    plain, copied = inputs_with().load(index, 0)[..., 0], inputs_with("practical").load(index, 0)[..., 0]
    fresh = inputs_with("practical", "practical")
    np.testing.assert_array_equal(plain, STORE[ROWS])
    assert [np.array_equal(one, other) for one, other in zip(plain, copied, strict=True)] == [True] * 3 + [False] * 2
    assert not any(map(np.array_equal, fresh.load(index, 0), fresh.load(index, 1)))


def test_loading_never_changes_the_store():
    before = STORE.copy()
    inputs_with("practical", "practical").load(np.arange(5), 0)
    np.testing.assert_array_equal(STORE, before)


def test_an_evaluation_set_has_the_stores_rows_in_order():
    batches = list(make_evaluation_set(inputs_with(), TARGETS, 2).as_numpy_iterator())
    assert [len(pictures) for pictures, _ in batches] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([pictures for pictures, _ in batches])[..., 0], STORE[ROWS])
    np.testing.assert_array_equal(np.concatenate([targets for _, targets in batches]), TARGETS)


def save_store(folder: Path, pixels: np.ndarray) -> np.ndarray:
    """Return the pixels as the store gives them: a memory-map without a header."""
    with open_writer(folder, pixels.shape[1:], np.uint8) as writer:
        writer.append([str(number) for number in range(len(pixels))], pixels)
    return load_array(folder).values


@pytest.mark.parametrize("size", [16, 15])
def test_a_memory_mapped_store_gives_the_same_batches(tmp_path, size):
    mapped = save_store(tmp_path / "pictures in ü", STORE[:, :size, :size])
    mapped_inputs, inputs = (
        picture_inputs(pixels, ROWS, SAMPLES, copies="none", epochs="none", seed=9)
        for pixels in (mapped, STORE[:, :size, :size])
    )
    stream = stream_of(mapped_inputs)
    del mapped, mapped_inputs  # the stream keeps what it reads
    for ours, theirs in zip(take(stream, 6), take(stream_of(inputs), 6), strict=True):
        assert [part.tolist() for part in ours] == [part.tolist() for part in theirs]


def test_a_contiguous_part_of_a_memory_map_is_read_and_any_other_is_refused(tmp_path):
    mapped = save_store(tmp_path / "pictures", STORE)
    options = {"copies": "none", "epochs": "none", "seed": 9}
    samples = SAMPLES.iloc[:3]
    part = picture_inputs(mapped[2:5], np.arange(3), samples, **options)
    (pictures, _), *_ = make_evaluation_set(part, TARGETS[:3], 3).as_numpy_iterator()
    np.testing.assert_array_equal(pictures[..., 0], STORE[2:5])
    with pytest.raises(ValueError, match="contiguous"):
        make_evaluation_set(picture_inputs(mapped[::2], np.arange(3), samples, **options), TARGETS[:3], 3)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the size of the process in /proc")
def test_a_memory_mapped_store_is_never_copied(tmp_path):
    """A set larger than memory works: the process's own memory does not grow. It runs in a process of its own."""
    with open(tmp_path / "rows.raw", "wb") as file:
        file.truncate(250_000_000)
    command = [sys.executable, "-c", READER, str(tmp_path / "rows.raw")]
    grown, copied = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert grown < 125  # half of the store, which has 250 MB
    assert copied > 125  # the test would see a copy: each stream copies an array in memory, here half as large


def test_a_batch_may_be_larger_than_the_epoch():
    batches = take(stream_of(inputs_with(), batch_size=8), 2)
    assert [pictures.shape for pictures, _ in batches] == [(5, 16, 16, 1)] * 2


def test_an_evaluation_set_has_a_known_length():
    """Otherwise Keras takes the end of the set for a lack of data, and warns after every epoch."""
    assert make_evaluation_set(inputs_with(), TARGETS, 2).cardinality() == 3
