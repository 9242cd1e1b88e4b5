"""The record of the code: versions, and the commit if there is one, with or without git."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pxr_tf import rundir

COMMIT, OTHER = "1" * 40, "2" * 40


def checkout(folder: Path, **files: str) -> Path:
    """Return a folder with these files in ``.git``; ``__`` in a name means a slash."""
    for name, text in files.items():
        path = folder / ".git" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"training.learning_rate": 0.003}, "learning_rate-0.003"),
        ({"model.l2": 1e-05, "image.size": 64}, "l2-1e-05_size-64"),
        ({"model.hidden_units": [512, 128], "phases.0.patience": None}, "hidden_units-512-128_patience-null"),
        ({"model.weights": "../other/w.h5"}, "weights-..-other-w.h5"),
        ({"model.x": "x" * 500}, "x-" + "x" * 78),
    ],
)
def test_a_point_is_named_by_its_values_and_a_digest_of_the_rest(values, words):
    name = rundir.point_name(values, "an experiment")
    assert name.rpartition("-")[0] == words
    assert len(name.rpartition("-")[2]) == 8
    assert name == rundir.point_name(values, "an experiment") != rundir.point_name(values, "another one")


def test_versions_and_time_are_plain_text():
    found = json.loads(json.dumps(rundir.versions()))
    assert set(found) == {"python", *rundir.PACKAGES}
    assert "not installed" not in (found["numpy"], found["pandas"])
    assert rundir.now().endswith("+00:00")


@pytest.mark.parametrize(
    "files",
    [
        {"HEAD": COMMIT + "\n"},
        {
            "HEAD": "ref: refs/heads/a/b\n",
            "refs__heads__a__b": COMMIT + "\n",
            "packed-refs": f"{OTHER} refs/heads/a/b\n",
        },
        {
            "HEAD": "ref: refs/heads/main\n",
            "packed-refs": f"# pack\n{OTHER} refs/heads/x\n{COMMIT} refs/heads/main\n^3\n",
        },
    ],
)
def test_the_commit_is_read_without_git(tmp_path, monkeypatch, files):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert rundir.read_commit(checkout(tmp_path, **files)) == {"commit": COMMIT, "modified": None}


def test_a_worktree_has_the_commit_of_its_own_branch(tmp_path):
    main = {"HEAD": "ref: refs/heads/main\n", "refs__heads__main": OTHER, "refs__heads__mine": COMMIT}
    own = {"worktrees__w__HEAD": "ref: refs/heads/mine\n", "worktrees__w__commondir": "../..\n"}
    checkout(tmp_path / "main", **main, **own)
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / ".git").write_text(f"gitdir: {tmp_path}/main/.git/worktrees/w\n")
    assert rundir.read_commit(tmp_path / "w")["commit"] == COMMIT


@pytest.mark.parametrize("files", [{}, {"HEAD": "ref: refs/heads/.invalid\n"}, {"HEAD": "ref: a\n", "packed-refs": ""}])
def test_without_a_commit_nothing_is_known(tmp_path, files):
    """The commit of a checkout that contains the environment of an installed package does not count."""
    installed = tmp_path / ".venv" / "site-packages"
    checkout(tmp_path, HEAD=OTHER)
    installed.mkdir(parents=True)
    assert rundir.read_commit(checkout(installed, **files)) == {"commit": None, "modified": None}


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_only_a_change_of_the_package_counts_as_modified(tmp_path, monkeypatch):
    def git(*words: str) -> str:
        settings = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(
            ["git", *settings, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    package = tmp_path / rundir.PACKAGE
    package.mkdir()
    (package / "a.py").write_text("a = 1\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "a")
    expected = {"commit": git("rev-parse", "HEAD").strip(), "modified": False}
    (tmp_path / "notes.md").write_text("notes\n")
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as in a hook
    assert rundir.read_commit(tmp_path) == expected
    (package / "a.py").write_text("a = 2\n")
    assert rundir.read_commit(tmp_path) == expected | {"modified": True}
