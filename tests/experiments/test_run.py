"""Whole runs: what a finished run directory holds, and what happens if it is started again."""

import json
import shutil

import keras
import pandas as pd
import pytest
from messages import UNREADABLE, any_of, assert_says, matching, refused
from tiny import (
    CLASSES,
    RUN_DEPTH,
    SIZE,
    Never,
    Recorder,
    Stopped,
    build_two_layers,
    request_of,
    run_here,
    stopped,
    tiny_experiment,
)

from pxr_tf import files, locks
from pxr_tf.config import load_experiment
from pxr_tf.data.splits import read_splits
from pxr_tf.errors import PxrError
from pxr_tf.experiments.run import collect_predictions
from pxr_tf.experiments.write_run import write_run
from pxr_tf.training.learners import LEARNERS


def read_all(folder) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def runs_of(folder):
    return folder.parents[RUN_DEPTH - 1]


def start_again(folder, data, experiment=None, **options):
    return run_here(experiment or tiny_experiment(), data, runs_of(folder), **{"executor": Never(), **options})


def test_a_run_directory_holds_what_the_design_says(finished_run):
    whole_run = {
        *("experiment.yaml", "provenance.json", "warnings.json", "manifest.csv", "splits.csv", "samples.csv"),
        *("predictions.csv", "logs/status.json"),
    }
    each_fold = {"environment.json", "history.csv", "epochs.json", "timing.json", "predictions.csv", "model.keras"}
    assert set(read_all(finished_run)) == whole_run | {f"fold-{fold}/{name}" for fold in (0, 1) for name in each_fold}
    place = ["phantom", "strategy2-two_layers", "folds", "seed-0"]
    assert finished_run.relative_to(runs_of(finished_run)).parts == tuple(place)


def test_the_manifest_has_the_views_that_the_data_tell(finished_run):
    manifest = files.read_csv(finished_run / "manifest.csv", ["view"])
    assert set(manifest.view[manifest.label == "covid19"]) == {"ap", "pa"}
    assert set(manifest.view[manifest.label == "normal"]) == {""}
    assert not {"sex", "age"} & {*manifest}


def test_a_run_whose_manifest_was_written_without_views_continues(own_copy, phantoms):
    manifest = own_copy / "manifest.csv"
    files.write_csv(manifest, files.read_csv(manifest, ["view"]).drop(columns="view"))
    provenance = files.read_json(own_copy / "provenance.json")
    provenance["files"]["manifest.csv"] = files.digest_file(manifest)
    files.write_json(own_copy / "provenance.json", provenance)
    before = (own_copy / "predictions.csv").read_bytes()
    (own_copy / "predictions.csv").unlink()  # so that everything is checked again
    start_again(own_copy, phantoms)
    assert (own_copy / "predictions.csv").read_bytes() == before


def test_every_image_is_predicted_exactly_once_by_the_fold_that_holds_it_out(finished_run):
    manifest, splits, predictions = (
        pd.read_csv(finished_run / f"{name}.csv", dtype={"fold": str}) for name in ("manifest", "splits", "predictions")
    )
    assert list(predictions.columns[:6]) == ["image_id", "patient_id", "source", "label", "fold", "role"]
    assert list(predictions.columns[6:]) == ["predicted", *(f"p_{name}" for name in CLASSES)]
    assert set(predictions.role) == {"test"}
    assert predictions.image_id.tolist() == sorted(manifest.image_id)
    assert predictions.groupby("patient_id").fold.nunique().max() == 1
    held = splits[splits.role.str.startswith("test") & (splits.fold != "holdout")].set_index("image_id").fold
    assert (predictions.fold == predictions.image_id.map(held)).all()
    assert predictions.filter(like="p_").sum(axis=1).round(5).eq(1).all()
    assert predictions.predicted.tolist() == predictions.filter(like="p_").idxmax(axis=1).str[2:].tolist()


def test_no_patient_trains_in_the_fold_that_tests_it(finished_run):
    table = pd.read_csv(finished_run / "splits.csv", dtype=str).merge(
        pd.read_csv(finished_run / "manifest.csv", dtype=str), on="image_id"
    )
    roles = table.role.replace("test_balanced", "test")
    assert roles.groupby([table.fold, table.patient_id]).nunique().max() == 1


def test_provenance_says_where_the_numbers_come_from(finished_run):
    provenance = json.loads((finished_run / "provenance.json").read_text())
    assert provenance["origin"] == "synthetic phantoms, not patients"
    assert provenance["weights"] == "random-0"
    assert provenance["versions"]["tensorflow"].startswith("2.")
    assert load_experiment(finished_run / "experiment.yaml") == tiny_experiment()


def test_the_same_seed_gives_the_same_predictions_anywhere(finished_run, phantoms, two_layers, tmp_path):
    again = run_here(tiny_experiment(), phantoms, tmp_path)
    assert (again / "predictions.csv").read_bytes() == (finished_run / "predictions.csv").read_bytes()


def test_another_seed_gives_other_predictions(finished_run, phantoms, two_layers, tmp_path):
    other = run_here(tiny_experiment(seed=1, variant="strategy1", name="other"), phantoms, tmp_path)
    probabilities = [pd.read_csv(run / "predictions.csv").p_normal for run in (other, finished_run)]
    assert not probabilities[0].equals(probabilities[1])


def test_a_finished_run_is_left_as_it_is(own_copy, phantoms):
    shutil.rmtree(runs_of(own_copy) / "cache")
    before, recorder = read_all(own_copy), Recorder()
    assert start_again(own_copy, phantoms, on_event=recorder) == own_copy
    assert read_all(own_copy) == before
    assert {event["event"] for event in recorder.events} <= {"note"}
    assert not (runs_of(own_copy) / "cache").exists()


def test_lost_predictions_are_collected_again(own_copy, phantoms):
    before = (own_copy / "predictions.csv").read_bytes()
    (own_copy / "predictions.csv").unlink()
    start_again(own_copy, phantoms)
    assert (own_copy / "predictions.csv").read_bytes() == before


@pytest.mark.parametrize("fault", ["of another fold", "twice", "missing", "a training row"])
def test_predictions_that_are_not_the_rows_of_the_splits_are_refused(own_copy, phantoms, fault):
    splits = read_splits(own_copy / "splits.csv")
    first, second = (pd.read_csv(own_copy / f"fold-{fold}" / "predictions.csv") for fold in (0, 1))
    planted, image = {
        "of another fold": (pd.concat([second, first[:1]]), first.image_id[0]),
        "twice": (pd.concat([second, second[3:4]]), second.image_id[3]),
        "missing": (second[1:], second.image_id[0]),
        "a training row": (pd.concat([second[1:], second[:1].assign(image_id=first.image_id[1])]), ""),
    }[fault]
    planted.to_csv(own_copy / "fold-1" / "predictions.csv", index=False)
    before = (own_copy / "predictions.csv").read_bytes()
    with refused(matching("fold-1/predictions.csv"), "splits.csv", *([image] if image else [])):
        collect_predictions(own_copy, splits, {str(n): own_copy / f"fold-{n}" / "predictions.csv" for n in (0, 1)})
    assert (own_copy / "predictions.csv").read_bytes() == before
    (own_copy / "predictions.csv").unlink()
    with refused(any_of("delete"), "file"):
        start_again(own_copy, phantoms)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"training__batch_size": 4}, [matching("batch_size"), "8", "4"]),
        ({"splits__folds": 3, "image__size": 40}, [matching("folds"), "2", "3", matching("size"), "32", "40"]),
        ({"phases__1__learning_rate": 0.5}, [matching("learning_rate")]),
        ({"model__weights": __file__}, ["weights", "none", __file__]),
    ],
)
def test_a_run_of_another_experiment_is_not_touched(own_copy, phantoms, change, words):
    before = read_all(own_copy)
    with refused(str(own_copy), *words):
        start_again(own_copy, phantoms, tiny_experiment(**change))
    assert read_all(own_copy) == before


def test_a_run_of_other_images_is_not_touched(own_copy, phantoms, tmp_path):
    for data in phantoms:
        shutil.copytree(data, tmp_path / data.name)
    moved = [tmp_path / data.name for data in phantoms]
    start_again(own_copy, moved)  # the same images in another folder
    next((tmp_path / "chest_xray").rglob("*NORMAL*/*.jpeg")).unlink()
    with refused("image", matching("chest_xray")):
        start_again(own_copy, moved)


@pytest.fixture
def run_from_file(own_copy, tmp_path):
    """Pretend that the finished run began with a weights file; return (run directory, experiment, file)."""
    path = tmp_path / "two.weights.h5"
    network = build_two_layers(include_top=False, weights=None, input_tensor=keras.Input((SIZE, SIZE, 3)))
    network.save_weights(path)
    experiment = tiny_experiment(model__weights=str(path))
    provenance = files.read_json(own_copy / "provenance.json") | {"weights": files.digest_file(path)}
    files.write_json(own_copy / "provenance.json", provenance)
    (own_copy / "experiment.yaml").write_text(
        (own_copy / "experiment.yaml").read_text().replace("weights: none", f"weights: {path}")
    )
    return own_copy, experiment, path


def test_a_weights_file_may_move_but_not_change(run_from_file, phantoms, tmp_path):
    folder, experiment, path = run_from_file
    start_again(folder, phantoms, experiment)
    path.rename(tmp_path / "moved.weights.h5")
    start_again(folder, phantoms, tiny_experiment(model__weights=str(tmp_path / "moved.weights.h5")))
    path.write_bytes(b"other weights under the same name")
    with refused("model.weights"):
        start_again(folder, phantoms, experiment)


def test_an_unfinished_run_continues_with_a_moved_weights_file(run_from_file, phantoms, tmp_path):
    folder, _, path = run_from_file
    (folder / "predictions.csv").unlink()
    moved = path.rename(tmp_path / "moved.weights.h5")
    start_again(folder, phantoms, tiny_experiment(model__weights=str(moved)))
    assert load_experiment(folder / "experiment.yaml").model.weights == str(moved)


@pytest.mark.parametrize("damage", ["leak", "lost row", "twice", "unknown", "text", "missing"])
def test_damaged_splits_are_caught(own_copy, phantoms, damage):
    path = own_copy / "splits.csv"
    splits = pd.read_csv(path, dtype=str)
    train = splits[(splits.fold == "0") & (splits.role == "train")].index[0]
    test = splits[(splits.fold == "0") & (splits.role != "train")].index[0]
    if damage == "leak":
        splits.loc[splits.image_id == splits.image_id[train], "role"] = "test"
    elif damage == "lost row":
        splits = splits.drop(test)
    elif damage == "twice":
        splits = pd.concat([splits, splits.loc[[test]]])
    elif damage == "unknown":
        splits.loc[train, "image_id"] = "nobody"
    splits.to_csv(path, index=False)
    if damage == "text":
        path.write_text("PK\x03\x04\n")
    elif damage == "missing":
        path.unlink()
    with refused("splits.csv") as fault:
        start_again(own_copy, phantoms)
    assert "\n" not in str(fault.value)


def test_a_second_start_is_refused_with_the_process_that_holds_the_directory(own_copy, phantoms, monkeypatch):
    monkeypatch.setattr("pxr_tf.studies.run_all.LOCK_PATIENCE", 0.2)
    with locks.hold(locks.lock_of(own_copy)), pytest.raises(PxrError) as fault:
        start_again(own_copy, phantoms)
    assert_says(fault.value, own_copy.name, any_of("process"))
    start_again(own_copy, phantoms)


def test_a_run_that_was_stopped_while_it_was_prepared_is_prepared_again(phantoms, two_layers, tmp_path, monkeypatch):
    def stop_before_the_last_file(folder, *values):
        with monkeypatch.context() as patch:
            patch.setattr(files, "write_text", lambda path, text: (_ for _ in ()).throw(Stopped()))
            write_run(folder, *values)

    with monkeypatch.context() as patch, stopped():
        patch.setattr("pxr_tf.experiments.write_run.write_run", stop_before_the_last_file)
        run_here(tiny_experiment(), phantoms, tmp_path)
    recorder = Recorder(stop_before="features")
    with stopped():
        run_here(tiny_experiment(), phantoms, tmp_path, on_event=recorder)
    assert (request_of(tiny_experiment(), phantoms, tmp_path).folder / "experiment.yaml").exists()
    assert not [event for event in recorder.of("progress") if event["what"] == "decoding images"]  # the store was kept


def notes_of_random_weights(experiment, data, runs) -> list[str]:
    """Prepare or continue a run; return its notes on random weights before its first task."""
    recorder = Recorder(stop_before="features" if experiment.freezes_backbone else "fold-0")
    with stopped():
        run_here(experiment, data, runs, on_event=recorder)
    return [note["text"] for note in recorder.of("note") if "random weights" in note["text"]]


def test_a_note_says_once_that_a_head_on_random_features_learns_little(phantoms, two_layers, tmp_path, monkeypatch):
    (text,) = notes_of_random_weights(tiny_experiment(), phantoms, tmp_path)
    assert "\n" not in text
    assert "phase 'head'" in text and "near 1.39" in text and "4 classes" in text
    assert notes_of_random_weights(tiny_experiment(), phantoms, tmp_path) == []  # the note came with the preparation
    assert (
        notes_of_random_weights(tiny_experiment(variant="strategy1"), phantoms, tmp_path) == []
    )  # no phase trains the head alone
    monkeypatch.setitem(LEARNERS, "other", "nowhere.at.all")
    assert notes_of_random_weights(tiny_experiment(model__kind="other", phases=[]), phantoms, tmp_path) == []


@pytest.mark.parametrize(
    ("options", "noted"), [({}, True), ({"name": "own"}, False), ({"backbone": "xception", "image__size": 71}, False)]
)
def test_a_note_says_what_a_small_network_reaches_in_the_phantom_recipe(phantoms, two_layers, tmp_path, options, noted):
    recorder = Recorder(stop_before="features")
    with stopped():
        run_here(tiny_experiment(**options), phantoms, tmp_path, on_event=recorder)
    texts = [note["text"] for note in recorder.of("note") if "xception" in note["text"]]
    assert len(texts) == noted
    for text in texts:
        assert_says(text, "two_layers", "mobilenet_025", "chance", "epochs")


def test_an_unreadable_image_is_named_or_skipped_and_kept_in_a_list(phantoms, two_layers, tmp_path):
    for data in phantoms:
        shutil.copytree(data, tmp_path / data.name)
    broken = min((tmp_path / "chest_xray").rglob("*bacteria*.jpeg"))
    broken.write_bytes(broken.read_bytes()[:300])
    data = [tmp_path / folder.name for folder in phantoms]
    with refused("1 of 28 images", UNREADABLE, str(broken), "--skip-unreadable"):
        run_here(tiny_experiment(), data, tmp_path / "runs", executor=Never())
    folder = request_of(tiny_experiment(), data, tmp_path / "runs").folder
    assert not folder.exists()
    recorder = Recorder(stop_before="features")
    with stopped():
        run_here(tiny_experiment(), data, tmp_path / "runs", skip_unreadable=True, on_event=recorder)
    assert pd.read_csv(folder / "skipped.csv").path.tolist() == [str(broken)]
    assert len(pd.read_csv(folder / "manifest.csv")) == 27
    assert any("1 unreadable image skipped" in note["text"] for note in recorder.of("note"))
