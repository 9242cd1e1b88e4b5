"""The Makefile passes on what was given and nothing else, under names that the commands know."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from pxr_tf.cli import app

MAKEFILE = Path(__file__).parents[1] / "Makefile"
COMMANDS = typer.main.get_command(app).commands
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(*words: str) -> str:
    """Return what make would run, the environment taken as made."""
    ready = [f"--old-file=.venv/.ready{added}" for added in ("", "-gpu", "-hub", "-gpu-hub")]
    command = ["make", "--no-print-directory", "-n", *ready, "-f", str(MAKEFILE), *words]
    clean = {"PATH": "/usr/bin:/bin:/usr/local/bin"}  # a MODEL in the environment is one that was given
    ended = subprocess.run(command, cwd=MAKEFILE.parent, env=clean, capture_output=True, text=True, check=True)
    return ended.stdout.replace("\\\n", " ").strip()


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ("cv", "cv --runs runs"),
        ("cv MODEL=xception STRATEGY=2", "cv --model xception --strategy 2 --runs runs"),
        ("cv VARIANT=strategy3 FOLDS=3", "cv --variant strategy3 --folds 3 --runs runs"),
        (
            "cv CLASSES=normal,p=bacterial+viral SEEDS=0,1",
            "cv --classes normal,p=bacterial+viral --seeds 0,1 --runs runs",
        ),
        ("train", "train --runs runs"),
        ("train VARIANT=stage1 SEED=3", "train --variant stage1 --seed 3 --runs runs"),
        (
            "train SCHEME=random VALIDATION=0.1 UNIT=image DATA=a,b RUNS=there",
            "train --scheme random --validation 0.1 --unit image --data a,b --runs there",
        ),
        (
            "tune CONFIG=chen2021 VARIANT=small_cnn OVER=training.learning_rate=0.003,0.01",
            "tune chen2021 small_cnn --over training.learning_rate=0.003,0.01 --runs runs",
        ),
        (
            "tune|CONFIG=a.yaml|OVER=model.l2=1,2 model.hidden_units=[5,1],[2]|SCHEME=random|SEED=1|DATA=a,b",
            "tune a.yaml --over model.l2=1,2 --over model.hidden_units=[5,1],[2] --scheme random --data a,b --seed 1 "
            "--runs runs",
        ),
        (
            "grid MODELS=xception,resnet50 STRATEGIES=1,2",
            "grid --models xception,resnet50 --strategies 1,2 --runs runs",
        ),
        ("data DATA=a,b", "data a,b"),
        ("feature-maps RUN=a/b", "feature-maps a/b"),
        (
            "feature-maps RUN=a IMAGE=b/c.jpeg LAYER=feature_map FOLD=0",
            "feature-maps a --image b/c.jpeg --layer feature_map --fold 0",
        ),
    ],
)
def test_only_what_was_given_is_passed_on(given, command):
    assert shlex.split(make(*given.split("|" if "|" in given else None))) == [".venv/bin/pxr", *command.split()]


@pytest.mark.parametrize("name", ["cv", "train", "tune", "grid"])
def test_every_option_is_one_that_the_command_knows(name):
    variables = re.findall(r"^([A-Z]+) +\?=", MAKEFILE.read_text(), re.MULTILINE)
    words = shlex.split(make(name, *(f"{variable}=x" for variable in variables if variable not in ("ARGS", "PYTHON"))))
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    passed = {word for word in words if word.startswith("--")}
    assert passed <= known
    assert len(passed) >= 8


def test_help_names_every_target_and_variable():
    text = MAKEFILE.read_text()
    said = subprocess.run(
        ["make", "--no-print-directory", "-f", str(MAKEFILE), "help"], capture_output=True, text=True, check=True
    ).stdout
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE)) - {"help"}
    assert targets <= set(re.findall(r"^  make ([\w-]+)", said, re.MULTILINE))
    assert set(re.findall(r"^([A-Z]+) +\?=", text, re.MULTILINE)) <= set(re.findall(r"\b[A-Z]+\b", said))
