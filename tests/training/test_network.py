"""The learner of networks: it predicts the same as the saved model, and samples count as configured."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
import scipy
from messages import any_of, assert_says
from sklearn.utils.class_weight import compute_class_weight
from tiny import CLASSES, RUN_DEPTH, SIZE, TWO_LAYERS, run_here, tiny_experiment

from pxr_tf.experiments.parts import make_part, make_settings, open_training, settings_of
from pxr_tf.models import classifier
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.model_file import load_classifier
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.training import network
from pxr_tf.training.device import Device
from pxr_tf.training.part import TEST, TRAIN, VALIDATION, Part, class_weights
from pxr_tf.training.settings import NetworkSettings
from pxr_tf.vocabulary.augmentation import Augmentation
from pxr_tf.vocabulary.values import Frozen

CPU = Device("CPU", xla=False, precision="float32", model="AMD EPYC", threads=2)
HEAD = {"name": "head", "train": "head", "learning_rate": 0.01, "max_epochs": 2}


def opened(folder):
    return open_training(folder, folder.parents[RUN_DEPTH - 1] / "cache")


@pytest.fixture
def run(own_copy):
    return opened(own_copy)


def pictures_of(run, predictions: pd.DataFrame) -> np.ndarray:
    rows = run.rows.drop_duplicates("image_id").set_index("image_id").row
    return run.pictures.pixels[rows[predictions.image_id]][..., None]


def test_predictions_equal_those_of_the_saved_model(run):
    written = pd.read_csv(run.folder / "fold-1" / "predictions.csv")
    model = keras.models.load_model(run.folder / "fold-1" / "model.keras")
    probabilities = model.predict_on_batch(pictures_of(run, written))
    np.testing.assert_allclose(written[[f"p_{name}" for name in CLASSES]], probabilities, atol=1e-6)
    assert written.predicted.tolist() == [CLASSES[number] for number in probabilities.argmax(1)]
    labels = run.rows.drop_duplicates("image_id").set_index("image_id").label
    assert written.label.tolist() == labels[written.image_id].tolist()
    assert set(written.fold) == {1}


def test_mirrored_predictions_are_the_mean_of_a_picture_and_its_mirror_image(run):
    model, _ = load_classifier(run.folder / "fold-0" / "model.keras")
    rows, pixels = np.arange(5), run.pictures.pixels
    mirrored = pixels[:, :, ::-1]
    plain, turned, both = (
        network.predict_pictures(model, pictures, rows, mirror=mirror)
        for pictures, mirror in ((pixels, False), (mirrored, False), (pixels, True))
    )
    np.testing.assert_allclose(both, (plain + turned) / 2, atol=1e-6)
    assert not np.allclose(plain, turned, atol=1e-6)


@pytest.mark.parametrize("mirror", [False, True])
def test_pictures_are_predicted_in_batches_of_one_size(mirror):
    """So a picture's prediction does not depend on how many others a fold holds out."""
    sizes = []

    class Counter:
        def predict_on_batch(self, batch):
            sizes.append(len(batch))
            return batch[:, 0, 0, :].astype(np.float32)

    pixels, rows = np.arange(200, dtype=np.uint8)[:, None, None], np.arange(130)[::-1]
    predicted = network.predict_pictures(Counter(), pixels, rows, mirror=mirror)
    np.testing.assert_array_equal(predicted[:, 0], rows)
    assert sizes == [classifier.FULL_BATCH] * 3 * (1 + mirror)


def test_the_card_says_how_the_model_was_made(run):
    _, card = load_classifier(run.folder / "fold-1" / "model.keras")
    assert card["classes"] == list(CLASSES)
    assert card["image"] == {"size": 32, "resize": "squash", "values": "uint8 grey, 0-255"}
    assert (card["model"], card["variant"], card["fold"]) == ("two_layers", "strategy2", "1")
    assert card["trained_on"] == ["synthetic-covid-chestxray", "synthetic-kermany"]
    assert card["output"] == "softmax"
    assert_says(card["notice"], any_of("not a medical device"))


def test_a_run_of_frozen_phases_predicts_from_its_cached_features(phantoms, two_layers, tmp_path, monkeypatch):
    """No picture passes through the network again, and the results equal those of the saved model."""
    monkeypatch.setattr(network, "predict_pictures", lambda *values, **options: pytest.fail("pictures were predicted"))
    folder = run_here(tiny_experiment(phases=[HEAD], balance__cap=2), phantoms, tmp_path)
    run, written = opened(folder), pd.read_csv(folder / "predictions.csv")
    assert len(written) == len(pd.read_csv(folder / "manifest.csv"))
    for fold in (0, 1):
        model, _ = load_classifier(folder / f"fold-{fold}" / "model.keras")
        mine = written[written.fold == fold]
        expected = model.predict_on_batch(pictures_of(run, mine))
        np.testing.assert_allclose(mine[[f"p_{name}" for name in CLASSES]], expected, atol=1e-5)


@pytest.mark.slow
def test_mirror_images_are_predicted_from_pictures(phantoms, two_layers, tmp_path):
    recipe = {"phases": [HEAD | {"max_epochs": 1}]}
    plain = run_here(tiny_experiment(**recipe), phantoms, tmp_path / "plain")
    mirrored = run_here(tiny_experiment(**recipe, training__mirror_predictions=True), phantoms, tmp_path / "mirrored")
    assert (plain / "predictions.csv").read_bytes() != (mirrored / "predictions.csv").read_bytes()


def test_balanced_class_weights_are_scikit_learns_of_the_training_samples(run):
    samples = make_part(run, "0").of(TRAIN)
    samples = samples.drop(samples.index[samples.label == "viral"][:2])  # now the classes have different sizes
    classes = CLASSES[::-1]  # in a recipe's own order, not in alphabetical order
    expected = compute_class_weight("balanced", classes=np.array(classes), y=samples.label.to_numpy())
    assert len(set(expected)) > 1
    weights = class_weights(samples.label, classes, "balanced")
    assert list(weights) == list(classes)
    np.testing.assert_allclose(list(weights.values()), expected)
    copied = samples["copy"] > 0  # copies count, so the class weighs less than without them
    assert copied.any()
    assert class_weights(samples.label[~copied], CLASSES, "balanced")["covid19"] > weights["covid19"]


def test_given_class_weights_are_used_unchanged(run):
    given = {"bacterial": 1.0, "covid19": 5.0, "normal": 0.5, "viral": 2.0}
    assert class_weights(pd.Series(["normal"]), CLASSES, given) == given


@pytest.mark.parametrize("phase", [0, 1])
def test_the_stream_gives_each_sample_the_weight_of_its_class(run, phase):
    given = {"bacterial": 1.0, "covid19": 5.0, "normal": 0.5, "viral": 2.0}
    part, settings = make_part(run, "0"), weighted(settings_of(run), given)
    data = network.phase_data(part, settings, run.recipe.phases[phase], network.set_up("auto", "float32"))
    batches = data.stream(0).as_numpy_iterator()
    epoch = [next(batches) for _ in range(data.steps)]
    targets, weights = (np.concatenate([batch[place] for batch in epoch]) for place in (1, 2))
    assert len(weights) == len(part.of(TRAIN))
    assert weights.tolist() == [given[CLASSES[number]] for number in targets.argmax(1)]
    plain = network.phase_data(part, settings_of(run), run.recipe.phases[phase], network.set_up("auto", "float32"))
    assert len(next(plain.stream(0).as_numpy_iterator())) == 2  # without class weights, samples have no weights


def weighted(settings: NetworkSettings, weights) -> NetworkSettings:
    """Return the settings with these class weights."""
    return replace(settings, training=settings.training.model_copy(update={"class_weights": weights}))


def first_epoch(part, settings, phase) -> list[np.ndarray]:
    """Return inputs, targets and any weights of a phase's first epoch, in its order."""
    data = network.phase_data(part, settings, phase, network.set_up("auto", "float32"))
    batches = data.stream(0).as_numpy_iterator()
    return [np.concatenate(values) for values in zip(*(next(batches) for _ in range(data.steps)), strict=True)]


def test_balanced_weights_count_the_copies_that_an_epoch_has(run):
    part, settings = make_part(run, "0"), weighted(settings_of(run), "balanced")
    _, targets, weights = first_epoch(part, settings, run.recipe.phases[1])
    sums = weights @ targets  # all classes weigh the same, also after oversampling
    np.testing.assert_allclose(sums, len(targets) / len(CLASSES), rtol=1e-5)


def test_the_seed_and_the_fold_decide_the_content_of_an_epoch(run):
    part, settings, phase = make_part(run, "0"), settings_of(run), run.recipe.phases[1]
    (pictures, targets), again = (first_epoch(part, settings, phase) for _ in range(2))
    assert np.array_equal(pictures, again[0]) and np.array_equal(targets, again[1])
    for other in ({"seed": 1}, {"fold": "1"}):
        assert not np.array_equal(targets, first_epoch(replace(part, **other), settings, phase)[1])
    samples = part.of(TRAIN)
    copies = np.flatnonzero(samples["copy"])
    mine, others = (replace(part, seed=seed).inputs(samples).load(copies, 0) for seed in (0, 1))
    assert not any(map(np.array_equal, mine, others))
    mine, others = (network.build_network(replace(part, seed=seed), settings).variables[0].numpy() for seed in (0, 1))
    assert not np.array_equal(mine, others)


def test_a_phase_that_trains_all_layers_gets_new_pictures_in_each_epoch_if_requested(run):
    part, settings, phase = make_part(run, "0"), settings_of(run), run.recipe.phases[1]
    originals = {picture.tobytes() for picture in part.pixels}
    seen = {}
    for preset in ("none", "practical"):
        pictures, _ = first_epoch(replace(part, augmentation=Augmentation(epochs=preset)), settings, phase)
        seen[preset] = sum(picture.tobytes() in originals for picture in pictures)
    assert seen == {"none": len(part.of(TRAIN)), "practical": 0}


def test_a_head_is_validated_on_the_features_of_its_validation_rows(run):
    part, settings = make_part(run, "0"), settings_of(run)
    held = part.rows.role.isin(TEST)  # the cache has their features, because the other fold trains on them
    part = replace(part, rows=part.rows.assign(role=part.rows.role.mask(held, "val")))
    device, rows = network.set_up("auto", "float32"), part.of(VALIDATION)
    watched = network.phase_data(part, settings, run.recipe.phases[0], device).validation
    features, targets = (np.concatenate(values) for values in zip(*watched.as_numpy_iterator(), strict=True))
    np.testing.assert_array_equal(features, network.read_part_features(part, settings, device, rows))
    assert [CLASSES[number] for number in targets.argmax(1)] == rows.label.tolist()


@pytest.mark.slow
def test_a_class_with_a_large_weight_gets_higher_probabilities(phantoms, two_layers, tmp_path):
    heavy = dict.fromkeys(CLASSES, 1.0) | {"viral": 100.0}
    recipe = {"phases": [HEAD | {"learning_rate": 0.05, "max_epochs": 6}]}
    means = []
    for weights in (None, heavy):
        folder = run_here(
            tiny_experiment(**recipe, training__class_weights=weights, name=f"weights{len(means)}"), phantoms, tmp_path
        )
        means.append(pd.read_csv(folder / "predictions.csv").p_viral.mean())
    assert means[1] > means[0] + 0.2


@pytest.fixture
def key(tmp_path, monkeypatch):
    """Return a function that returns the features' keys: (folder, name of an augmented copy, name of its original).

    `changes` are fields of the part, the settings, the device or the sample, or versions of libraries.
    """
    monkeypatch.setitem(BACKBONES, "two_layers", TWO_LAYERS._replace(library="layers"))
    part = Part(
        *("0", tmp_path, CLASSES, pd.DataFrame(), np.empty(0), Preparation(32, "squash")),
        *(Augmentation(copies="practical"), 0, tmp_path),
    )
    settings = make_settings(tiny_experiment(), "random-0")
    values = {
        "part": part,
        "settings": settings,
        "architecture": settings.architecture,
        "model": settings.architecture.model,
        "training": settings.training,
        "device": CPU,
        "sample": {"image_id": "i", "copy": 1, "content": "c"},
        "version": {
            "keras": "3",
            "tensorflow": "2",
            "albumentations": "2",
            "opencv-python": "5",
            "pillow": "13",
            "layers": "1",
        },
    }

    def make(what: str = "", change: dict | None = None) -> tuple[str, str, str]:
        now = values | ({what: changed(values[what], change)} if change else {})
        monkeypatch.setattr("importlib.metadata.version", now["version"].__getitem__)
        samples = pd.DataFrame([now["sample"], now["sample"] | {"copy": 0}])
        architecture = now["architecture"]._replace(model=now["model"])
        settings = replace(now["settings"], architecture=architecture, training=now["training"])
        folder = network.part_features_folder(now["part"], settings, now["device"])
        return folder.name, *network.names_of(now["part"], samples)

    return make


def changed(value, change: dict):
    if isinstance(value, dict):
        return value | change
    if isinstance(value, Frozen):
        return value.model_copy(update=change)
    return value._replace(**change) if isinstance(value, tuple) else replace(value, **change)


@pytest.mark.parametrize(
    ("what", "change", "place"),
    [
        ("model", {"backbone": "xception"}, "folder"),
        ("architecture", {"weights_identity": "random-1"}, "folder"),
        ("part", {"preparation": Preparation(33, "squash")}, "folder"),
        ("part", {"preparation": Preparation(32, "pad")}, "folder"),
        ("device", {"precision": "mixed_bfloat16"}, "folder"),
        ("device", {"name": "GPU"}, "folder"),
        ("device", {"model": "Intel Xeon"}, "folder"),
        ("version", {"keras": "4"}, "folder"),
        ("version", {"tensorflow": "3"}, "folder"),
        ("version", {"layers": "2"}, "folder"),  # the library of the backbone's layers
        ("version", {"pillow": "14"}, "folder"),  # other pictures
        ("version", {"opencv-python": "6"}, "folder and copy"),
        ("version", {"albumentations": "3"}, "copy"),
        ("part", {"augmentation": Augmentation(copies="bozickovic2021")}, "copy"),
        ("part", {"seed": 1}, "copy"),
        ("sample", {"image_id": "j"}, "copy"),
        ("sample", {"copy": 2}, "copy"),
        ("sample", {"content": "d"}, "copy and original"),
        ("device", {"threads": 1}, ""),  # these change no feature
        ("part", {"fold": "1"}, ""),
        ("part", {"augmentation": Augmentation(copies="practical", epochs="practical")}, ""),
        ("training", {"batch_size": 5}, ""),
        ("model", {"weights": "another place.h5"}, ""),
    ],
)
def test_the_keys_of_features_contain_all_that_decides_them(key, what, change, place):
    before, after = key(), key(what, change)
    differs = [name for name, old, new in zip(("folder", "copy", "original"), before, after, strict=True) if old != new]
    assert " and ".join(differs) == place


def test_a_reused_network_has_its_initial_weights(two_layers):
    """A fold must not start from the weights of another fold that the same process trained."""
    settings = make_settings(tiny_experiment(), "random-0")
    size = {"num_classes": 4, "image_size": SIZE}
    model = network.initial_network(settings.architecture, **size, seed=0)
    before = [variable.numpy().copy() for variable in model.variables]
    for variable in model.variables:
        variable.assign(variable + 1)
    again = network.initial_network(settings.architecture, **size, seed=0)
    assert again is model
    assert all(np.array_equal(value, variable) for value, variable in zip(before, again.variables, strict=True))
    assert network.initial_network(settings.architecture, **size, seed=1) is not model
    slow = changed(settings.architecture, {"model": changed(settings.architecture.model, {"batchnorm_momentum": 0.5})})
    other = network.initial_network(slow, num_classes=2, image_size=SIZE, seed=1)
    assert (other.output.shape[-1], other.get_layer("normalization").momentum) == (2, 0.5)


def test_the_version_of_a_backbones_library_is_part_of_the_environment(two_layers, monkeypatch):
    monkeypatch.setitem(BACKBONES, two_layers, TWO_LAYERS._replace(library="scipy"))
    assert network.environment(make_settings(tiny_experiment(), "random-0"))["scipy"] == scipy.__version__


def build_folded(**options):
    """Return the two layers with BatchNorm folded, as in some published weights."""
    model = TWO_LAYERS.application(**options)
    layer = model.get_layer("normalization")
    layer.moving_variance.assign(np.full(layer.moving_variance.shape, 1 - layer.epsilon))
    layer.beta.assign(np.linspace(0, 1, layer.beta.shape[0]))
    return model


@pytest.mark.parametrize("batchnorm", ["update", "frozen"])
def test_folded_weights_survive_a_step_with_batch_statistics(run, monkeypatch, batchnorm):
    """One step over all training pictures with almost no learning: the moving averages become the batch's."""
    monkeypatch.setitem(BACKBONES, "folded", TWO_LAYERS._replace(application=build_folded))
    phase = {"name": "all", "train": "all", "optimizer": "sgd", "batchnorm": batchnorm}
    experiment = tiny_experiment(
        "folded",
        phases=[phase | {"learning_rate": 1e-30, "max_epochs": 1}],
        training__batch_size=500,
        model__batchnorm_momentum=0.01,
    )
    part, settings = make_part(run, "0"), make_settings(experiment, "none", None)
    model, held_out = network.build_network(part, settings), part.of(TEST)
    before = classifier.predict_pictures(model, part.pixels, held_out.row.to_numpy())
    after = network.fit(part, settings, lambda event: None)(held_out)
    np.testing.assert_allclose(after, before, atol=1e-4)
    gamma = np.asarray(model.get_layer("normalization").gamma)
    assert (gamma == 1).all() == (batchnorm == "frozen")
