"""The frozen-feature cache: it computes nothing twice, survives a kill, and gives the same bits in any batch."""

import subprocess
import sys
import time

import keras
import numpy as np
import pandas as pd
import pytest

from pxr_tf import arrays
from pxr_tf.models.backbones import Backbone
from pxr_tf.models.classifier import build_classifier, feature_extractor
from pxr_tf.training import features

SAMPLES = pd.DataFrame(
    {
        "image_id": [f"i{number}" for number in range(21)],
        "copy": [0] * 20 + [1],
        "content": [*"abcdefghijklmnopqrst", "a"],
    }
)
NAMES = features.sample_names(SAMPLES, "practical, seed 0")
EXPECTED = np.array(
    [[1.5 * ord(content), 1.5 * copy] for content, copy in zip(SAMPLES.content, SAMPLES["copy"], strict=True)],
    np.float32,
)

EXTRACTION = """
import sys, time
from pathlib import Path
import numpy as np
from pxr_tf.training.features import extract_features
folder = Path(sys.argv[1])
class Extractor:
    output_shape = (None, 2)
    def predict_on_batch(self, pictures):
        (folder.parent / "started").touch()
        while not (folder.parent / "go").exists():
            time.sleep(0.01)
        return np.zeros((len(pictures), 2), np.float32)
extract_features(folder, Extractor(), lambda index, epoch: index, ["a", "b"], lambda done, total: None)
"""


class PlugPulled(Exception):  # noqa: N818 - not an error: the test pulls the plug
    """Simulates a kill at a known moment."""


class FakeExtractor:
    """Gives each picture's first pixels as its features, and fails from batch number `batches` (of three) on."""

    output_shape = (None, 2)

    def __init__(self, batches: float = float("inf")) -> None:
        self.batches, self.sizes = batches, []

    def predict_on_batch(self, pictures):
        if pictures[0, 0] - ord("a") >= 3 * self.batches:  # several batches run at once
            raise PlugPulled
        self.sizes.append(len(pictures))
        return pictures[:, :2] * 1.5


def load_fake(samples: pd.DataFrame):
    """Return a `Load` whose pictures hold the code of the content's first letter and the copy number."""
    pixels = np.column_stack([[ord(content[0]) for content in samples.content], samples["copy"]])
    return lambda index, epoch: pixels[index]


def extract_fake(folder, extractor, samples=SAMPLES, names=NAMES) -> list[tuple[int, int]]:
    """Extract in batches of 3, parts of 6; return the reported progress."""
    seen = []
    options = {"batch_size": 3, "batches_per_part": 2}
    features.extract_features(folder, extractor, load_fake(samples), names, lambda *d: seen.append(d), **options)
    return seen


def test_an_original_is_named_by_its_content_alone():
    assert NAMES[:20] == list("abcdefghijklmnopqrst")
    assert features.sample_names(SAMPLES, "none, seed 1")[:20] == NAMES[:20]
    assert features.sample_names(SAMPLES, "")[20] == "a"  # a copy without augmentation is its original


def test_a_copy_is_named_by_all_that_decides_it():
    """Also if one text ends as the next begins."""
    samples = pd.DataFrame(
        [("a 1", 2, "x"), ("a", 1, "x"), ("a", 2, "x"), ("b", 2, "x"), ("a", 2, "y"), ("a' b", 2, "x"), ("a", 21, "x")],
        columns=["image_id", "copy", "content"],
    )
    names = features.sample_names(samples, "p 1") + features.sample_names(samples, "p 2")
    names += features.sample_names(samples, "1 p 1")
    assert len(set(names)) == 3 * len(samples)


def test_another_seed_reuses_the_features_of_originals(tmp_path):
    extract_fake(tmp_path / "features", FakeExtractor())
    other = features.sample_names(SAMPLES, "practical, seed 1")
    assert arrays.missing_keys(tmp_path / "features", other) == [other[20]]
    second = FakeExtractor()
    assert extract_fake(tmp_path / "features", second, names=other) == [(1, 1)]
    assert second.sizes == [3]
    for names in (NAMES, other):
        np.testing.assert_array_equal(features.read_features(tmp_path / "features", names), EXPECTED)


def test_the_folder_depends_on_all_named_values(tmp_path, monkeypatch):
    folder = features.features_folder(tmp_path, backbone="a", weights="b")
    assert folder == features.features_folder(tmp_path, weights="b", backbone="a")
    assert folder.parent == tmp_path
    others = [
        {"backbone": "a", "weights": "c"},
        {"backbone": "a", "size": "b"},
        {"backbone": "a"},
        {"backbone": "a", "weights": "b", "size": 1},
    ]
    folders = [features.features_folder(tmp_path, **other) for other in others]
    monkeypatch.setattr(features, "FEATURES_VERSION", features.FEATURES_VERSION + 1)
    folders.append(features.features_folder(tmp_path, backbone="a", weights="b"))
    assert len({folder, *folders}) == 1 + len(folders)


def test_progress_counts_only_missing_features(tmp_path):
    assert extract_fake(tmp_path / "features", FakeExtractor()) == [(n, 21) for n in (3, 6, 9, 12, 15, 18, 21)]
    assert extract_fake(tmp_path / "features", FakeExtractor()) == []


@pytest.mark.parametrize("batches", range(8))
def test_a_killed_extraction_keeps_whole_parts_and_resumes(tmp_path, batches):
    folder, first, second = tmp_path / "features", FakeExtractor(batches), FakeExtractor()
    if batches < 7:
        with pytest.raises(PlugPulled):
            extract_fake(folder, first)
    else:
        extract_fake(folder, first)
    kept = 21 if batches == 7 else batches // 2 * 6  # a part of six is two batches
    assert arrays.missing_keys(folder, NAMES) == NAMES[kept:]
    extract_fake(folder, second)
    assert sum(second.sizes) == 21 - kept
    assert arrays.missing_keys(folder, NAMES) == []
    np.testing.assert_array_equal(features.read_features(folder, NAMES), EXPECTED)


def test_only_a_damaged_part_is_computed_again(tmp_path):
    folder = tmp_path / "features"
    extract_fake(folder, FakeExtractor())
    (rows,) = folder.glob("*.raw")
    data = bytearray(rows.read_bytes())
    data[8 * 7] ^= 1  # the eighth sample: in the second part
    rows.write_bytes(data)
    assert arrays.missing_keys(folder, NAMES) == NAMES[6:12]
    second = FakeExtractor()
    extract_fake(folder, second)
    assert sum(second.sizes) == 6
    np.testing.assert_array_equal(features.read_features(folder, NAMES), EXPECTED)


def test_features_come_in_the_requested_order(tmp_path):
    extract_fake(tmp_path / "features", FakeExtractor())
    order = np.random.default_rng(0).permutation(21)
    wanted = [NAMES[place] for place in order] + ["a", "a"]
    read = features.read_features(tmp_path / "features", wanted)
    np.testing.assert_array_equal(read, EXPECTED[[*order, 0, 0]])
    assert read.dtype == np.float32 and read.flags.writeable
    assert features.read_features(tmp_path / "features", []).shape == (0, 2)
    with pytest.raises(KeyError):
        features.read_features(tmp_path / "features", [*NAMES, "x"])


def test_the_same_picture_under_two_names_is_computed_once(tmp_path):
    twice = SAMPLES.assign(content="same", copy=0)
    assert len(arrays.missing_keys(tmp_path, features.sample_names(twice, "p"))) == 1
    copies = features.sample_names(twice.assign(copy=1), "p")
    assert len(arrays.missing_keys(tmp_path, copies)) == len(twice)  # each copy has its own seed


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 21])
def test_all_batches_have_one_size(tmp_path, samples):
    extractor = FakeExtractor()
    extract_fake(tmp_path / "features", extractor, SAMPLES.head(samples), NAMES[:samples])
    assert extractor.sizes == [3] * -(-samples // 3)
    np.testing.assert_array_equal(features.read_features(tmp_path / "features", NAMES[:samples]), EXPECTED[:samples])


def test_a_second_extraction_waits_and_computes_what_is_left(tmp_path):
    folder = tmp_path / "features"
    with subprocess.Popen([sys.executable, "-c", EXTRACTION, str(folder)], stderr=subprocess.PIPE) as other:
        while not (tmp_path / "started").exists():
            assert other.poll() is None, other.stderr.read().decode()
            time.sleep(0.02)
        seen, extractor = [], FakeExtractor()

        def go(holder: str) -> None:
            seen.append(holder)
            (tmp_path / "go").touch()

        arguments = (folder, extractor, load_fake(SAMPLES), list("abc"), lambda done, total: None)
        features.extract_features(*arguments, on_wait=go, batch_size=2)
        assert other.wait() == 0
    assert len(seen) == 1 and extractor.sizes == [2]
    np.testing.assert_array_equal(features.read_features(folder, list("abc")), [[0, 0], [0, 0], EXPECTED[2]])


def convolution(*, include_top, weights, input_tensor):
    x = keras.layers.Conv2D(8, 5, strides=2, activation="relu")(input_tensor)
    x = keras.layers.Conv2D(16, 3, activation="relu")(x)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x, name="convolution")


def test_a_pictures_features_do_not_depend_on_the_other_pictures(tmp_path):
    """Neither their number nor the picture's position among them changes a bit."""
    pictures = np.random.default_rng(0).integers(0, 256, (70, 32, 32, 1)).astype(np.uint8)
    backbone = Backbone(convolution, "tf", 32)
    network = build_classifier(backbone, num_classes=2, image_size=32, weights="none")
    extractor, names = feature_extractor(network), [str(number) for number in range(70)]

    def extract(folder, order) -> np.ndarray:
        def load(index, epoch):
            return pictures[order[index]]

        features.extract_features(folder, extractor, load, [names[n] for n in order], lambda done, total: None)
        return features.read_features(folder, [names[n] for n in sorted(order)])

    together = extract(tmp_path / "together", np.arange(70))
    np.testing.assert_array_equal(extract(tmp_path / "backwards", np.arange(70)[::-1]), together)
    np.testing.assert_array_equal(extract(tmp_path / "few", np.array([5, 64, 2])), together[[2, 5, 64]])
