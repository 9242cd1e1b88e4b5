"""The status file of a run: it follows the events of its tasks, and others can see whether the command is alive."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from messages import assert_tells, refused
from processes import wait_until

from pxr_tf import leases
from pxr_tf.evidence import progress
from pxr_tf.evidence.progress import Standing
from pxr_tf.runs import status
from pxr_tf.runs.status import STATUS, keep_status, read_status


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(status, "PAUSE", 0.01)
    monkeypatch.setattr(status, "BEAT", 0.05)
    monkeypatch.setattr(progress, "WATCH", 1.0)
    monkeypatch.setattr(progress, "LOOK", 0.05)


def states(folder: Path) -> dict[str, str]:
    found = read_status(folder)
    return {task.name: task.state for task in found.tasks} if found else {}


def test_the_file_follows_the_tasks_and_says_when_the_command_ended(tmp_path):
    place, heard = {"run": str(tmp_path)}, []
    with keep_status([tmp_path], heard.append) as listen:
        listen({"event": "plan", "tasks": ["features", "fold-0", "fold-1"], **place})
        listen({"event": "start", "task": "features", "node": "10.0.0.1", **place})
        listen({"event": "end", "task": "features", **place})
        listen({"event": "start", "task": "fold-0", "node": "10.0.0.2", **place})
        listen({"event": "again", "task": "fold-0", "attempt": 2, "text": "the node was lost", **place})
        listen({"event": "start", "task": "fold-0", "node": "10.0.0.1", **place})
        listen({"event": "epoch", "task": "fold-0", "phase": "head", "epoch": 3, "epochs": 20, **place})
        wait_until(lambda: states(tmp_path) == {"features": "done", "fold-0": "running", "fold-1": "waiting"})
        fold = read_status(tmp_path).tasks[1]
        assert (fold.node, fold.attempt, fold.phase, fold.epoch, fold.epochs) == ("10.0.0.1", 2, "head", 3, 20)
        listen({"event": "failed", "task": "fold-0", "text": "no disk", **place})
        before = read_status(tmp_path)
        assert not before.ended
        wait_until(lambda: read_status(tmp_path).beat > before.beat + 2)
    assert read_status(tmp_path).ended
    assert states(tmp_path)["fold-0"] == "failed"
    assert len(heard) == 8


def test_a_run_without_tasks_gets_no_file(tmp_path):
    with keep_status([tmp_path], lambda event: None) as listen:
        listen({"event": "note", "text": "hello", "run": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def write(folder: Path, **values) -> None:
    (folder / STATUS).parent.mkdir(parents=True, exist_ok=True)
    facts = {"process": os.getpid(), "machine": "here", "kernel": leases.kernel(), "beat": 1, "ended": False}
    tasks = [{"name": "fold-0", "state": "running", "seconds": 3.0}]
    (folder / STATUS).write_text(json.dumps({**facts, "tasks": tasks, **values}))


def standing(folder: Path) -> Standing:
    (one,) = progress.find_standings(folder)
    return one


@pytest.fixture
def unfinished(own_copy):
    """Return the folder of a run that is not finished, as its predictions are gone."""
    (own_copy / "predictions.csv").unlink()
    return own_copy


def test_a_command_of_this_machine_is_alive_as_long_as_its_process(unfinished):
    write(unfinished)
    assert standing(unfinished).words == "running"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write(unfinished, process=ended.pid)
    assert standing(unfinished).words == "stopped"


def test_a_command_of_another_machine_is_alive_if_its_file_changes_meanwhile(unfinished):
    write(unfinished, kernel="another")
    assert standing(unfinished).words == "stopped"
    script = f"""
import json, pathlib, time
file = pathlib.Path({str(unfinished / STATUS)!r})
for beat in range(2, 60):
    text = json.dumps(json.loads(file.read_text()) | {{"beat": beat}})
    file.with_suffix(".new").write_text(text)
    file.with_suffix(".new").rename(file)
    time.sleep(0.1)
"""
    other = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: read_status(unfinished).beat > 1)
    assert standing(unfinished).words == "running"
    other.kill()
    other.wait()


def test_a_finished_run_is_finished_whatever_its_status_says(own_copy):
    write(own_copy)
    assert standing(own_copy).words == "finished"


def test_a_status_that_was_damaged_is_refused_in_one_line(unfinished):
    write(unfinished)
    (unfinished / STATUS).write_text("{")
    with refused("status.json", "damaged"):
        progress.find_standings(unfinished)


def test_the_command_names_tasks_that_run_and_that_a_silent_command_can_be_continued(unfinished, pxr):
    write(unfinished, process=2**22 - 3)
    code, said, _ = pxr("status", unfinished)
    assert code == 0
    assert_tells(said, "stopped", "no sign of life", "Run the same command again")
    write(unfinished)
    code, said, _ = pxr("status", unfinished)
    assert_tells(said, "running", "fold-0: running", "1 run: 0 finished, 1 running")
    code, said, _ = pxr("status", unfinished, "--json")
    (record,) = json.loads(said)
    assert record["state"] == "running"
    assert record["tasks"][0]["name"] == "fold-0"
