"""Cascading randomisation: which layers change, how, and that the given model does not change."""

import keras
import numpy as np
import pytest
from tiny import TWO_LAYERS

from pxr_tf.explain.randomise import _share_out, _with_seed, cascade, initial_weights, randomise
from pxr_tf.models.backbones import Backbone
from pxr_tf.models.classifier import build_classifier, end_network, scale_grey
from pxr_tf.models.layers import ALReLU


@pytest.fixture(scope="module")
def model():
    """A model that passes as trained in this test: no weight has an initialiser's value."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1), dtype="uint8", name="image")
    x = keras.layers.Conv2D(3, 3, name="convolution")(scale_grey(image))
    x = ALReLU(name="activation")(keras.layers.BatchNormalization(name="normalization")(x))
    x = keras.layers.Dropout(0.5)(keras.layers.Conv2D(4, 3, name="feature_map")(x))
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    model = keras.Model(image, end_network(x, 3, "softmax"))
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(weight + 0.3)
    return model


def weights_by_layer(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def changed(before, after):
    return [
        name
        for name in before
        if any((old != new).any() for old, new in zip(before[name], after[name], strict=True) if old.dtype == "float32")
    ]


def test_each_step_changes_exactly_the_layers_down_to_the_one_it_names(model):
    before = weights_by_layer(model)
    from_the_top = list(before)[::-1]
    steps = [(name, changed(before, weights_by_layer(network))) for name, network in cascade(model)]
    assert [name for name, _ in steps] == from_the_top and from_the_top[0] == "logits"
    for number, (_, layers) in enumerate(steps, start=1):
        assert layers[::-1] == from_the_top[:number]


def test_the_model_itself_does_not_change_and_shares_nothing(model):
    before = weights_by_layer(model)
    for _, network in cascade(model):
        assert network is not model and not {*map(id, network.weights)} & {*map(id, model.weights)}
    assert changed(before, weights_by_layer(model)) == []


def test_layers_that_are_not_random_yet_are_as_learned(model):
    picture = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), np.uint8)
    feature_map = keras.Model(model.input, model.get_layer("feature_map").output)
    name, network = next(cascade(model))
    of_copy = keras.Model(network.input, network.get_layer("feature_map").output)
    assert name == "logits"
    np.testing.assert_array_equal(feature_map(picture), of_copy(picture))
    logits, of_copy = (keras.Model(one.input, one.get_layer("logits").output) for one in (model, network))
    assert np.abs(np.asarray(logits(picture)) - np.asarray(of_copy(picture))).max() > 0.01


def test_weights_come_from_the_layers_own_initialisers():
    """He's normal distribution: the kernel's sd is sqrt(2 / 4,000); BatchNorm starts with 1, 0, 0, 1."""
    image = keras.Input((4000,))
    dense = keras.layers.Dense(50, kernel_initializer="he_normal", bias_initializer="random_normal")
    norm = keras.layers.BatchNormalization()
    keras.Model(image, norm(dense(image)))
    for weight in (*dense.weights, *norm.weights):
        weight.assign(weight + 7)
    kernel, bias = initial_weights(dense, seed=3)
    assert kernel.std() == pytest.approx(np.sqrt(2 / 4000), rel=0.02) and kernel.mean() == pytest.approx(0, abs=1e-3)
    assert 0 < bias.std() < 0.1
    assert [weight.tolist() for weight in initial_weights(norm, seed=3)] == [[1] * 50, [0] * 50, [0] * 50, [1] * 50]
    assert dense.bias.numpy().mean() > 6  # the layer has not changed


def test_the_seed_alone_decides_the_weights(model):
    found = []
    for ours, of_keras in ((1, 5), (1, 6), (2, 6)):
        keras.utils.set_random_seed(of_keras)
        found.append([network.get_weights() for _, network in cascade(model, seed=ours)][-1])
    first, again, other = found
    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert any((one != two).any() for one, two in zip(first, other, strict=True))


def test_kernels_of_one_shape_get_different_weights():
    image = x = keras.Input((6,))
    for _ in range(3):
        x = keras.layers.Dense(6)(x)
    *_, (_, network) = cascade(keras.Model(image, x))
    kernels = [layer.kernel.numpy() for layer in network.layers[1:]]
    assert len({kernel.tobytes() for kernel in kernels}) == 3


def test_many_layers_are_randomised_in_groups():
    def build_deep(*, include_top, weights, input_tensor):
        x = input_tensor
        for number in range(10):
            x = keras.layers.Conv2D(2, 1, name=f"convolution_{number}")(x)
        return keras.Model(keras.utils.get_source_inputs(input_tensor), x)

    backbone = Backbone(build_deep, "tf", 32)
    model = build_classifier(backbone, num_classes=2, image_size=32, weights="none")
    names = [name for name, _ in cascade(model, steps=4)]
    assert len(names) == 4 and names[0] == "logits" and names[-1] == "convolution_0"


@pytest.mark.parametrize(
    ("count", "steps", "sizes"),
    [(10, 4, [1, 3, 3, 3]), (3, 12, [1, 1, 1]), (1, 5, [1]), (12, 12, [1] * 12), (9, 2, [1, 8])],
)
def test_the_first_layer_is_a_group_of_its_own_and_the_others_are_shared_out(count, steps, sizes):
    groups = _share_out(list(range(count)), steps)
    assert [len(group) for group in groups] == sizes
    assert [number for group in groups for number in group] == list(range(count))


def seeds_in(config: object) -> list[object]:
    """Return all values of the key ``seed`` in a configuration."""
    if isinstance(config, list):
        return [seed for value in config for seed in seeds_in(value)]
    if not isinstance(config, dict):
        return []
    return [seed for key, value in config.items() for seed in ([value] if key == "seed" else seeds_in(value))]


def test_each_initialiser_of_a_layer_gets_a_seed_of_its_own_and_nothing_else_changes():
    config = {
        "kernel": {"class": "HeNormal", "config": {"seed": None, "scale": 2.0}},
        "bias": {"class": "Normal", "config": {"seed": 5}},
        "parts": [{"inner": {"seed": 1}}, "seed", (3,)],
        "use_bias": True,
    }
    found = [_with_seed(config, seed) for seed in (3, 3, 4)]
    first, again, other = map(seeds_in, found)
    assert len({*first, *other}) == 6 and first == again
    assert found[0]["kernel"] == {"class": "HeNormal", "config": {"seed": first[0], "scale": 2.0}}
    assert found[0]["parts"][1:] == ["seed", [3]] and found[0]["use_bias"] is True
    assert config["bias"]["config"]["seed"] == 5


def test_no_two_layers_or_seeds_share_random_weights(model, monkeypatch):
    seeds = []
    monkeypatch.setattr(
        "pxr_tf.explain.randomise.initial_weights", lambda layer, seed: seeds.append(seed) or layer.get_weights()
    )
    for seed in (0, 1):
        for steps in (2, 12):
            list(cascade(model, seed=seed, steps=steps))
    by_run = [seeds[place : place + 4] for place in range(0, 16, 4)]
    assert all(len(set(some)) == 4 for some in by_run)
    assert not set(seeds[:8]) & set(seeds[8:])


def test_a_nested_head_comes_first():
    model = build_classifier(TWO_LAYERS, num_classes=2, image_size=32, weights="none")
    names = [name for name, _ in cascade(model)]
    assert names[0] == "logits" and names[-2:] == ["normalization", "convolution"]


def test_a_network_with_all_weights_random_depends_on_the_seed_alone(model):
    before = weights_by_layer(model)
    found = []
    for seed in (0, 1):
        layer, network = randomise(model, seed=seed)
        assert layer == "convolution" and changed(before, weights_by_layer(network)) == list(before)
        found.append(weights_by_layer(network))
    assert {"convolution", "feature_map", "logits"} <= set(changed(*found))
    last = [weights_by_layer(network) for _, network in cascade(model)][-1]
    assert changed(found[0], last) == []


def test_the_default_seed_of_a_random_network_is_zero(monkeypatch):
    monkeypatch.setattr("pxr_tf.explain.randomise.cascade", lambda model, *, seed: iter([("first", -1), (model, seed)]))
    assert randomise("a model") == ("a model", 0) and randomise("a model", seed=3) == ("a model", 3)
