"""What computes a frozen backbone's features: LiteRT gives TensorFlow's features, from a file that is made once."""

import importlib.util

import keras
import numpy as np
import pytest
from messages import refused
from tiny import tiny_experiment

from pxr_tf.models.architecture import Architecture
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.training import extractor as extractors
from pxr_tf.training.device import Device
from pxr_tf.training.extractor import FOLDER, TENSORFLOW, choose_engine, open_extractor

SIZE = 24
CPU, GPU = Device("CPU", xla=False, precision="float32"), Device("GPU", xla=False, precision="mixed_bfloat16")
ENGINE = "litert"


@pytest.fixture(scope="module")
def network():
    """Return a small network: uint8 [n, 24, 24, 1] -> float32 [n, 8]."""
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    found = keras.layers.Conv2D(8, 3, activation="relu")(keras.layers.Rescaling(1 / 127.5, -1.0)(image))
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(found))


@pytest.fixture
def made(network, tmp_path):
    """Return a function: (threads) -> LiteRT's extractor of the network, and how often Keras's was needed."""

    def make(threads: int = 1, build=lambda: network):
        asked = []

        def counted():
            asked.append(1)
            return build()

        return open_extractor(ENGINE, "name", tmp_path, counted, size=SIZE, threads=threads), len(asked)

    return make


@pytest.fixture
def pictures():
    return np.random.default_rng(1).integers(0, 256, (10, SIZE, SIZE, 1), np.uint8)


def test_litert_gives_the_features_of_tensorflow(network, made, pictures):
    fast, _ = made()
    wanted = network.predict_on_batch(pictures)
    np.testing.assert_allclose(fast.predict_on_batch(pictures), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())
    assert fast.output_shape == network.output_shape


def test_neither_threads_nor_batches_decide_a_digit(made, pictures):
    one, _ = made()
    three, _ = made(threads=3)
    whole = one.predict_on_batch(pictures)
    parts = np.concatenate([three.predict_on_batch(pictures[start : start + 3]) for start in range(0, 10, 3)])
    assert whole.tobytes() == parts.tobytes()


def test_the_file_is_made_once_and_again_if_it_is_damaged(made, pictures, tmp_path):
    first, asked = made()
    assert asked == 1
    assert made()[1] == 0
    (file,) = (tmp_path / FOLDER).glob("*.tflite")
    whole = file.read_bytes()
    file.write_bytes(whole[:-100] + bytes(100))
    again, asked = made()
    assert asked == 1
    assert again.predict_on_batch(pictures).tobytes() == first.predict_on_batch(pictures).tobytes()
    assert not list((tmp_path / FOLDER).glob("*.partial*"))


def test_features_that_differ_from_tensorflows_are_refused(made, monkeypatch, tmp_path):
    monkeypatch.setattr(extractors, "TOLERANCE", -1.0)
    with refused("LiteRT's features differ from TensorFlow's", "--set training.extractor=tensorflow"):
        made()
    assert not list((tmp_path / FOLDER).glob("*.tflite"))


@pytest.fixture
def chosen(two_layers, monkeypatch):
    """Return a function: (extractor, device, whether LiteRT is installed, weights, gains) -> the engine."""

    def choose(asked: str, device: Device = CPU, *, installed: bool = True, weights="imagenet", gains: bool = True):
        monkeypatch.setitem(BACKBONES, "two_layers", BACKBONES["two_layers"]._replace(gains_by_litert=gains))
        spec = importlib.util.find_spec("json") if installed else None
        monkeypatch.setattr(extractors, "find_spec", lambda name: spec)
        monkeypatch.setattr(extractors.metadata, "version", lambda name: "9.9")
        experiment = tiny_experiment(training__extractor=asked)
        model = experiment.model.model_copy(update={"weights": weights})
        return choose_engine(Architecture(model, "w"), experiment.training, device)

    return choose


def test_litert_is_chosen_where_it_is_faster(chosen):
    assert chosen("auto") == "litert 9.9"
    assert chosen("auto", GPU) == chosen("auto", installed=False) == chosen("auto", gains=False) == TENSORFLOW
    assert chosen("auto", weights="none") == TENSORFLOW  # phantoms: too few pictures
    assert chosen("tensorflow") == TENSORFLOW
    assert chosen("litert", gains=False, weights="none") == "litert 9.9"


def test_litert_that_cannot_be_used_is_refused(chosen):
    with refused("training.extractor received litert, which needs a CPU and float32; accepted: auto, tensorflow."):
        chosen("litert", GPU)
    with refused("which is not installed (pip install 'pxr_tf[litert]'); accepted: auto, tensorflow."):
        chosen("litert", installed=False)
