"""The estimated cost of a grid."""

import numpy as np
import pandas as pd
import pytest

from pxr_tf.config import load_experiment
from pxr_tf.studies.estimate import HEAD_STEP, START, Workload, estimate_cell, measure_workload

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
