"""Commands that load nothing heavy: help, and the second start of a finished run."""

import subprocess
import sys

import pytest
from tiny import run_here, tiny_experiment

LOADED = """
import sys
from pxr_tf.cli import main
try:
    main()
except SystemExit as ended:
    print(ended.code, [name for name in ("tensorflow", "keras", "pandas") if name in sys.modules], file=sys.stderr)
"""


def run_alone(*words: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", LOADED, *map(str, words)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["--help"], ["cv", "--help"], ["train", "--help"], ["lungs", "train", "--help"]])
def test_help_loads_nothing_heavy(words):
    assert run_alone(*words).stderr.splitlines()[-1].endswith(" []")


def test_the_command_line_is_made_without_pydantic():
    code = "import sys, pxr_tf.cli; print([name for name in ('pydantic', 'numpy') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def known_to_new_processes(folder, recipe):
    """Rename a finished run's backbone, which only this process knows; return the run directory."""
    renamed = folder.parents[1].rename(folder.parents[1].with_name("strategy2-mobilenet_025"))
    folder = renamed / folder.parent.name / folder.name
    for file in (recipe, folder / "experiment.yaml"):
        file.write_text(file.read_text().replace("two_layers", "mobilenet_025"))
    return folder


def check_second_starts(*words: object) -> None:
    ended = run_alone(*words)
    assert ended.stderr.splitlines()[-1] == "0 ['pandas']", ended.stderr
    assert "is finished" not in ended.stdout  # its tables were not written yet
    ended = run_alone(*words)
    assert ended.stderr.splitlines()[-1] == "0 ['pandas']", ended.stderr
    assert "Nothing to do: " in ended.stdout


@pytest.mark.slow
def test_a_finished_cross_validation_ends_without_tensorflow(own_copy, data, recipe):
    folder = known_to_new_processes(own_copy, recipe)
    check_second_starts("cv", "--config", recipe, "--data", data, "--runs", folder.parents[3])


@pytest.mark.slow
def test_a_finished_training_ends_without_tensorflow(official_phantoms, tmp_path, recipe):
    classes, plain = ["bacterial", "normal", "viral"], {"balance__oversample": [], "splits__scheme": "official"}
    run_here(tiny_experiment(classes=classes, tag="-".join(classes), **plain), [official_phantoms], tmp_path / "runs")
    folder = known_to_new_processes(next((tmp_path / "runs").glob("phantom/*/official-*/seed-0")), recipe)
    words = ("--data", official_phantoms, "--runs", folder.parents[3], "--classes", ",".join(classes))
    check_second_starts("train", "--config", recipe, *words)
