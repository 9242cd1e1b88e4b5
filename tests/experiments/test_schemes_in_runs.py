"""Whole runs with one split instead of folds, and their warnings."""

import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_says, assert_tells
from PIL import Image
from tiny import CLASSES, TWO_LAYERS, Never, Recorder, Stopped, run_here, stopped, tiny_experiment, write_tiny_phantoms

from pxr_tf import files
from pxr_tf.data.schemes import SCHEMES, as_rows
from pxr_tf.errors import PxrError
from pxr_tf.experiments.parts import make_part, open_training
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.phantoms.layouts import COVID_SET

THREE = {"classes": ["bacterial", "normal", "viral"], "tag": "bacterial-normal-viral", "balance__oversample": ["viral"]}
OFFICIAL = {**THREE, "splits__scheme": "official", "splits__validation": 0.3}
RANDOM = {"splits__scheme": "random", "splits__test": 0.3, "splits__validation": 0.2}
PATIENCE = {  # a learning rate at which the head's training loss falls while its validation loss rises
    "phases__0__learning_rate": 0.1,
    "phases__0__max_epochs": 6,
    "phases__0__patience": 2,
    "phases__1__patience": 1,
}


@pytest.fixture(scope="module")
def chest_xray(tmp_path_factory):
    """The phantom set with an official test part, with enough patients to have every class in it."""
    folder = tmp_path_factory.mktemp("official") / "phantoms"
    patients = {"bacterial": 8, "normal": 8, "viral": 8, "covid19": 3}
    return write_tiny_phantoms(folder, patients=patients)[:1]


@pytest.fixture(scope="module")
def official_run(chest_xray, tmp_path_factory):
    """A finished run on the official split, with early stopping. Do not change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
        return run_here(tiny_experiment(**OFFICIAL, **PATIENCE), chest_xray, tmp_path_factory.mktemp("runs"))


def tables(folder) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return tuple(pd.read_csv(folder / f"{name}.csv") for name in ("manifest", "splits", "predictions"))


def test_an_official_run_is_one_fold_in_its_own_directory(official_run):
    place = ("phantom", "strategy2-two_layers", "official-bacterial-normal-viral", "seed-0")
    assert official_run.parts[-4:] == place
    folders = {file.name for file in official_run.iterdir() if file.is_dir()}
    assert folders == {"official", "logs"}  # no hold-out
    fold = {file.name for file in (official_run / "official").iterdir()}
    assert fold == {"environment.json", "history.csv", "epochs.json", "timing.json", "predictions.csv", "model.keras"}


def test_the_official_test_part_is_tested_and_validation_is_predicted_too(official_run):
    manifest, splits, predictions = tables(official_run)
    tested = predictions[predictions.role == "test"]
    validated = predictions[predictions.role == "val"]
    assert set(tested.image_id) == set(manifest.image_id[manifest.official_split == "test"])
    assert set(validated.image_id) == set(splits.image_id[splits.role == "val"])
    assert set(validated.label) == {"bacterial", "normal", "viral"}
    assert len(predictions) == len(tested) + len(validated)
    assert predictions.image_id.tolist() == [*sorted(tested.image_id), *sorted(validated.image_id)]  # test rows first
    assert set(predictions.fold) == {"official"}
    assert (manifest.set_index("image_id").official_split[validated.image_id] == "train").all()


def test_the_validation_rows_predictions_are_the_saved_models(official_run):
    *_, predictions = tables(official_run)
    validated = predictions[predictions.role == "val"]
    part = make_part(open_training(official_run, official_run.parents[3] / "cache"), "official")
    rows = part.rows[part.rows.role == "val"].set_index("image_id").row[validated.image_id]
    model = keras.models.load_model(official_run / "official" / "model.keras")
    expected = model.predict_on_batch(part.pixels[rows][..., None])
    np.testing.assert_allclose(validated.filter(like="p_"), expected, atol=1e-6)


def test_the_validation_rows_decide_when_an_official_run_stops(official_run):
    history = pd.read_csv(official_run / "official" / "history.csv")
    chosen = files.read_json(official_run / "official" / "epochs.json")["epochs"]
    for name, patience, limit in (("head", 2, 6), ("all", 1, 2)):
        losses = history[history.phase == name].val_loss.tolist()
        assert losses.index(min(losses)) + 1 == chosen[name]
        assert len(losses) == min(limit, chosen[name] + patience)
    trained = history[history.phase == "head"].loss.tolist()
    assert trained.index(min(trained)) + 1 > chosen["head"]  # the training loss would have chosen another epoch
    validated = pd.read_csv(official_run / "predictions.csv").query("role == 'val'")
    right = validated.apply(lambda row: row[f"p_{row.label}"], axis=1)
    assert -np.log(right).mean() == pytest.approx(
        min(losses), rel=1e-3
    )  # the loss of exactly the rows that are written


@pytest.mark.slow
def test_an_official_run_that_was_stopped_after_every_epoch_ends_the_same(
    official_run, chest_xray, two_layers, tmp_path
):
    experiment = tiny_experiment(**OFFICIAL, **PATIENCE)
    stops = 0
    while True:
        try:
            folder = run_here(experiment, chest_xray, tmp_path, on_event=Recorder(stop_after=1))
            break
        except Stopped:
            stops += 1
    assert stops == len(pd.read_csv(official_run / "official" / "history.csv"))
    for name in ("predictions.csv", "splits.csv", "samples.csv", "official/epochs.json"):
        assert (folder / name).read_bytes() == (official_run / name).read_bytes()
    assert not (folder / "official" / "checkpoint.npz").exists()
    assert run_here(experiment, chest_xray, tmp_path, executor=Never()) == folder


@pytest.mark.parametrize("where", ["nowhere", "of the other classes"])
def test_a_class_without_a_test_part_is_refused_before_pictures_are_decoded(
    phantoms, chest_xray, two_layers, tmp_path, where
):
    if where == "nowhere":  # every seventh patient is in a test part; these classes have six
        data, words = phantoms, ["test", "SCHEME="]
    else:
        data = [chest_xray[0], chest_xray[0].parent / COVID_SET]
        words = ["covid19", "3 patients", "training"]
    assert_says(refused_before_decoding(tiny_experiment(splits__scheme="official"), data, tmp_path), *words)


def refused_before_decoding(experiment, data, runs) -> str:
    """Return the message that refuses an experiment before anything is decoded."""
    recorder = Recorder()
    with pytest.raises(PxrError) as fault:
        run_here(experiment, data, runs, executor=Never(), on_event=recorder)
    assert "\n" not in str(fault.value)
    assert {event["what"] for event in recorder.of("progress")} <= {"comparing images"}
    assert not list(runs.rglob("experiment.yaml"))
    return str(fault.value)


def test_a_class_that_nested_validation_would_lack_is_refused_before_decoding(chest_xray, two_layers, tmp_path):
    data = [chest_xray[0], chest_xray[0].parent / COVID_SET]  # COVID-19: three patients
    said = refused_before_decoding(tiny_experiment(**PATIENCE, splits__nested=True), data, tmp_path)
    assert_tells(said, "validation", "covid19", "3 patients")


def test_a_scheme_without_validation_is_refused_if_a_phase_stops_early(chest_xray, two_layers, tmp_path, monkeypatch):
    def split_by_part(table: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        roles = table.official_split.where(table.official_split == "test", "train")
        return as_rows("parts", dict(zip(table.image_id, roles, strict=True)))

    monkeypatch.setitem(SCHEMES, "parts", split_by_part)
    parts = {**THREE, "splits__scheme": "parts"}
    said = refused_before_decoding(tiny_experiment(**parts, **PATIENCE), chest_xray, tmp_path)
    assert_tells(said, any_of("fold parts"), "validation", "bacterial")
    with stopped():  # if no phase stops early, validation rows are not needed
        run_here(tiny_experiment(**parts), chest_xray, tmp_path, on_event=Recorder(stop_before="features"))


def test_a_random_run_by_patient_has_no_leak(phantoms, two_layers, tmp_path):
    folder = run_here(tiny_experiment(**RANDOM), phantoms, tmp_path)
    assert folder.parts[-2:] == ("random", "seed-0")
    manifest, splits, predictions = tables(folder)
    sides = splits.role.replace("test_balanced", "test").groupby(
        splits.image_id.map(manifest.set_index("image_id").patient_id)
    )
    assert sides.nunique().max() == 1
    assert set(predictions.role) == {"test", "val"}
    assert set(splits.image_id) == set(manifest.image_id)
    assert not [warning for warning in files.read_json(folder / "warnings.json") if warning["what"] == "leak"]


def test_a_random_run_by_image_says_first_that_it_leaks(phantoms, two_layers, tmp_path):
    folder = run_here(tiny_experiment(**RANDOM, splits__unit="image"), phantoms, tmp_path)
    assert folder.parts[-2:] == ("random-by-image", "seed-0")
    manifest, splits, _ = tables(folder)
    patients = manifest.set_index("image_id").patient_id
    tested = splits.role.str.startswith("test")
    leaked = set(splits.image_id[tested].map(patients)) & set(splits.image_id[~tested].map(patients))
    assert leaked  # the phantoms have patients with two images
    first, *others = files.read_json(folder / "warnings.json")
    assert first["what"] == "leak"
    assert f"{len(leaked)} patient" in first["text"]
    assert 0 < first["strength"] <= 1
    assert not [warning for warning in others if warning["what"] == "leak"]


def test_a_picture_in_two_files_that_are_kept_leaks_by_image(phantoms, two_layers, tmp_path):
    """Re-encoded under another patient's name, a picture has other bytes and ids but shows the same."""
    data = [tmp_path / folder.name for folder in phantoms]
    for old, new in zip(phantoms, data, strict=True):
        shutil.copytree(old, new)
    for number, file in enumerate(sorted((data[0] / "train" / "NORMAL").glob("*.jpeg")), start=1):
        Image.open(file).save(file.with_name(f"IM-{9000 + number}-0001.jpeg"), quality=95)
    recorder = Recorder(stop_before="random")
    with stopped():
        run_here(
            tiny_experiment(**RANDOM, splits__unit="image", duplicates="exact"),
            data,
            tmp_path / "runs",
            on_event=recorder,
        )
    (written,) = (tmp_path / "runs").rglob("warnings.json")
    assert_tells(files.read_json(written)[0]["text"], "near-identical", "picture")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Phantoms of ten patients per class: enough for a shortcut not to be chance."""
    return write_tiny_phantoms(tmp_path_factory.mktemp("many") / "phantoms", patients=dict.fromkeys(CLASSES, 10))


def warnings_of(experiment, data, runs) -> list[tuple[str, str, str]]:
    """Prepare a run; return (what, label, property) of its warnings."""
    with stopped():
        run_here(experiment, data, runs, on_event=Recorder(stop_before="features"))
    (written,) = runs.rglob("warnings.json")
    return [(found["what"], found["label"], found["property"]) for found in files.read_json(written)]


def test_a_class_that_its_source_gives_away_causes_a_warning(finished_run, many, two_layers, tmp_path):
    """COVID-19 comes from another set than the rest; with ten images that is a shortcut, with fewer it is chance."""
    few = files.read_json(finished_run / "warnings.json")
    assert "covid19" not in [warning["label"] for warning in few]
    found = warnings_of(tiny_experiment(), many, tmp_path)
    assert ("shortcut", "covid19", "source") in found
    assert "leak" not in [what for what, *_ in found]


def test_the_leak_is_the_first_warning(many, two_layers, tmp_path):
    found = warnings_of(tiny_experiment(**RANDOM, splits__unit="image"), many, tmp_path)
    assert found[0] == ("leak", "", "patient")
    assert ("shortcut", "covid19", "source") in found[1:]
