"""A tuning point has the training rows of the run that it is for, and nothing of the test part."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from messages import any_of, refused
from tiny import SIZE, Never, Recorder, run_here, stopped

from pxr_tf.config import load_experiment
from pxr_tf.data.patients import add_content
from pxr_tf.data.schemes import SCHEMES, as_rows
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.crop import preparation_of
from pxr_tf.sets.find import read_sources
from pxr_tf.training.learners import LEARNERS

MEANS = {
    "model.kind": "means",
    "model.temperature": 0.1,
    "image.size": SIZE,
    "classes": ["bacterial", "normal", "viral"],
    "balance.oversample": ["viral"],
    "augmentation.copies": "none",
    "splits.validation": 0.3,
    "splits.test": 0.3,
    "show": ["filters"],
}


@pytest.fixture(autouse=True)
def learner(monkeypatch):
    monkeypatch.setitem(LEARNERS, "means", "means")


def means_experiment(scheme: str, **options):
    given = {key.replace("__", "."): value for key, value in options.items()}
    return load_experiment("phantom", MEANS | {"splits.scheme": scheme} | given)


def tables(folder) -> list[pd.DataFrame]:
    return [pd.read_csv(folder / f"{name}.csv") for name in ("manifest", "splits", "samples")]


@pytest.mark.parametrize(
    ("scheme", "options", "broken"),
    [("official", {}, 0), ("random", {}, 6), ("random", {"splits__unit": "image"}, 0)],
)
def test_a_point_has_all_rows_of_the_run_that_it_is_for_except_test_rows(
    official_phantoms, tmp_path, scheme, options, broken
):
    data, experiment = [break_pictures(official_phantoms, tmp_path, broken)], means_experiment(scheme, **options)
    with stopped():
        recorder = Recorder(stop_before=scheme)
        run_here(experiment, data, tmp_path / "run", on_event=recorder, skip_unreadable=True)
    (run,) = (file.parent for file in (tmp_path / "run").rglob("experiment.yaml"))
    recorder = Recorder()
    point = run_here(experiment, data, tmp_path, tuning=tmp_path / "point", on_event=recorder, skip_unreadable=True)
    assert recorder.tasks == [scheme]  # a point has no model figures
    assert f"{broken} unreadable images skipped." in [event["text"] for event in recorder.of("note")] or not broken
    _, splits, samples = tables(run)
    kept = [table[~table.role.str.startswith("test")].reset_index(drop=True) for table in (splits, samples)]
    manifest, *found = tables(point)
    for mine, theirs in zip(found, kept, strict=True):
        pd.testing.assert_frame_equal(mine, theirs)
    assert sorted(manifest.image_id) == sorted(kept[0].image_id)
    predictions = pd.read_csv(point / "predictions.csv")
    assert set(predictions.role) == {"val"}
    assert predictions.image_id.tolist() == sorted(splits.image_id[splits.role == "val"])
    texts = {"patient": [], "image": ["validation image"]}[experiment.splits.unit]
    leaks = [warning["text"] for warning in pd.read_json(point / "warnings.json").to_dict("records")[:1]]
    assert all(text in leaks[0] for text in texts)
    assert run_here(experiment, data, tmp_path, tuning=point, executor=Never()) == point


def break_pictures(data: Path, to: Path, number: int) -> Path:
    """Return a copy of the data with this number of unreadable pictures, spread over it."""
    copy = shutil.copytree(data, to / data.name) if number else data
    for file in sorted(copy.rglob("*.jpeg"))[:: max(1, len(list(copy.rglob("*.jpeg"))) // max(1, number))][:number]:
        file.write_bytes(f"no picture {file.name}".encode())
    return copy


def test_no_picture_of_the_test_part_is_decoded(official_phantoms, tmp_path):
    experiment = means_experiment("official")
    point = run_here(experiment, [official_phantoms], tmp_path, tuning=tmp_path / "point")
    table = add_content(read_sources([official_phantoms])[0]).set_index("image_id")
    stored = load_pictures(tmp_path / "cache", preparation_of(experiment.image)).rows
    assert set(stored) == set(table.content[tables(point)[0].image_id])
    assert not set(stored) & set(table.content[table.official_split == "test"])


def test_a_test_row_that_was_written_into_its_tables_is_refused(official_phantoms, tmp_path):
    experiment = means_experiment("official")
    point = run_here(experiment, [official_phantoms], tmp_path, tuning=tmp_path / "point")
    splits = pd.read_csv(point / "splits.csv")
    splits.loc[splits.index[0], "role"] = "test"
    splits.to_csv(point / "splits.csv", index=False)
    with refused(any_of("tuning"), any_of("test"), any_of("delete")):
        run_here(experiment, [official_phantoms], tmp_path, tuning=point, executor=Never())


def split_without_validation(table: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    roles = table.official_split.where(table.official_split == "test", "train")
    return as_rows("parts", dict(zip(table.image_id, roles, strict=True)))


@pytest.mark.parametrize(
    ("scheme", "words"), [("folds", ["cross-validation", "test", "fold"]), ("parts", ["validation", "image"])]
)
def test_schemes_that_leave_nothing_to_rank_by_are_refused(official_phantoms, tmp_path, monkeypatch, scheme, words):
    monkeypatch.setitem(SCHEMES, "parts", split_without_validation)
    with refused(*words):
        run_here(means_experiment(scheme), [official_phantoms], tmp_path, tuning=tmp_path / "p", executor=Never())
    assert not (tmp_path / "p").exists()
