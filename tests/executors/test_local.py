"""A task in a separate process: its events arrive, its end is reported, and it never outlives its parent."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from messages import assert_says, matching, refused
from processes import is_running, wait_until
from tiny import Stopped, stopped

from pxr_tf.errors import PxrError
from pxr_tf.executors.local import LocalProcess
from pxr_tf.tasks import NoOptions, Task, run_or_raise

TASK = Task("fold-0", "fit", needs=("features",), run="somewhere", fold="0")
PLACE = {"task": "fold-0", "run": "somewhere"}
DONE = 'echo "{\\"event\\": \\"done\\"}"'
READ_JOB = "read -r job"


def stand_in(script: str, folder: Path, monkeypatch) -> None:
    """Replace the worker by a shell script."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Return a function that replaces the worker by a shell script and runs it: (script, …) -> (events, log).

    The events are only the script's, without the ``start`` and ``end`` of tasks.
    """

    def run(script: str, on_event=None, tasks=(TASK,), keep=()) -> tuple[list[dict], str]:
        stand_in(script, tmp_path, monkeypatch)
        events: list[dict] = []
        executor = LocalProcess()
        try:
            if keep:
                executor.start(tmp_path / "logs" / "start.log", keep)
            tasks = [replace(task, logs=str(tmp_path / "logs")) for task in tasks]
            run_or_raise(executor, tasks, on_event or events.append)
        finally:
            executor.close()
        log = tmp_path / "logs" / "fold-0.log"
        reported = [event for event in events if event["event"] not in ("start", "end", "failed")]
        return reported, log.read_text() if log.exists() else ""

    return run


def test_a_worker_looks_for_no_module_in_the_current_folder(worker):
    _, log = worker(f'{READ_JOB}; echo "$1" >&2; {DONE}')
    assert log.split()[0] == "-P"


def test_events_arrive_in_order_and_everything_else_goes_to_the_log(worker):
    events, log = worker('echo noise >&2; echo \'{"event": "a"}\'; echo \'{"event": "b", "n": 1.5}\'\n' + DONE)
    assert events == [{"event": "a", **PLACE}, {"event": "b", "n": 1.5, **PLACE}]
    assert log == "noise\n"


def test_the_worker_gets_the_task_and_quiet_settings(worker, monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")  # the user's setting is kept
    _, log = worker(f'{READ_JOB}; echo "$@" $TF_CPP_MIN_LOG_LEVEL $NO_ALBUMENTATIONS_UPDATE "$job" >&2; {DONE}')
    words, _, job = log.partition("{")
    assert words == "-P -m pxr_tf.executors.worker 0 1 "
    received = json.loads("{" + job)
    sent = replace(TASK, logs=str(tmp_path / "logs"))
    assert Task.from_json(received["task"]).with_options(NoOptions) == sent
    assert received == {"task": sent.as_json(), "log": str(tmp_path / "logs" / "fold-0.log")}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('echo \'{"event": "fault", "message": "No such image.", "exit_code": 2}\'; exit 2', ["No such image."]),
        ("echo one >&2; echo 'ValueError: two' >&2; exit 1", ["'fold-0'", "ValueError: two", matching("fold-0.log")]),
        ("exit 0", ["exit code 0"]),  # it ended without doing the task
        ("exit 3", ["exit code 3"]),
        ("kill -9 $$", ["it was killed, perhaps because the machine ran out of memory"]),
    ],
)
def test_a_task_that_fails_is_reported_in_one_line(worker, script, words):
    with refused(*words) as caught:
        worker(script)
    assert caught.value.exit_code == (2 if "fault" in script else 1)


def test_the_worker_ends_when_its_parent_stops_listening(worker):
    seen = []

    def stop(event):
        if "pid" in event:
            seen.append(event["pid"])
            raise Stopped

    started = time.monotonic()
    with stopped():
        worker('echo "{\\"event\\": \\"a\\", \\"pid\\": $$}"; exec sleep 40', on_event=stop)
    assert not is_running(seen[0])
    assert time.monotonic() - started < 30  # it was killed, not waited for


def test_a_process_runs_tasks_until_one_leaves_memory_behind(worker):
    """The third task gets a new process, as the second task was the last of the first process."""
    script = f"""while {READ_JOB}; do
        echo "{{\\"event\\": \\"a\\", \\"pid\\": $$}}"; {DONE}
        case "$job" in *\\"leaves_memory\\":\\ true*) exit;; esac
    done"""
    events, _ = worker(
        script, tasks=(TASK, replace(TASK, name="fold-1", leaves_memory=True), replace(TASK, name="fold-2"))
    )
    first, second, third = (event["pid"] for event in events)
    assert first == second != third


def test_a_process_that_cannot_start_is_reported_with_its_last_line(worker):
    with pytest.raises(PxrError) as fault:
        worker("echo no tensorflow here >&2; exit 1")
    assert_says(fault.value, "'fold-0'", "no tensorflow here")
    (log,) = re.findall(r"Its log is (\S+)\.", str(fault.value))
    assert "no tensorflow here" in Path(log).read_text()


def test_a_log_that_does_not_exist_is_not_named(tmp_path, monkeypatch):
    stand_in("exit 3", tmp_path, monkeypatch)
    executor = LocalProcess()
    executor.start(tmp_path / "start.log")
    (tmp_path / "start.log").unlink()
    try:
        with pytest.raises(PxrError) as fault:
            run_or_raise(executor, [replace(TASK, logs=str(tmp_path))], [].append)
    finally:
        executor.close()
    assert_says(fault.value, "exit code 3")
    assert ".log" not in str(fault.value)


def test_a_log_may_hold_any_character(worker, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    _, log = worker(f"{READ_JOB}; echo $PYTHONIOENCODING >&2; {DONE}")
    assert log.startswith("utf-8:")


@pytest.mark.parametrize("moment", ["before its first task", "between two tasks"])
def test_a_process_that_died_while_idle_is_reported(tmp_path, monkeypatch, moment):
    done = f"{READ_JOB}; {DONE}; " if moment == "between two tasks" else ""
    stand_in(f"echo $$ > {tmp_path}/pid; {done}echo no more memory >&2; exit 3", tmp_path, monkeypatch)
    executor = LocalProcess()
    try:
        executor.start(tmp_path / "start.log")
        if done:
            executor.run([[replace(TASK, logs=str(tmp_path))]], [].append)
        wait_until(lambda: (tmp_path / "pid").exists() and not is_running(int((tmp_path / "pid").read_text() or 0)))
        with refused("'fold-1'", "no more memory"):
            run_or_raise(executor, [replace(TASK, name="fold-1", logs=str(tmp_path))], [].append)
    finally:
        executor.close()


def test_tasks_run_after_their_needs_and_their_start_and_end_are_events(tmp_path, monkeypatch):
    stand_in(f"while {READ_JOB}; do {DONE}; done", tmp_path, monkeypatch)
    events, executor = [], LocalProcess()

    def at(task):
        return replace(task, logs=str(tmp_path))

    try:
        executor.run([[at(TASK), at(Task("features", "features", run="somewhere"))]], events.append)
    finally:
        executor.close()
    assert [(event["event"], event["task"]) for event in events] == [
        *(("start", "features"), ("end", "features")),
        *(("start", "fold-0"), ("end", "fold-0")),
    ]


def test_the_worker_inherits_the_lock(worker):
    read, write = os.pipe()
    os.set_inheritable(write, False)
    worker(f"echo held > /dev/fd/{write}; {DONE}", keep=(write,))
    os.close(write)
    assert os.read(read, 10) == b"held\n"
    os.close(read)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads which libraries a process has loaded")
def test_a_worker_loads_tensorflow_before_its_first_task(tmp_path):
    executor = LocalProcess()
    executor.start(tmp_path / "start.log")
    try:
        libraries = Path(f"/proc/{executor._child.pid}/maps")
        end = time.monotonic() + 120
        while "libtensorflow" not in libraries.read_text() and time.monotonic() < end:
            time.sleep(0.2)
        assert "libtensorflow" in libraries.read_text()
    finally:
        executor.close()


def test_a_real_worker_dies_when_its_parent_is_gone():
    with subprocess.Popen([sys.executable, "-m", "pxr_tf.executors.worker"], stdin=subprocess.PIPE) as worker:
        worker.stdin.close()  # as the system does if the parent was killed
        assert worker.wait(timeout=30) == 1


@pytest.mark.parametrize(("kind", "words"), [("fit", ""), ("predict_exported", " --light")])
def test_a_worker_is_told_if_its_first_task_may_need_no_tensorflow(kind, words, worker):
    _, log = worker(f'{READ_JOB}; echo "said:$@" >&2; {DONE}', tasks=(replace(TASK, kind=kind),))
    assert f"said:-P -m pxr_tf.executors.worker{words}\n" in log
