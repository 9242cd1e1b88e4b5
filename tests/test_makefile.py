"""The Makefile passes on exactly the given variables, as options that the commands know."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
from messages import any_of, assert_tells

from pxr_tf.cli import app

MAKEFILE = Path(__file__).parents[1] / "Makefile"
MADE = MAKEFILE.parent / "scripts" / "options.mk"  # written from the table of options
COMMANDS = typer.main.get_command(app).commands
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def ask(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return the result of make -n, which prints commands without running them; the environment counts as made."""
    ready = [f"--old-file=.venv/.ready{added}" for added in ("", "-gpu", "-hub", "-gpu-hub", "-ray", "-hub-ray")]
    command = ["make", "--no-print-directory", "-n", *ready, "-f", str(MAKEFILE), *words]
    clean = {"PATH": "/usr/bin:/bin:/usr/local/bin"}  # a MODEL in the environment would count as given
    return subprocess.run(
        command, cwd=MAKEFILE.parent, env=clean | environment, capture_output=True, text=True, check=False
    )


def make(*words: str) -> str:
    """Return the command that make would run."""
    ended = ask(*words)
    assert (ended.returncode, ended.stderr) == (0, "")
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
        ("cv CROP=lungs ATLAS=pairs", "cv --crop lungs --atlas pairs --runs runs"),
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
        (
            "chen2021 MODEL=small_cnn SEEDS=0 DATA=a WEIGHTS=none CROP=lungs",
            "reproduce chen2021 --model small_cnn --seeds 0 --data a --crop lungs --weights none --runs runs",
        ),
        ("data DATA=a,b", "data a,b"),
        ("lungs DATA=a", "lungs --runs runs a"),
        (
            "lungs DATA=a ATLAS=pairs OUT=there MASKS=given RUNS=r",
            "lungs --atlas pairs --out there --masks given --runs r a",
        ),
        ("lungs-train ATLAS=pairs", "lungs train pairs --runs runs"),
        ("lungs-train ATLAS=pairs OUT=net SEED=1 RUNS=r", "lungs train pairs --out net --seed 1 --runs r"),
        ("phantom", "phantom phantoms"),
        ("phantom OUT=there", "phantom there"),
        ("feature-maps RUN=a/b", "feature-maps a/b"),
        ("features RUN=a/b DATA=c,d FOLD=0", "features a/b c,d --fold 0"),
        ("features RUN=a/b OUT=c.parquet", "features a/b --out c.parquet"),
        ("predict RUN=a/b PICTURES=c.png FOLD=0 OUT=d.json", "predict a/b c.png --fold 0 --out d.json"),
        ("evaluate RUN=a/b DATA=c,d", "evaluate a/b c,d"),
        ("audit RUN=a/b CHECKS=leaks STRICT=0", "audit a/b --checks leaks"),
        ("audit DATA=a,b STRICT=1", "audit a,b --strict"),
        ("explain RUN=a/b", "explain a/b"),
        ("compare|RUN=a/b c d/e|OUT=f.csv", "compare a/b c d/e --out f.csv"),
        ("report|RUN=a b/c|OUT=there", "report a b/c --out there"),
        (
            "explain RUN=a/b IMAGES=c.png,d METHODS=grad_cam,saliency CLASS=true NUMBER=5 OUT=there",
            "explain a/b c.png,d --methods grad_cam,saliency --class true --number 5 --out there",
        ),
        ("cv DATA=a CROP=lungs", "cv --data a --crop lungs --runs runs"),
        (
            "feature-maps RUN=a IMAGE=b/c.jpeg LAYER=feature_map FOLD=0 ATLAS=d",
            "feature-maps a --image b/c.jpeg --layer feature_map --fold 0 --atlas d",
        ),
    ],
)
def test_only_given_variables_are_passed_on(given, command):
    assert shlex.split(make(*given.split("|" if "|" in given else None))) == [".venv/bin/pxr", *command.split()]


VARIABLES = re.findall(r"^([A-Z]+) +\?=", MAKEFILE.read_text() + MADE.read_text(), re.MULTILINE)
NOT_OPTIONS = {"ARGS", "PYTHON", "GPU", "HUB", "RAY"}
CLUSTER = ["EXECUTOR", "ADDRESS", "GPUS", "RETRIES"]
OF_A_PAPER = ["MODEL", "SEEDS", "DATA", "CROP", "ATLAS", "WEIGHTS", "RUNS", "FIGURES", *CLUSTER, "ARGS"]


def taken_by(target: str) -> list[str]:
    """Return the variables that a target takes, from its message about an unknown variable."""
    said = ask(target, "NOBODY=1").stderr
    assert_tells(said, f"make {target}", "NOBODY=1", "Accepted: ")
    return said.partition("Accepted: ")[2].partition(".")[0].split()


@pytest.mark.parametrize(
    "target", ["cv", "train", "tune", "grid", "chen2021", "novokshanov2022", "vazquez2021", "lungs", "explain"]
)
def test_every_variable_of_a_target_becomes_an_option_of_its_command(target):
    taken = [name for name in taken_by(target) if name not in NOT_OPTIONS]
    words = shlex.split(make(target, *(f"{name}=given-{name}" for name in taken)))
    assert [name for name in taken if f"given-{name}" not in words] == []
    known = {option for parameter in COMMANDS[words[1]].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("target", ["chen2021", "novokshanov2022", "vazquez2021"])
def test_a_paper_takes_the_variables_of_its_command(target):
    assert taken_by(target) == OF_A_PAPER


@pytest.mark.parametrize(
    ("words", "received"),
    [
        ("chen2021 MODEL=small_cnn VARIANT=small_cnn", "VARIANT=small_cnn"),
        *((f"chen2021 {name}=1", f"{name}=1") for name in VARIABLES if name not in {*OF_A_PAPER, *NOT_OPTIONS}),
        ("novokshanov2022 UNIT=image", "UNIT=image"),
        *((f"tune CONFIG=chen2021 {name}=1", f"{name}=1") for name in ("SEEDS", "STRATEGY", "FOLDS", "MODELS")),
        ("cv SCHEME=random", "SCHEME=random"),
        ("train FOLDS=3", "FOLDS=3"),
        ("grid MODEL=xception", "MODEL=xception"),
        ("cv MODLE=xception", "MODLE=xception"),
        ("data DATA=a SEED=3", "SEED=3"),
        ("phantom DATA=a", "DATA=a"),
        ("feature-maps RUN=a METHODS=saliency", "METHODS=saliency"),
        ("runs RUN=a", "RUN=a"),
        ("tensorboard RUN=a", "RUN=a"),
    ],
)
def test_a_variable_without_effect_is_refused_in_one_line(words, received):
    ended = ask(*words.split())
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert_tells(ended.stderr, received, any_of("accepted"))


def test_in_the_environment_only_an_experiments_variables_count():
    assert "received SEED=3" in ask("chen2021", SEED="3").stderr
    assert ask("cv", IMAGE="ubuntu", RUN="7").returncode == 0


@pytest.mark.parametrize("words", [["tune"], ["tune", "CONFIG=", "OVER=model.l2=1"]])
def test_tune_needs_a_recipe(words):
    ended = ask(*words)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert_tells(ended.stderr, "make tune", "CONFIG", "configs/", "YAML")


@pytest.mark.parametrize(
    ("target", "lacks"),
    [
        *((target, "RUN") for target in ("explain", "features", "feature-maps", "calibrate", "compare", "report")),
        ("data", "DATA"),
        ("lungs", "DATA"),
        ("lungs-train", "ATLAS"),
    ],
)
def test_a_target_needs_what_its_command_requires(target, lacks):
    for words in ([target], [target, f"{lacks}="]):
        ended = ask(*words)
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
        assert_tells(ended.stderr, f"make {target}", f"no {lacks}", any_of("accepted"))


def run_make(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make for real in a copy of the project without its environment."""
    (folder / "scripts").mkdir(exist_ok=True)
    for file in (MAKEFILE, MADE, MAKEFILE.parent / "requirements.txt", MAKEFILE.parent / "pyproject.toml"):
        shutil.copy(file, folder / file.relative_to(MAKEFILE.parent))
    command = ["make", "--no-print-directory", *words]
    clean = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
    return subprocess.run(command, cwd=folder, env=clean | environment, capture_output=True, text=True, check=False)


def write_program(file: Path, script: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("version", ["3.10.2", "3.14.0", "3.15.0a1", "3.1.5", "2.7.18", "4.0.0"])
def test_another_python_is_refused_before_anything_is_made(tmp_path, version):
    write_program(tmp_path / "python", f"echo Python {version}")
    ended = run_make(tmp_path, "setup", "PYTHON=./python")
    assert ended.returncode == 2
    assert_tells(ended.stderr.splitlines()[0], f"Python {version}", "3.11 to 3.13", "PYTHON=")
    assert not (tmp_path / ".venv").exists()


def test_an_environment_that_was_not_finished_is_made_again(tmp_path):
    write_program(
        tmp_path / "python",
        """case "$*" in
  --version) echo "Python 3.13.1";;
  "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
  *"-r requirements.txt"*) [ -e works ];;
esac""",
    )
    assert run_make(tmp_path, "setup", "PYTHON=./python").returncode == 2
    (tmp_path / ".venv" / "leftover").touch()
    (tmp_path / "works").touch()
    assert run_make(tmp_path, "setup", "PYTHON=./python").returncode == 0
    assert sorted(file.name for file in (tmp_path / ".venv").iterdir()) == [".ready", "bin"]


def test_an_environment_of_another_python_is_named_and_kept(tmp_path):
    write_program(tmp_path / "python", "echo Python 3.12.1")
    write_program(tmp_path / ".venv" / "bin" / "python", "echo Python 3.14.1")
    ended = run_make(tmp_path, "setup", "PYTHON=./python")
    assert ended.returncode == 2
    assert_tells(ended.stderr.splitlines()[0], ".venv", "Python 3.14.1", "make clean")
    assert (tmp_path / ".venv" / "bin" / "python").exists()


def test_a_command_gets_its_target_and_no_paths_of_another_python(tmp_path):
    write_program(tmp_path / ".venv" / "bin" / "pxr", 'echo "$PXR_MAKE,$PYTHONPATH,$PYTHONHOME,$*"')
    write_program(tmp_path / ".venv" / "bin" / "python", "echo Python 3.12.1")
    (tmp_path / ".venv" / ".ready").touch()
    words = [f"--old-file=.venv/.ready{added}" for added in ("", "-hub")]
    for target, command in (
        ("lungs-train", "lungs train a --runs runs"),
        ("chen2021", "reproduce chen2021 --runs runs"),
    ):
        given = ["ATLAS=a"] if target == "lungs-train" else []
        ended = run_make(tmp_path, target, *given, *words, PYTHONPATH="/x", PYTHONHOME="/y")
        assert (ended.stdout, ended.stderr) == (f"{target},,,{command}\n", "")


def test_empty_variables_and_variables_of_the_installation_are_accepted():
    words = shlex.split(make("chen2021", "VARIANT=", "GPU=1", "HUB=1", "PYTHON=python3.12"))
    assert words == [".venv/bin/pxr", "reproduce", "chen2021", "--runs", "runs"]


def test_help_lists_every_target_and_variable():
    text = MAKEFILE.read_text()
    said = subprocess.run(
        ["make", "--no-print-directory", "-f", str(MAKEFILE), "help"], capture_output=True, text=True, check=True
    ).stdout
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE)) - {"help"}
    assert targets <= set(re.findall(r"^  make ([\w-]+)", said, re.MULTILINE))
    assert set(VARIABLES) <= set(re.findall(r"\b[A-Z]+\b", said))
