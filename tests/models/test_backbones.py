"""The table of backbones: its entries exist, scale pixels as published, and refuse unsuitable input."""

from pathlib import Path

import keras
import numpy as np
import pytest
from messages import MISSING, any_of, at_least, nearest, refused
from tiny import SIZE, build_two_layers

from pxr_tf.errors import PxrError
from pxr_tf.models.backbones import (
    BACKBONES,
    SCALINGS,
    Backbone,
    check_image_size,
    check_library,
    check_weights,
    find_backbone,
    weights_file,
)
from pxr_tf.models.classifier import build_classifier, load_application

OF_KERAS = [name for name, backbone in BACKBONES.items() if not backbone.library]
ELSEWHERE = Backbone("nowhere:build_quiet_net", "tf", 32, library="no_such_library")
MODULES = {
    "resnet50": "resnet",
    "resnet18": "densenet",  # it has no function of its own; same mean and standard deviation
    "inception_v3": "inception_v3",
    "inception_resnet_v2": "inception_resnet_v2",
    "xception": "xception",
    "densenet121": "densenet",
    "densenet169": "densenet",
    "efficientnetv2_b0": "efficientnet_v2",
    "efficientnetv2_s": "efficientnet_v2",
    "nasnet_mobile": "nasnet",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_025": "mobilenet",
}


@pytest.mark.parametrize("name", BACKBONES)
def test_every_entry_has_an_application_and_a_scaling(name):
    assert callable(load_application(BACKBONES[name]))
    assert BACKBONES[name].scaling in SCALINGS


@pytest.mark.parametrize("name", BACKBONES)
def test_pixels_are_scaled_as_by_the_application(name):
    backbone = Backbone(build_two_layers, BACKBONES[name].scaling, SIZE)
    model = build_classifier(backbone, num_classes=2, image_size=SIZE, weights="none")
    last = "grey_to_rgb" if SCALINGS[backbone.scaling] is None else "scaling"
    grey = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 1)).astype(np.uint8)
    ours = keras.Model(model.input, model.get_layer(last).output).predict_on_batch(grey)
    rgb = np.repeat(grey, 3, axis=-1).astype(np.float32)
    theirs = getattr(keras.applications, MODULES[name]).preprocess_input(rgb.copy())
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: find_backbone("xcepton"), ["'xcepton'", "resnet50", nearest("'xception'")]),
        (lambda: find_backbone("quantum"), ["'quantum'", "resnet50"]),
        (lambda: check_weights("imagnet"), ["'imagnet'", "imagenet, none"]),
        (lambda: check_weights("."), ["'.'", "imagenet, none"]),
        (lambda: check_weights("/dev/zero"), ["'/dev/zero'", any_of("regular file"), "imagenet, none"]),
        (lambda: weights_file("nowhere", "nowhere.h5"), ["'nowhere.h5'", MISSING]),
        (lambda: check_library(ELSEWHERE), ["quiet_net", "no_such_library", "make setup HUB=1", "MODEL="]),
        (lambda: build_classifier(ELSEWHERE, num_classes=2, image_size=32, weights="none"), ["no_such_library"]),
        (lambda: check_image_size("xception", 70), ["xception", at_least("71 pixels"), "70"]),
    ],
)
def test_each_wrong_input_has_an_error_of_one_line(call, words):
    with refused(*words):
        call()


def test_accepted_input_passes(tmp_path):
    (tmp_path / "w.h5").touch()
    assert find_backbone("xception").application == "Xception"
    assert check_weights(str(tmp_path / "w.h5")) == str(tmp_path / "w.h5")
    assert [check_weights(word) for word in ("imagenet", "none")] == ["imagenet", "none"]
    check_image_size("xception", 71)


class Asked(Exception):  # noqa: N818 - not an error: it ends a download before it begins
    """The name of a file that Keras asked for."""


@pytest.mark.filterwarnings("ignore:.input_shape. is undefined or non-square:UserWarning")
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n != "mobilenet_025")) for n in OF_KERAS])
def test_imagenet_weights_are_expected_where_keras_puts_them(name, keras_models, monkeypatch):
    """The file name is Keras's, but not part of its interface: another version may have another name."""

    def get_file(name, origin, cache_subdir, **options):
        raise Asked(f"{cache_subdir}/{name}")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.raises(PxrError) as fault:
        build_classifier(BACKBONES[name], num_classes=2, image_size=96, weights="imagenet")
    assert str(keras_models.parent / str(fault.value.__cause__)) == str(weights_file(name, "imagenet"))


def test_keras_keeps_weights_in_a_folder_that_can_be_chosen(tmp_path, monkeypatch):
    def folder() -> Path:
        return weights_file("xception", "imagenet").parent

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "new"))
    assert folder() == tmp_path / "new" / "models"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder() == tmp_path / ".keras" / "models"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert folder() == Path("/tmp/.keras/models")


def test_kagglehub_keeps_presets_in_a_folder_that_can_be_chosen(tmp_path, monkeypatch):
    """`test_resnet18.py` makes KerasHub look there."""
    preset = Path("models/keras/resnetv1/keras/resnet_18_imagenet/3/model.weights.h5")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "hub"))
    assert weights_file("resnet18", "imagenet") == tmp_path / "hub" / preset
    monkeypatch.delenv("KAGGLEHUB_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights_file("resnet18", "imagenet") == tmp_path / ".cache" / "kagglehub" / preset


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_takes_its_smallest_image(name):
    if BACKBONES[name].library:
        pytest.importorskip(BACKBONES[name].library, reason="make setup HUB=1 installs it")
    size = BACKBONES[name].smallest
    model = build_classifier(BACKBONES[name], num_classes=4, image_size=size, weights="none")
    probabilities = model.predict_on_batch(np.zeros((1, size, size, 1), np.uint8))
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
