"""The command line: bad input gets one line and leaves nothing behind; `test_kill.py` has the whole command."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import perform_here, tiny_experiment

from pxr_tf import cli
from pxr_tf.config import dump_experiment
from pxr_tf.executors.local import Worker


@pytest.fixture
def pxr(monkeypatch, capsys, tmp_path):
    """Run ``pxr`` with these words in this process; return (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pxr", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Worker, "start", lambda worker, log: None)
    monkeypatch.setattr(Worker, "perform", lambda worker, job, log, on_event: perform_here(job, log, on_event))
    return run


@pytest.fixture
def data(phantoms) -> str:
    return ",".join(map(str, phantoms))


@pytest.fixture
def recipe(tmp_path, two_layers) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(dump_experiment(tiny_experiment()))
    return path


def left_behind(runs: Path) -> list[Path]:
    """Return what a refused command wrote, locks and the cache of decoded pictures aside."""
    kept = [file for file in runs.rglob("*") if file.is_file() and not file.name.endswith(".lock")]
    return [file for file in kept if file.relative_to(runs).parts[0] != "cache"]


def refuse(pxr, *words: object) -> str:
    """Run a command that must be refused: exit code 2, one line, nothing written; return the line."""
    code, _, said = pxr("cv", "--runs", "runs", *words)
    assert code == 2
    assert said.startswith("pxr: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert not left_behind(Path("runs"))
    return said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--data nowhere", ["DATA", "nowhere does not exist", "accepted"]),
        ("--data empty", ["empty folder", "accepted"]),
        ("--data ,", ["No data set was given"]),
        ("--data strange", ["holds no image", "1 .csv file", "Known layouts: csv"]),
        ("--data tiny.yaml", ["is a file; accepted"]),
        ("--model xcepton", ["'xcepton'", "Known: resnet50", "Did you mean 'xception'"]),
        ("--strategy 4", ["4", "1, 2, 3"]),
        ("--weights nowhere.h5", ["'nowhere.h5' does not exist", "accepted: imagenet, none"]),
        ("--config nowhere", ["'nowhere'", "bozickovic2021", "phantom"]),
        ("--config badkey.yaml", ["badkey.yaml", "epoch", "Known here"]),
        ("--config empty.yaml", ["empty.yaml"]),
        ("--config broken.yaml", ["broken.yaml is not valid YAML"]),
        ("--epochs 0", ["--epochs received '0'", "accepted"]),
        ("--epochs many", ["--epochs received 'many'", "accepted"]),
        ("--epochs 1,2,3", ["--epochs received '1,2,3'", "2 of them"]),
        ("--epochs ,", ["--epochs received ','"]),
        ("--set training.batch_size", ["--set received", "key=value"]),
        ("--set training.batchsize=3", ["training.batchsize", "batch_size"]),
        ("--set training.batch_size=-1", ["training.batch_size", "-1"]),
        ("--set training.batch_size=[1", ["--set received"]),
        ("--set seed.x=1", ["seed"]),
        ("--set strategies.2.phases.7.max_epochs=1", ["7"]),
        ("--set augmentation.copies=fancy", ["fancy", "Known: none"]),
        ("--set image.size=16", ["image.size", "16"]),
        ("--model xception --set image.size=70", ["xception", "71 pixels or more"]),
        ("--test-rows some", ["splits.test_rows", "some", "balanced"]),
        ("--folds 1", ["splits.folds", "1", "2 or more"]),
        ("--seed -1", ["seed", "-1"]),
        ("--nested", ["nested"]),
    ],
)
def test_bad_input_gets_one_line_and_writes_nothing(pxr, data, recipe, words, expected):
    Path("empty").mkdir()
    Path("strange").mkdir()
    Path("strange/table.csv").write_text("a,b\n1,2\n")
    Path("empty.yaml").touch()
    Path("broken.yaml").write_text("a: [1")
    Path("badkey.yaml").write_text(recipe.read_text() + "\nepoch: 3\n")
    given = ["--config", recipe, "--data", data]
    for word in words.split():
        if word in given:
            place = given.index(word)
            del given[place : place + 2]
    said = refuse(pxr, *given, *words.split())
    assert all(word in said for word in expected), said
    assert not Path("runs").exists()


def test_too_few_patients_for_the_folds(pxr, data, recipe):
    said = refuse(pxr, "--config", recipe, "--data", data, "--folds", 5)
    assert "covid19 has 4 patients for 5 folds" in said
    assert "FOLDS=4" in said


def test_a_class_without_images(pxr, phantoms, recipe):
    said = refuse(pxr, "--config", recipe, "--data", phantoms[0])
    assert "No image of class covid19" in said
    assert "classes found: " in said


def test_weights_of_another_architecture(pxr, data, recipe, tmp_path):
    (tmp_path / "other.weights.h5").write_bytes(b"other")
    said = refuse(pxr, "--config", recipe, "--data", data, "--weights", "other.weights.h5")
    assert "WEIGHTS other.weights.h5 do not fit" in said


@pytest.mark.filterwarnings("ignore:.input_shape. is undefined or non-square:UserWarning")
def test_imagenet_without_a_network(pxr, data, recipe, offline):
    said = refuse(pxr, "--config", recipe, "--data", data, "--weights", "imagenet", "--model", "mobilenet_025")
    assert "The ImageNet weights of MobileNet could not be had (URL fetch failure" in said
    assert "WEIGHTS=path" in said


def test_an_unreadable_image_is_named(pxr, phantoms, recipe, tmp_path):
    shutil.copytree(phantoms[0], tmp_path / "chest_xray")
    broken = max((tmp_path / "chest_xray").rglob("*virus*.jpeg"))
    broken.write_bytes(b"")
    said = refuse(pxr, "--config", recipe, "--data", f"{tmp_path / 'chest_xray'},{phantoms[1]}")
    assert f"{broken} (empty file)" in said
    assert "--skip-unreadable" in said


def test_a_run_directory_of_another_experiment(pxr, own_copy, phantoms, data, recipe):
    code, _, said = pxr("cv", "--config", recipe, "--data", data, "--runs", own_copy.parent.parent, "--seed", 3)
    assert (code, said.count("\n")) == (2, 1)
    assert "made with another experiment (seed: 0, now 3)" in said


@pytest.mark.parametrize(
    ("error", "expected"),
    [(errno.ENOSPC, "The disk is full"), (errno.EACCES, "Cannot write to"), (errno.EROFS, "RUNS=")],
)
def test_a_full_or_read_only_disk(pxr, data, recipe, monkeypatch, error, expected):
    def fail(*values, **options):
        raise OSError(error, os.strerror(error), "runs/cache")

    monkeypatch.setattr("pxr_tf.experiments.prepare.open_store", fail)
    assert expected in refuse(pxr, "--config", recipe, "--data", data)


def test_other_faults_keep_their_traceback(pxr, data, recipe, monkeypatch):
    monkeypatch.setattr("pxr_tf.experiments.prepare.open_store", lambda *values, **options: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["pxr", "cv", "--config", str(recipe), "--data", data, "--runs", "runs"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_a_run_from_start_to_table_and_again(pxr, data, recipe):
    words = ["cv", "--config", recipe, "--data", data, "--runs", "runs", "--strategy", 1, "--epochs", 1]
    code, said, wrong = pxr(*words)
    assert (code, wrong) == (0, "")
    folder = Path("runs/phantom/two_layers-strategy1")
    assert {"metrics.csv", "confusion_matrix.png", "predictions.csv"} <= {file.name for file in folder.iterdir()}
    assert "Synthetic phantoms, not patients" in said
    assert "Accuracy" in said
    history = (folder / "fold-1" / "history.csv").read_text().splitlines()
    assert len(history) == 2  # its header and one epoch
    code, again, _ = pxr(*words)
    assert (code, "is finished" in again) == (0, True)
    assert said.split("Accuracy")[-1] == again.split("Accuracy")[-1]


def run_alone(code: str, *words: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False)


LOADED = """
import sys
from pxr_tf.cli import main
try:
    main()
except SystemExit as ended:
    print(ended.code, [name for name in ("tensorflow", "keras", "pandas") if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["--help"], ["cv", "--help"]])
def test_help_loads_nothing_heavy(words):
    assert run_alone(LOADED, *words).stderr.splitlines()[-1].endswith(" []")


def test_a_finished_run_ends_without_tensorflow(own_copy, data, recipe):
    folder = own_copy.rename(own_copy.with_name("mobilenet_025-strategy2"))  # a backbone that a new process knows
    for file in (recipe, folder / "experiment.yaml"):
        file.write_text(file.read_text().replace("two_layers", "mobilenet_025"))
    ended = run_alone(LOADED, "cv", "--config", recipe, "--data", data, "--runs", folder.parent.parent)
    assert ended.stderr.splitlines()[-1] == "0 ['pandas']", ended.stderr
    assert "is finished" not in ended.stdout  # its tables were still to be made
    ended = run_alone(LOADED, "cv", "--config", recipe, "--data", data, "--runs", folder.parent.parent)
    assert ended.stderr.splitlines()[-1] == "0 ['pandas']", ended.stderr
    assert "is finished" in ended.stdout


def test_the_installed_command_tells_bad_input_in_one_line(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "pxr_tf.cli", "cv", "--data", "nowhere", "--runs", str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("pxr: DATA ")
    assert not (tmp_path / "runs").exists()
