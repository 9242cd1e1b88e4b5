"""The estimated cost of a grid."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import request_of, tiny_experiment

from pxr_tf import files
from pxr_tf.config import load_experiment
from pxr_tf.executors.inline import Inline
from pxr_tf.experiments.begin import choose_rows
from pxr_tf.pictures.gather import gather_images
from pxr_tf.studies.estimate import (
    HEAD_STEP,
    START,
    Workload,
    _notes_only,
    estimate_cell,
    estimate_grid,
    measure_workload,
)

SPEED = {"train": 0.1, "predict": 0.01, "parameters": 1e6, "channels": 256.0, "memory": 5e8}
WORK = Workload(images=1000, samples=900, features=1200)


def make_experiment(strategy, **phase):
    values = {f"phases.0.{key}": value for key, value in phase.items()}
    return load_experiment("phantom", {"splits.folds": 5, **values}, variant=f"strategy{strategy}")


def test_training_all_layers_costs_epochs_times_samples_times_folds():
    estimate = estimate_cell(make_experiment(1, max_epochs=3), WORK, SPEED, features=False)
    assert estimate.seconds == pytest.approx(5 * (START + 3 * 900 * 0.1) + 1000 * 0.01)
    assert not estimate.at_most


def test_early_stopping_makes_it_an_upper_bound_and_adds_the_hold_out():
    fixed = estimate_cell(make_experiment(1, max_epochs=3), WORK, SPEED, features=False)
    stopped = estimate_cell(make_experiment(1, max_epochs=3, patience=2), WORK, SPEED, features=False)
    assert stopped.at_most
    assert stopped.seconds - fixed.seconds == pytest.approx(START + 3 * 900 * 0.1)


def test_features_are_paid_once_and_only_if_a_phase_is_frozen():
    frozen, all_layers = make_experiment(2), make_experiment(1)
    paid, free = (estimate_cell(frozen, WORK, SPEED, features=given).seconds for given in (True, False))
    assert paid - free == pytest.approx(1200 * 0.01)
    assert len({estimate_cell(all_layers, WORK, SPEED, features=given).seconds for given in (True, False)}) == 1


def test_a_run_of_frozen_phases_starts_one_process_and_predicts_at_no_cost():
    head = {"name": "head", "train": "head", "learning_rate": 0.01, "max_epochs": 10}
    values = {"splits.folds": 5, "phases": [head], "training.batch_size": 30}
    estimate = estimate_cell(load_experiment("phantom", values, variant="strategy2"), WORK, SPEED, features=False)
    assert estimate.seconds == pytest.approx(START + 5 * 10 * 900 / 30 * HEAD_STEP)


def test_memory_holds_the_process_the_weights_twice_and_all_features():
    estimate = estimate_cell(make_experiment(1, max_epochs=3), WORK, SPEED, features=False)
    assert estimate.memory == 5e8 + 2 * 4e6 + 1200 * 256 * 4
    assert estimate.disk == (5 + 4) * 4e6  # five models, and a checkpoint of four times their size


def test_mirror_images_are_predicted_too():
    plain, mirrored = (
        estimate_cell(
            load_experiment("phantom", {"splits.folds": 5, "training.mirror_predictions": given}, variant="strategy1"),
            WORK,
            SPEED,
            features=False,
        )
        for given in (False, True)
    )
    assert mirrored.seconds - plain.seconds == pytest.approx(1000 * 0.01)


def test_the_workload_counts_images_samples_and_copies():
    labels = np.repeat(["bacterial", "covid19", "normal", "viral"], [50, 10, 50, 50])
    names = [f"{label}/{number}" for number, label in enumerate(labels)]
    table = pd.DataFrame({"image_id": names, "label": labels, "patient_id": names})
    work = measure_workload(table, load_experiment("phantom"))
    assert work == Workload(images=160, samples=160, features=160 + 32)  # 8 of 10 COVID-19 images become 40 per fold
    aimed = load_experiment("phantom", {"balance.target": 20})
    assert measure_workload(table, aimed) == Workload(images=160, samples=140, features=160 + 12)
    capped = load_experiment("phantom", {"balance.cap": 20})
    assert measure_workload(table, capped) == Workload(images=160, samples=80, features=160 + 12)


def test_notes_are_passed_on_and_nothing_else():
    said = []
    listen = _notes_only(said.append)
    listen({"event": "note", "text": "a note"})
    listen({"event": "progress", "text": "half"})
    assert said == ["a note"]


class Timed(Inline):
    """An executor whose calibration takes no time; it records the tasks and writes the speed of each backbone."""

    def __init__(self, speeds: dict[str, dict[str, float]]) -> None:
        self.speeds, self.tasks = speeds, []

    def run(self, batches, on_event):
        for task in itertools.chain(*batches):
            self.tasks.append(task)
            backbone = json.loads(task.options.recipe)["model"]["backbone"]
            files.write_json(task.options.to, self.speeds[backbone])
        return {}


def test_a_grid_times_each_backbone_once_and_pays_for_its_features_once(phantoms, tmp_path):
    slow = SPEED | {"predict": 1.0}
    executor, said = Timed({"mobilenet_025": SPEED, "xception": slow}), []
    experiments = [
        tiny_experiment(backbone, f"strategy{strategy}")
        for backbone in ("xception", "mobilenet_025")
        for strategy in (1, 2, 3)
    ]
    requests = [request_of(one, phantoms, tmp_path) for one in experiments]
    finished = requests[0].folder
    for name in ("experiment.yaml", "predictions.csv"):
        files.write_text(finished / name, "finished")
    found = estimate_grid(requests, executor, said.append)
    assert list(found) == [(one.backbone, one.variant) for one in experiments[1:]]
    assert [(task.name, task.kind) for task in executor.tasks] == [("calibrate", "calibrate")] * 2
    assert all(task.leaves_memory and Path(task.logs) == requests[0].cache / "logs" for task in executor.tasks)
    assert {task.options.to.parent for task in executor.tasks} == {Path(task.logs) for task in executor.tasks}
    assert sum("Timing" in text for text in said) == 2
    first = experiments[0]
    gathered = gather_images(phantoms, first.classes, first.merge, lambda text: None)
    work = measure_workload(choose_rows(requests[0], gathered, lambda event: None), first)
    for experiment, features in zip(experiments[1:], (True, False, False, True, False), strict=True):
        speed = slow if experiment.backbone == "xception" else SPEED
        expected = estimate_cell(experiment, work, speed, features=features)
        assert found[experiment.backbone, experiment.variant] == expected
    assert estimate_grid(requests[:1], executor, said.append) == {} and len(executor.tasks) == 2
