"""The slow checks: they measure several random networks and both views of signed maps, a few pictures at a time."""

from pathlib import Path

import keras
import numpy as np
import pytest
from tiny import SIZE

from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.maps_file import PictureMaps, write_maps
from pxr_tf.explain.methods import compute_maps
from pxr_tf.galleries import checks_task
from pxr_tf.galleries.checks_task import RANDOM_DRAWS, RANDOM_STEPS, label_rows, read_in_chunks, weight_rows
from pxr_tf.galleries.request import ExplainedPicture
from pxr_tf.models.classifier import end_network, scale_grey

PIXELS = np.random.default_rng(0).integers(1, 256, (3, SIZE, SIZE), np.uint8)
METHODS = ("saliency", "integrated_gradients")
TARGETS = [1, 0, 1]  # the explained classes


def build(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8", name="image")
    x = keras.layers.Conv2D(4, 5, strides=3, activation="relu", name="convolution")(scale_grey(image))
    return keras.Model(image, end_network(keras.layers.GlobalAveragePooling2D(name="features")(x), 2, "softmax"))


@pytest.fixture(scope="module")
def model():
    return build(7)


@pytest.fixture(scope="module")
def pictures(model, tmp_path_factory):
    """Files with the maps of three pictures, as the previous task writes them."""
    folder = tmp_path_factory.mktemp("maps")
    maps = {name: compute_maps(open_logits(model), PIXELS, TARGETS, name) for name in METHODS}
    rows = []
    for number, picture in enumerate(PIXELS):
        own = {name: values[number] for name, values in maps.items()}
        about = {"image_id": f"picture-{number}", "target": TARGETS[number], "layers": {}, "methods": list(METHODS)}
        rows.append(ExplainedPicture(f"picture-{number}", "", "", "", "", folder / f"{number}.npz"))
        write_maps(folder / f"{number}.npz", PictureMaps(about, picture, own, own))
    return rows


def test_several_networks_have_all_weights_random_and_signed_maps_are_compared_twice(model, pictures):
    rows = list(weight_rows(model, pictures, lambda done, total: None))
    layers = list(dict.fromkeys(row.detail for row in rows))
    assert layers == ["logits", "convolution"] and rows[-1].detail == "convolution"
    assert {row.network for row in rows if row.detail == "logits"} == {"0"}
    networks = {row.network for row in rows if row.detail == "convolution"}
    assert networks == set(map(str, range(RANDOM_DRAWS))) and RANDOM_DRAWS >= 5
    assert all(0 < row.chance < 0.5 for row in rows)
    views = {name: {row.view for row in rows if row.method == name} for name in METHODS}
    assert views == {"saliency": {""}, "integrated_gradients": {"signed", "absolute"}}
    own = [row for row in rows if row.method == "integrated_gradients" and row.image_id == "picture-0"]
    drawn = {row.value for row in own if row.view == "signed" and row.detail == "convolution"}
    assert len(drawn) == RANDOM_DRAWS  # each network gives another map
    pairs = {(row.detail, row.network): {} for row in own}
    for row in own:
        pairs[row.detail, row.network][row.view] = row.value
    assert all(pair["signed"] != pair["absolute"] for pair in pairs.values())


def test_a_networks_maps_agree_with_themselves_and_not_with_those_of_another_network(model, pictures):
    assert {round(row.value, 5) for row in label_rows(model, pictures, "f")} == {1}
    assert {row.network for row in label_rows(model, pictures, "f")} == {"f"}
    others = [abs(row.value) for row in label_rows(build(8), pictures, "f") if row.view == "signed"]
    assert len(others) == 3 and max(others) < 0.9


def test_pictures_are_read_a_few_at_a_time(pictures):
    gone = ExplainedPicture("gone", "", "", "", "", Path("gone.npz"))
    chunks = read_in_chunks([*pictures, gone], size=2)
    assert [one.about["image_id"] for one in next(chunks)] == ["picture-0", "picture-1"]
    with pytest.raises(FileNotFoundError, match="gone"):
        next(chunks)
    assert RANDOM_STEPS > 1 and checks_task.CHUNK <= 64
    assert [len(found) for found in read_in_chunks(pictures, size=2)] == [2, 1]
