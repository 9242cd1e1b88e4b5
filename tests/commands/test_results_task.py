"""On a cluster a task makes what people read of a run: the same files as the command makes."""

from pathlib import Path

import pytest
from messages import assert_tells

from pxr_tf.report.tensorboard import COMPLETE

WORDS = ["--strategy", 2, "--epochs", 1]
READ = ("predictions.csv", "metrics.csv", "roc.csv", "confusion_matrix.csv", "confusion_matrix.png", "roc.png")


@pytest.fixture
def cv(pxr, data, recipe, monkeypatch):
    """Return a function: (folder of runs, whether a task makes results) -> (printed, run directory)."""

    def run(runs: str, *, by_task: bool) -> tuple[str, Path]:
        monkeypatch.setattr("pxr_tf.executors.choose.has_nodes", lambda: by_task)
        code, said, errors = pxr("cv", "--config", recipe, "--data", data, *WORDS, "--runs", runs)
        assert code == 0, errors
        (folder,) = (path.parent for path in Path(runs).rglob("seed-0/predictions.csv"))
        return said, folder

    return run


def test_a_task_makes_the_files_that_the_command_makes(cv):
    (said, by_task), (expected, by_command) = cv("a", by_task=True), cv("b", by_task=False)
    for name in READ:
        assert (by_task / name).read_bytes() == (by_command / name).read_bytes(), name
    complete = sorted(file.parent.name for file in by_command.glob(f"*/{COMPLETE}"))
    assert complete == sorted(file.parent.name for file in by_task.glob(f"*/{COMPLETE}"))
    assert all(len(list((by_task / fold).glob("events.*"))) == 1 for fold in complete)
    assert "Nothing to do" not in said
    assert said.count("\n") == expected.count("\n")


def test_a_finished_run_has_nothing_left_for_a_task(cv):
    cv("a", by_task=True)
    said, folder = cv("a", by_task=True)
    assert_tells(said, "Nothing to do: this run is finished")
    (folder / "metrics.csv").unlink()
    said, _ = cv("a", by_task=True)
    assert (folder / "metrics.csv").exists()
    assert "Nothing to do" not in said
