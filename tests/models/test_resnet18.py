"""ResNet18 from KerasHub: its graph, its weights, and its saved file without the library (slow)."""

import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from messages import any_of, assert_says, assert_tells
from tiny import tiny_experiment

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.experiments import weights
from pxr_tf.models.backbones import BACKBONES, RESNET18_PRESET, weights_file
from pxr_tf.models.classifier import batchnorm_layers, build_classifier, feature_extractor
from pxr_tf.models.model_file import save_classifier
from pxr_tf.models.resnet18 import ARCHITECTURE, build_resnet18

pytestmark = pytest.mark.slow
SIZE = 64
PICTURES = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 1)).astype(np.uint8)
ELSEWHERE = """
import sys, numpy as np, keras
sys.modules["keras_hub"] = None  # as if it were not installed
folder = sys.argv[1]
model = keras.models.load_model(folder + "/model.keras", safe_mode=True)
np.save(folder + "/theirs.npy", model.predict_on_batch(np.load(folder + "/pictures.npy")))
"""
AGAIN = """
import sys
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.classifier import build_classifier
model = build_classifier(BACKBONES["resnet18"], num_classes=4, image_size=64, weights="none", seed=3)
model.save_weights(sys.argv[1])
"""


@pytest.fixture(scope="module", autouse=True)
def hub():
    return pytest.importorskip("keras_hub", reason="ResNet18 needs KerasHub: make setup HUB=1")


@pytest.fixture
def preset(hub, tmp_path, monkeypatch):
    """Put a preset with random weights into kagglehub's folder of downloads; return (its network, its folder)."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "hub"))
    keras.utils.set_random_seed(11)
    network = hub.models.ResNetBackbone(**ARCHITECTURE)
    for layer in batchnorm_layers(network):  # so that no two layers are alike
        layer.set_weights([np.random.default_rng(1).uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    folder = tmp_path / "hub" / "models" / RESNET18_PRESET
    network.save_to_preset(str(folder))
    complete = folder.parent / ".complete" / folder.name
    complete.mkdir(parents=True)
    for file in folder.iterdir():
        (complete / f"{file.name}.complete").touch()
    return network, folder


def build(**changes) -> keras.Model:
    options = {"num_classes": 4, "image_size": SIZE, "weights": "none", "seed": 3, **changes}
    return build_classifier(BACKBONES["resnet18"], **options)


def fault_of(**changes) -> str:
    with pytest.raises(PxrError) as fault:
        build(**changes)
    assert "\n" not in str(fault.value)
    return str(fault.value)


def maps_of(model: keras.Model) -> np.ndarray:
    return keras.Model(model.input, model.get_layer("feature_map").output).predict_on_batch(PICTURES)


def their_maps(network: keras.Model) -> np.ndarray:
    """Return the feature maps of the library's network for pixels prepared as by the preset's image converter."""
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return network.predict_on_batch(((PICTURES / 255 - mean) / deviation).astype(np.float32))


def test_it_is_the_published_architecture(hub):
    backbone = feature_extractor(build(image_size=224))
    assert sum(weight.shape.num_elements() for weight in backbone.trainable_weights) == 11_176_512  # torchvision, no fc
    assert backbone.count_params() == 11_186_112  # with BatchNorm's statistics
    presets = hub.models.ResNetBackbone.presets["resnet_18_imagenet"]
    assert presets["metadata"]["params"] == backbone.count_params()
    assert presets["kaggle_handle"] == f"kaggle://{RESNET18_PRESET}"  # if newer: read the changes, then use it
    assert len(batchnorm_layers(backbone)) == 20
    assert backbone.get_layer("feature_map").output.shape == (None, 7, 7, 512)


def test_all_its_layers_are_in_one_flat_model_and_can_be_inspected():
    model = build()
    assert [layer.name for layer in model.layers if isinstance(layer, keras.Model)] == ["head"]
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    inner = keras.Model(model.input, [model.get_layer("stack2_block1_out").output, model.output])
    maps, probabilities = inner.predict_on_batch(PICTURES)
    assert maps.shape == (3, 4, 4, 256)
    np.testing.assert_array_equal(probabilities, model.predict_on_batch(PICTURES))


def test_a_process_without_the_library_loads_a_saved_file(tmp_path):
    model = build()
    save_classifier(model, tmp_path / "model.keras", {})
    np.save(tmp_path / "pictures.npy", PICTURES)
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(tmp_path)], cwd=tmp_path, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "theirs.npy"), model.predict_on_batch(PICTURES))


def test_random_weights_are_the_same_in_every_process(tmp_path):
    subprocess.run([sys.executable, "-c", AGAIN, str(tmp_path / "again.weights.h5")], check=True)
    model, other = build(), build(seed=4)
    ours = [weight.numpy() for weight in model.weights]
    assert not np.array_equal(ours[0], other.weights[0].numpy())
    model.load_weights(tmp_path / "again.weights.h5")
    assert all(np.array_equal(old, new.numpy()) for old, new in zip(ours, model.weights, strict=True))


@pytest.mark.parametrize("given", ["imagenet", "file"])
def test_the_preset_gives_the_librarys_feature_maps(preset, given):
    network, folder = preset
    model = build(weights="imagenet" if given == "imagenet" else str(folder / "model.weights.h5"))
    np.testing.assert_allclose(maps_of(model), their_maps(network), rtol=1e-4, atol=1e-4)


def test_the_preset_is_identified_by_its_content(preset):
    file = preset[1] / "model.weights.h5"
    assert weights_file("resnet18", "imagenet") == file
    downloaded, given = (
        weights.downloaded_identity(tiny_experiment("resnet18", model__weights=name))
        for name in ("imagenet", str(file))
    )
    assert downloaded == given == files.digest_file(file)


def test_the_preset_follows_the_precision(preset):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(weights="imagenet")
    finally:
        keras.config.set_dtype_policy(before)
    assert {model.get_layer(name).compute_dtype for name in ("conv1_conv", "stack3_block1_out")} == {"bfloat16"}
    np.testing.assert_allclose(maps_of(model).astype(np.float32), their_maps(preset[0]), rtol=0.1, atol=0.5)


def test_another_model_reads_the_weights_of_a_first_model(tmp_path):
    written = build_resnet18(include_top=False, weights=None, input_tensor=keras.Input((SIZE, SIZE, 3)))
    path = tmp_path / "resnet18.weights.h5"
    written.save_weights(path)
    read = feature_extractor(build(weights=str(path)))
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(written.weights, read.weights, strict=True))


def test_a_preset_that_cannot_be_downloaded_has_an_error_of_one_line(offline, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "hub"))
    said = fault_of(weights="imagenet")
    assert_says(said, "ImageNet", "resnet18", any_of("downloaded", "download"))
    assert "WEIGHTS=path" in said
    assert "WEIGHTS=none" in said
    assert weights.identity(tiny_experiment("resnet18", model__weights="imagenet")) is None


@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")
def test_weights_of_another_architecture_have_an_error_of_one_line(tmp_path):
    other = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    other.save_weights(tmp_path / "other.weights.h5")
    assert_tells(fault_of(weights=str(tmp_path / "other.weights.h5")), "resnet18", any_of("fit", "match"))


def test_a_preset_with_a_missing_file_has_an_error_of_one_line(preset, offline):
    shutil.rmtree(preset[1])
    assert_tells(fault_of(weights="imagenet"), "downloaded")
    assert not Path(preset[1], "model.weights.h5").exists()
