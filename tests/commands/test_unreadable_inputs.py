"""An input without permission is reported as unreadable; only failed writes name the run directory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from messages import UNREADABLE, any_of, assert_says, matching

from pxr_tf.files import explain_os_error

NOBODY = 65534
DENIED = any_of("permission denied", "no permission")


@contextmanager
def without_privileges() -> Iterator[None]:
    """Make permissions effective: the superuser, who may read everything, is nobody inside the block."""
    superuser = os.geteuid() == 0
    try:
        if superuser:
            os.setresuid(NOBODY, NOBODY, 0)
        yield
    finally:
        if superuser:
            os.setresuid(0, 0, 0)


@pytest.fixture
def closed(tmp_path, recipe) -> None:
    """Files and folders that may not be read, and a folder that may not be listed."""
    tmp_path.chmod(0o755)
    (tmp_path / "locked").mkdir()
    for name in ("closed.yaml", "locked/a.yaml", "closed.h5", "locked/a.h5", "closed.csv"):
        (tmp_path / name).write_bytes(recipe.read_bytes())
        (tmp_path / name).chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "locked").chmod(0)
    yield
    (tmp_path / "locked").chmod(0o755)


@pytest.mark.parametrize(
    ("words", "nearly", "expected"),
    [
        ("cv --config closed.yaml", "nowhere.yaml", ["'closed.yaml'", UNREADABLE, DENIED]),
        ("cv --config locked/a.yaml", "nowhere.yaml", ["'locked/a.yaml'", UNREADABLE, DENIED]),
        ("cv --config tiny.yaml --data nowhere --weights closed.h5", "nowhere.h5", ["'closed.h5'", UNREADABLE, DENIED]),
        (
            "cv --config tiny.yaml --data nowhere --weights locked/a.h5",
            "nowhere.h5",
            ["'locked/a.h5'", UNREADABLE, DENIED],
        ),
        ("data closed", "nowhere", ["DATA", "closed", UNREADABLE]),
        ("data closed.csv", "tiny.csv", ["DATA", "closed.csv", UNREADABLE]),
    ],
)
def test_an_unreadable_input_is_reported_as_unreadable(pxr, closed, words, nearly, expected):
    *others, _ = words.split()
    Path("tiny.csv").touch()
    pxr(*others, nearly)  # imports its modules while that is allowed
    with without_privileges():
        code, _, said = pxr(*words.split())
    assert (code, said.count("\n")) == (2, 1)
    assert_says(said, *expected)
    assert "RUNS" not in said


def test_an_unreadable_file_of_a_run_is_reported(pxr, closed):
    with without_privileges():
        with pytest.raises(PermissionError) as caught:
            Path("closed.csv").read_bytes()
        assert_says(explain_os_error(caught.value), UNREADABLE, "closed.csv", DENIED, any_of("permissions"), "RUNS=")


@pytest.mark.parametrize("runs", ["/proc/x", "loop/runs", "tiny.yaml/runs"])
def test_a_run_directory_that_cannot_be_created_is_reported(pxr, recipe, data, runs):
    Path("loop").symlink_to("loop")
    code, _, said = pxr("cv", "--config", recipe, "--data", data, "--runs", runs)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("pxr: ")
    assert_says(said, matching("(cannot|not) (write|be written)"), any_of("another folder"), "--runs")


def test_a_finished_run_with_damaged_metrics_says_what_to_do(pxr, recipe, data):
    words = ("cv", "--config", recipe, "--data", data)
    assert pxr(*words)[0] == 0
    (metrics,) = Path("runs").rglob("metrics.csv")
    whole = metrics.read_bytes()
    metrics.write_text("fold,class\n")
    code, _, errors = pxr(*words)
    assert (code, errors.count("\n")) == (2, 1)
    assert_says(errors, str(metrics), any_of("damaged"), "metric", any_of("delete"))
    metrics.unlink()
    assert pxr(*words)[0] == 0
    assert metrics.read_bytes() == whole
