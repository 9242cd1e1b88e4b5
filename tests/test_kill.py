"""The whole command, killed with signal 9 and started again, ends with the same results as without a kill."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import is_running, wait_until
from tiny import request_of, run_here, tiny_experiment

from pxr_tf.config import dump_experiment

RECIPE = {"backbone": "two_layers", "variant": "strategy1", "model__head__dropout": 0.5}
LONG_RECIPE = {  # a real backbone, epoch choice, feature extraction, two phases
    "backbone": "mobilenet_025",
    "variant": "strategy3",
    "phases__0__patience": 1,
    "phases__1__patience": 1,
    "augmentation__epochs": "practical",
}


# Python runs a module of this name when it starts. It registers the two-layer backbone in the processes below, and can
# limit their processors.
SITE = f"""
import os, sys
if "PROCESSOR" in os.environ:
    os.sched_setaffinity(0, [int(os.environ["PROCESSOR"])])
sys.path[:0] = [{str(Path(__file__).parents[1])!r}, {str(Path(__file__).with_name("helpers"))!r}]
from pxr_tf.models.backbones import BACKBONES
from tiny import TWO_LAYERS
BACKBONES["two_layers"] = TWO_LAYERS
"""


@pytest.fixture
def start(phantoms, tmp_path):
    """Return a function that starts ``pxr cv`` on a recipe; its processes are killed in the end."""
    started: list[subprocess.Popen] = []
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def run(recipe: dict, **variables: str) -> subprocess.Popen:
        config = tmp_path / "recipe.yaml"
        config.write_text(dump_experiment(tiny_experiment(**recipe)))
        words = ["cv", "--config", config, "--data", ",".join(map(str, phantoms)), "--runs", tmp_path / "runs"]
        command = [sys.executable, "-m", "pxr_tf.cli", *map(str, words)]
        options = {
            "env": environment | variables,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.PIPE,
            "text": True,
        }
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def kill(process: subprocess.Popen) -> None:
    """Kill the command with signal 9, and wait until its worker has died."""
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(map(is_running, workers)), 20)


def finish(process: subprocess.Popen) -> None:
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_a_killed_command_continues_to_the_same_predictions(start, phantoms, two_layers, tmp_path):
    folder = request_of(tiny_experiment(**RECIPE), phantoms, tmp_path / "runs").folder
    moments = [folder / "fold-0" / "checkpoint.npz", folder / "fold-1"]
    for moment in moments:
        process = start(RECIPE)
        wait_until(lambda moment=moment, process=process: moment.exists() or process.poll() is not None)
        assert process.poll() is None
        kill(process)
    finish(start(RECIPE, PROCESSOR=str(min(os.sched_getaffinity(0)))))  # the run keeps its threads
    undisturbed = run_here(tiny_experiment(**RECIPE), phantoms, tmp_path / "undisturbed")  # in one process
    assert (folder / "predictions.csv").read_bytes() == (undisturbed / "predictions.csv").read_bytes()
    assert not list((tmp_path / "runs").rglob("*.partial"))


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_nothing(start, phantoms, tmp_path):
    undisturbed = run_here(tiny_experiment(**LONG_RECIPE), phantoms, tmp_path / "undisturbed")
    moments = random.Random(0)
    for _ in range(10):
        process = start(LONG_RECIPE)
        try:
            process.wait(timeout=moments.uniform(0.5, 25))
        except subprocess.TimeoutExpired:
            kill(process)
    finish(start(LONG_RECIPE))
    folder = request_of(tiny_experiment(**LONG_RECIPE), phantoms, tmp_path / "runs").folder
    for name in ("predictions.csv", "holdout/epochs.json"):
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes()
