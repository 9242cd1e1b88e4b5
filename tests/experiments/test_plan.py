"""The plan: which tasks a run directory shows to be unfinished, and what each of them needs."""

import pandas as pd
import pytest
from tiny import tiny_experiment

from pxr_tf.data.splits import read_splits
from pxr_tf.experiments.plan import plan_folds
from pxr_tf.experiments.request import Request


def at(folder, experiment) -> Request:
    """Return a request whose run directory is this folder."""
    return Request(experiment, (), folder.parent, tuning=folder)


@pytest.mark.parametrize(
    ("missing", "tasks"),
    [
        (["predictions.csv"], []),
        (["fold-1/predictions.csv", "predictions.csv"], ["features", "fold-1"]),
        (["fold-0/predictions.csv", "fold-1/predictions.csv", "predictions.csv"], ["features", "fold-0", "fold-1"]),
    ],
)
def test_what_is_missing_is_made_again(own_copy, missing, tasks):
    def planned(experiment, splits):
        return [task.name for task in plan_folds(at(own_copy, experiment), splits)]

    for name in missing:
        (own_copy / name).unlink()
    splits = read_splits(own_copy / "splits.csv")
    assert planned(tiny_experiment(), splits) == tasks
    chooses = pd.concat([splits[splits.fold == "1"].assign(fold="holdout"), splits])
    assert planned(tiny_experiment(phases__0__patience=1), chooses) == ["features", "holdout", *tasks[1:]]
    assert planned(tiny_experiment(variant="strategy1"), splits) == tasks[1:]


def test_a_task_names_the_tasks_whose_files_it_reads(tmp_path):
    splits = pd.DataFrame({"image_id": "a", "fold": ["holdout", "0"], "role": "train"})
    chooses = {"phases__0__patience": 1}
    needs = {
        variant: {
            task.name: task.needs
            for task in plan_folds(at(tmp_path, tiny_experiment(variant=variant, **chooses)), splits)
        }
        for variant in ("strategy1", "strategy2")
    }
    assert needs["strategy1"] == {"holdout": (), "fold-0": ("holdout",)}
    assert needs["strategy2"] == {"features": (), "holdout": ("features",), "fold-0": ("features", "holdout")}


def test_a_finished_run_whose_folds_were_deleted_is_not_trained_again(own_copy):
    for fold in (0, 1):
        (own_copy / f"fold-{fold}" / "predictions.csv").unlink()
    assert plan_folds(at(own_copy, tiny_experiment()), read_splits(own_copy / "splits.csv")) == []


def test_only_a_task_that_trains_a_whole_network_leaves_memory(own_copy, phantoms):
    splits = read_splits(own_copy / "splits.csv")
    for folder in ("fold-0", "fold-1", "."):
        (own_copy / folder / "predictions.csv").unlink()
    head = {"name": "head", "train": "head", "learning_rate": 0.01, "max_epochs": 1}
    for options, leaves in (({}, True), ({"phases": [head]}, False)):
        tasks = plan_folds(at(own_copy, tiny_experiment(**options)), splits)
        assert [(task.name, task.leaves_memory) for task in tasks] == [
            ("features", False),
            ("fold-0", leaves),
            ("fold-1", leaves),
        ]
