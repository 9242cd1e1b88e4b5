"""Divided work gives what undivided work gives: every kind of task that a cluster divides, in three shards."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import run_here, tiny_experiment, write_tiny_phantoms

from pxr_tf import arrays, locks
from pxr_tf.errors import PxrError
from pxr_tf.executors.graph import Graph
from pxr_tf.executors.inline import Inline, _perform
from pxr_tf.executors.perform import DIVISIBLE
from pxr_tf.inference.features import FeatureRequest, export_features
from pxr_tf.inference.predict import PredictRequest, predict_pictures
from pxr_tf.runs.finished import open_run

SHARDS = 3


class Divided(Inline):
    """Runs tasks in this process, those that can be divided in three shards; it remembers their kinds."""

    def __init__(self):
        self.divided = set()

    def run(self, batches, on_event):
        graph = Graph(lambda task: SHARDS, 0, on_event)
        for tasks in batches:
            graph.add(tasks)
        graph.complete()
        while not graph.ended:
            for task in graph.take_ready():
                self.divided |= {task.kind} if task.shards > 1 else set()
                try:
                    _perform(task, lambda event, task=task: graph.hear(task, event))
                except PxrError as error:
                    graph.hear(task, {"event": "fault", "message": str(error), "exit_code": error.exit_code})
                else:
                    graph.hear(task, {"event": "done"})
        return graph.failures


@pytest.fixture
def divided(monkeypatch):
    monkeypatch.setattr(locks, "_shared", True)
    return Divided()


def rows_of(cache: Path, kind: str) -> dict[str, dict[str, bytes]]:
    """Return array -> key -> bytes of the row, for the keyed arrays of a kind."""
    folders = [folder for folder in cache.glob(f"{kind}-*") if folder.is_dir()]
    found = {folder.name: arrays.load_array(folder) for folder in folders}
    return {
        name: {key: array.values[row].tobytes() for key, row in array.rows.items()} for name, array in found.items()
    }


def test_a_run_whose_features_are_divided_has_the_same_features_and_predictions(
    finished_run, phantoms, tmp_path, two_layers, divided
):
    run = run_here(tiny_experiment(), phantoms, tmp_path / "runs", executor=divided)
    assert divided.divided == {"features"}
    assert rows_of(tmp_path / "runs" / "cache", "features") == rows_of(open_run(finished_run).cache, "features")
    assert (run / "predictions.csv").read_bytes() == (finished_run / "predictions.csv").read_bytes()


def test_features_of_saved_models_are_the_same_in_shards(own_copy, tmp_path, divided):
    run = open_run(own_copy)
    export_features(FeatureRequest(run, out=tmp_path / "whole.parquet"), Inline())
    for folder in run.cache.glob("features-*"):
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    export_features(FeatureRequest(run, out=tmp_path / "divided.parquet"), divided)
    assert divided.divided == {"saved_features"}
    pd.testing.assert_frame_equal(*(pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("whole", "divided")))


def test_predictions_are_the_same_in_shards(own_copy, tmp_path, divided):
    folder = write_tiny_phantoms(tmp_path / "others", seed=9)[0]
    run, seen = open_run(own_copy), []

    def listen(event):
        if event["event"] == "progress" and event["what"] == "predicting pictures":
            seen.append((event["done"], event["total"]))

    found = predict_pictures(PredictRequest(run, (str(folder),)), divided, listen).table
    assert divided.divided == {"predict"}
    assert seen[-1] == (len(found), len(found))
    for array in run.cache.glob("predictions-*"):
        shutil.rmtree(array) if array.is_dir() else array.unlink()
    whole = predict_pictures(PredictRequest(run, (str(folder),)), Inline()).table
    pd.testing.assert_frame_equal(found, whole)


def test_shards_have_every_item_once():
    from pxr_tf.tasks import Task

    items = list(range(11))
    parts = [Task("a", "features", shard=place, shards=SHARDS).part_of(items) for place in range(SHARDS)]
    assert sorted(np.concatenate(parts)) == items
    assert Task("a", "features").part_of(items) == items


def test_kinds_that_can_be_divided_are_known_kinds():
    from pxr_tf.executors.perform import KINDS

    assert set(DIVISIBLE) <= set(KINDS)
