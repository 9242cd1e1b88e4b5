"""An input without permission is told as one that cannot be read; only what is written to blames the run directory."""

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
    """Let permissions count: the superuser, who may read everything, becomes nobody for a while."""
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
    """Files and folders that nobody may read, and a folder that nobody may look into."""
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
def test_what_cannot_be_read_is_told_as_such(pxr, closed, words, nearly, expected):
    *others, _ = words.split()
    Path("tiny.csv").touch()
    pxr(*others, nearly)  # loads what it takes, while that is allowed
    with without_privileges():
        code, _, said = pxr(*words.split())
    assert (code, said.count("\n")) == (2, 1)
    assert_says(said, *expected)
    assert "RUNS" not in said


def test_a_file_of_a_run_that_cannot_be_read(pxr, closed):
    with without_privileges():
        with pytest.raises(PermissionError) as caught:
            Path("closed.csv").read_bytes()
        assert_says(explain_os_error(caught.value), UNREADABLE, "closed.csv", DENIED, any_of("permissions"), "RUNS=")


@pytest.mark.parametrize("runs", ["/proc/x", "loop/runs", "tiny.yaml/runs"])
def test_a_run_directory_that_cannot_be_made(pxr, recipe, data, runs):
    Path("loop").symlink_to("loop")
    code, _, said = pxr("cv", "--config", recipe, "--data", data, "--runs", runs)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("pxr: ")
    assert_says(said, matching("(cannot|not) (write|be written)"), any_of("another folder"), "RUNS=")
