"""Two stages: a head learns on the features of stage one; images keep their roles, and the saved model is whole."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from messages import MISSING, any_of, matching, refused
from tiny import RUN_DEPTH, TWO_LAYERS, Never, Recorder, request_of, run_here, stopped
from two_stages import stage, write_stages

from pxr_tf import files
from pxr_tf.data.splits import TEST_ROLES, read_splits
from pxr_tf.experiments import stage_one
from pxr_tf.experiments.parts import open_training
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.model_file import load_classifier
from pxr_tf.runs.finished import open_run

LINEAR = {"model": {"kind": "linear", "max_iterations": 2}}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return write_stages(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def both_once(recipe, official_phantoms, tmp_path_factory):
    """The finished run directories of both stages. Do not change them: copy them."""
    runs = tmp_path_factory.mktemp("stages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
        return [run_here(stage(recipe, number), [official_phantoms], runs) for number in (1, 2)]


@pytest.fixture
def both(both_once, two_layers, tmp_path):
    """A copy of both run directories, with their cache, that a test may damage."""
    runs = both_once[0].parents[RUN_DEPTH - 1]
    shutil.copytree(runs, tmp_path / "runs")
    return [tmp_path / "runs" / folder.relative_to(runs) for folder in both_once]


def runs_of(folder):
    return folder.parents[RUN_DEPTH - 1]


def sides(folder):
    splits = read_splits(folder / "splits.csv")
    return splits.assign(role=splits.role.replace("test_balanced", "test")).set_index("image_id").role


def layers_of(folder, fold="official"):
    """Return layer name -> weights of a saved model, without its head."""
    model, _ = load_classifier(folder / fold / "model.keras")
    return {layer.name: layer.get_weights() for layer in model.layers if layer.name != "head" and layer.weights}


def same_weights(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(ours, theirs) for name in one for ours, theirs in zip(one[name], other[name], strict=True)
    )


def test_stage_two_is_next_to_stage_one_and_keeps_every_role(both_once):
    first, second = both_once
    assert [folder.parent.parent.name for folder in both_once] == ["stage1-two_layers", "stage2-two_layers"]
    assert sides(first).to_dict() == sides(second).to_dict()
    labels = pd.read_csv(second / "manifest.csv").set_index("image_id").label
    assert set(labels) == {"normal", "viral", "bacterial"}
    balanced = read_splits(second / "splits.csv").query("role == 'test_balanced'").image_id
    assert labels[balanced].value_counts().nunique() == 1  # of these three classes, not of stage one's two
    predictions = pd.read_csv(second / "predictions.csv")
    assert set(predictions.role) == {"test", "val"}
    assert list(predictions.columns[-3:]) == ["p_normal", "p_viral", "p_bacterial"]


def test_the_saved_model_is_a_whole_classifier_with_the_network_of_stage_one(both_once):
    first, second = both_once
    model, card = load_classifier(second / "official" / "model.keras")
    assert same_weights(layers_of(first), layers_of(second))
    assert (card["kind"], card["model"], card["classes"]) == (
        "on_features",
        "two_layers",
        ["normal", "viral", "bacterial"],
    )
    assert [layer.name for layer in model.layers if isinstance(layer, keras.Model)] == ["head"]
    head = model.get_layer("head").layers
    assert [type(layer).__name__ for layer in head[1:]] == [
        "Dense",
        "Dropout",
        "Dense",
        "Dropout",
        "Dense",
        "Activation",
    ]
    assert [layer.activation.__name__ for layer in (head[1], head[3])] == ["sigmoid", "sigmoid"]
    assert [(layer.units) for layer in head if isinstance(layer, keras.layers.Dense)] == [6, 4, 3]
    run = open_training(second, runs_of(second) / "cache")
    predictions = pd.read_csv(second / "predictions.csv").set_index("image_id")
    rows = run.rows.set_index("image_id").row[predictions.index]
    said = model.predict_on_batch(run.pictures.pixels[rows][..., None])
    np.testing.assert_allclose(predictions.filter(like="p_"), said, atol=1e-5)


def test_the_epoch_of_the_lowest_validation_loss_is_kept(both_once):
    for folder, phase in zip(both_once, ("all", "head"), strict=True):
        history = pd.read_csv(folder / "official" / "history.csv")
        chosen = json.loads((folder / "official" / "epochs.json").read_text())["epochs"][phase]
        assert chosen == history.epoch[history.val_loss.idxmin()]


def test_a_finished_stage_two_no_longer_needs_stage_one(both, recipe, official_phantoms):
    shutil.rmtree(both[0])
    assert run_here(stage(recipe, 2), [official_phantoms], runs_of(both[1]), executor=Never()) == both[1]


def test_a_finished_stage_two_is_refused_if_stage_one_was_retrained(both, recipe, official_phantoms):
    (both[0] / "official" / "model.keras").write_bytes(b"new")
    with refused(any_of("trained", "retrained"), any_of("delete"), matching("stage2")) as fault:
        run_here(stage(recipe, 2), [official_phantoms], runs_of(both[1]), executor=Never())
    assert "\n" not in str(fault.value)
    unfinish(both[0])  # being retrained: there is nothing to compare yet
    assert run_here(stage(recipe, 2), [official_phantoms], runs_of(both[1]), executor=Never()) == both[1]


def test_a_stopped_stage_two_continues_and_ends_the_same(both, recipe, official_phantoms):
    whole = (both[1] / "predictions.csv").read_bytes()
    shutil.rmtree(both[1])
    with stopped():
        run_here(stage(recipe, 2), [official_phantoms], runs_of(both[0]), on_event=Recorder(stop_after=2))
    recorder = Recorder()
    run_here(stage(recipe, 2), [official_phantoms], runs_of(both[0]), on_event=recorder)
    assert len(recorder.of("epoch")) == 1
    assert (both[1] / "predictions.csv").read_bytes() == whole


def unfinish(first):
    (first / "predictions.csv").unlink()


def exchange_roles(first):
    """Make a test row of stage one a training row, without changing the recorded digest."""
    splits = read_splits(first / "splits.csv")
    row = splits.index[splits.role.isin(TEST_ROLES)][0]
    files.write_csv(first / "splits.csv", splits.assign(role=splits.role.where(splits.index != row, "train")))


def hide_the_exchange(first):
    """Exchange a role and update the recorded digests, to hide it."""
    exchange_roles(first)
    samples, splits = (pd.read_csv(first / name, dtype=str) for name in ("samples.csv", "splits.csv"))
    roles = splits.set_index("image_id").role
    files.write_csv(first / "samples.csv", samples.assign(role=samples.image_id.map(roles)))
    provenance = files.read_json(first / "provenance.json")
    digests = {name: files.digest_file(first / name) for name in provenance["files"]}
    files.write_json(first / "provenance.json", provenance | {"files": digests})


@pytest.mark.parametrize(
    ("damage", "overrides", "expected"),
    [
        (
            shutil.rmtree,
            {},
            [matching("stage1-two_layers/official/seed-0"), MISSING, "make train CONFIG=stages"],
        ),
        (unfinish, {}, [any_of("not finished", "unfinished"), "make train CONFIG=stages VARIANT=stage1 "]),
        (unfinish, {}, ["SCHEME=official SEED=0 DATA="]),
        (None, {"seed": 1}, [matching("official/seed-1"), MISSING]),
        (None, {"model.backbone": "xception"}, ["VARIANT=stage1 MODEL=xception SCHEME=official"]),
        (exchange_roles, {}, [matching("official/seed-0"), "samples.csv"]),
        (None, {"image.size": 40}, ["image", "size=40, resize=squash"]),
        (None, {"image.size": 40}, ["size=32, resize=squash", "image"]),
        (
            None,
            {"model.of": "no/such/run", "model.backbone": None},
            [matching("no/such/run"), MISSING, any_of("train")],
        ),
        (
            lambda first: (first / "official" / "model.keras").unlink(),
            {},
            [
                matching("official/model.keras"),
                any_of("cannot be read", "not readable", "missing"),
                matching("no such file"),
            ],
        ),
    ],
)
def test_a_stage_one_that_does_not_fit_is_refused_before_anything_is_written(
    both, recipe, official_phantoms, damage, overrides, expected
):
    shutil.rmtree(both[1])
    if damage:
        damage(both[0])
    experiment = stage(recipe, 2, **overrides)
    with refused(*expected):
        run_here(experiment, [official_phantoms], runs_of(both[0]), executor=Never())
    assert not (both[1] / "experiment.yaml").exists()


def test_a_stage_one_of_other_images_is_refused(both, recipe, official_phantoms, tmp_path):
    shutil.rmtree(both[1])
    shutil.copytree(official_phantoms, tmp_path / "chest_xray")
    next((tmp_path / "chest_xray" / "train" / "NORMAL").iterdir()).unlink()
    with refused(any_of("images"), "DATA", any_of("train", "retrain")):
        run_here(stage(recipe, 2), [tmp_path / "chest_xray"], runs_of(both[0]), executor=Never())


def test_a_stage_one_without_a_network_has_no_features(recipe, official_phantoms, tmp_path):
    merge = {"merge": {"pneumonia": ["bacterial", "viral"]}}
    first = run_here(stage(recipe, 1, **LINEAR, phases=[], **merge), [official_phantoms], tmp_path / "runs")
    on_linear = stage(recipe, 2, model__of=str(first), model__backbone=None)
    with refused("linear", "feature", "network"):
        run_here(on_linear, [official_phantoms], tmp_path / "runs", executor=Never())


def test_stage_one_may_be_a_run_directory_and_another_scheme_is_refused(both, recipe, official_phantoms):
    by_path = stage(recipe, 2, model__of=str(both[0]), model__backbone=None, tag="again")
    folder = run_here(by_path, [official_phantoms], runs_of(both[0]))
    assert folder.parent.parent.name == "stage2-on_features"
    assert (folder / "predictions.csv").read_bytes() == (both[1] / "predictions.csv").read_bytes()
    by_path = stage(recipe, 2, model__of=str(both[0]), model__backbone=None, splits__scheme="random")
    with refused("random by patient", any_of("official by")):
        run_here(by_path, [official_phantoms], runs_of(both[0]), executor=Never())


@pytest.mark.parametrize("role", ["train", "val", "test"])
def test_an_image_that_changes_its_role_between_the_stages_is_refused(both_once, role):
    """Plant the fault: an image of each role gets the next role."""
    splits = read_splits(both_once[1] / "splits.csv")
    first = stage_one.StageOne(open_run(both_once[0]), {})
    stage_one.check_roles(splits, first)
    other = {"train": "val", "val": "test", "test": "train"}[role]
    row = splits.index[splits.role.str.startswith(role)][0]
    planted = splits.assign(role=splits.role.where(splits.index != row, other))
    with refused(splits.image_id[row], any_of(f"role {other}"), "fold official", matching(f"role {role}")):
        stage_one.check_roles(planted, first)
    unknown = splits.assign(image_id=splits.image_id.where(splits.index != row, "unknown"))
    with refused("unknown", any_of("role")):
        stage_one.check_roles(unknown, first)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (hide_the_exchange, ["image", "role"]),
        (
            lambda first: (first / "official" / "model.keras").write_bytes(b"new"),
            [any_of("model", "models", "weights", "features")],
        ),
    ],
)
def test_stage_two_is_not_continued_if_stage_one_changed(both, recipe, official_phantoms, damage, expected):
    (both[1] / "predictions.csv").unlink()
    damage(both[0])
    with refused(*expected):
        run_here(stage(recipe, 2), [official_phantoms], runs_of(both[0]), executor=Never())


def test_the_runs_folder_may_move_between_the_stages(both, recipe, official_phantoms, tmp_path):
    (both[1] / "predictions.csv").unlink()
    (both[1] / "official" / "predictions.csv").unlink()
    runs_of(both[0]).rename(tmp_path / "moved")
    run_here(stage(recipe, 2), [official_phantoms], tmp_path / "moved")


def test_in_cross_validation_each_fold_learns_on_its_own_folds_model(recipe, phantoms, two_layers, tmp_path):
    folds = {"splits__scheme": "folds"}
    phases = stage(recipe, 1).model_dump()["phases"]
    first = run_here(stage(recipe, 1, **folds, phases=[phases[0] | {"keep": None}]), phantoms, tmp_path)
    with refused(any_of("epoch"), any_of("hold-out", "holdout")):
        run_here(stage(recipe, 2, **folds), phantoms, tmp_path, executor=Never())
    fixed = stage(recipe, 2, **folds, phases__0__keep=None)
    second = run_here(fixed, phantoms, tmp_path)
    for fold in ("fold-0", "fold-1"):
        assert same_weights(layers_of(first, fold), layers_of(second, fold))
    assert not same_weights(layers_of(first, "fold-0"), layers_of(second, "fold-1"))
    assert len(list((tmp_path / "cache").glob("features-*/"))) == 2


def test_a_tuning_point_has_the_stage_one_of_its_run(recipe, tmp_path):
    request = request_of(stage(recipe, 2), [], tmp_path, tuning=tmp_path / "stages" / "x" / "tuning" / "point")
    assert request.stage_one_folder == tmp_path / "stages" / "stage1-two_layers" / "official" / "seed-0"


def test_a_stage_two_with_a_tag_finds_a_stage_one_without(both, recipe, official_phantoms):
    classes = {"classes": ["normal", "viral"], "tag": "normal-viral"}
    second = run_here(stage(recipe, 2, **classes), [official_phantoms], runs_of(both[0]))
    assert second.parent.name == "official-normal-viral"
    said = files.read_json(second / "provenance.json")["first"]
    assert (second / said["run"]).resolve() == both[0].resolve()
    assert sides(second).to_dict() == sides(both[0])[sides(second).index].to_dict()


def test_a_stage_one_with_the_same_tag_comes_before_one_without(recipe, tmp_path):
    request = request_of(stage(recipe, 2, tag="other"), ["images"], tmp_path)
    plain, tagged = (request_of(stage(recipe, 1, **tag), [], tmp_path).folder for tag in ({}, {"tag": "other"}))
    with refused(str(plain), MISSING, "CONFIG=stages VARIANT=stage1"):
        stage_one.find_stage_one(request)
    assert request.stage_one_folder == plain
    tagged.mkdir(parents=True)
    (tagged / "experiment.yaml").touch()
    assert request.stage_one_folder == tagged
    command = f"make train CONFIG={tagged / 'experiment.yaml'} DATA=images RUNS="
    with refused(str(tagged), any_of("not finished", "unfinished"), command):
        stage_one.find_stage_one(request)
