"""Real Ray, on two nodes that are network namespaces of this machine: same bytes, losses, and nodes that do not fit."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from messages import assert_tells
from processes import wait_until
from tiny import write_tiny_phantoms

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "two_nodes.sh"
HEAD = "10.78.3.1:6411"


def why_not() -> str:
    """Return why this machine cannot have two nodes; "" if it can."""
    pytest.importorskip("ray", reason="Ray is not installed: make setup RAY=1")
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and the program ip"
    made = subprocess.run(["ip", "netns", "add", "pxrtry"], capture_output=True, check=False)
    if made.returncode:
        return "this system makes no network namespaces"
    subprocess.run(["ip", "netns", "delete", "pxrtry"], check=False)
    return ""


@pytest.fixture(scope="module")
def nodes():
    """Start a cluster of two nodes, and return a function that calls scripts/two_nodes.sh."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    variables = {
        **os.environ,
        "NODES": "pxrt",
        "SUBNET": "10.78.3",
        "PORT": "6411",
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
    }

    def call(*words: object, check: bool = True, **more: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [SCRIPT, *map(str, words)],
            env={**variables, **more},
            cwd="/tmp",  # Ray would look for modules in the driver's folder first
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=check,
            timeout=240,
        )

    call.variables = variables
    call("down", check=False)
    call("up")
    yield call
    call("down")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return ",".join(map(str, write_tiny_phantoms(tmp_path_factory.mktemp("data") / "set", seed=1)))


@pytest.fixture(scope="module")
def words(data):
    """The words of a small cross-validation: a head, then the whole network."""
    changes = ["training.threads=1", "image.size=32"]
    given = [word for change in changes for word in ("--set", change)]
    return [
        "cv",
        "--config",
        "phantom",
        "--model",
        "mobilenet_025",
        "--strategy",
        "2",
        "--data",
        data,
        "--epochs",
        "1,2",
        "--folds",
        "3",
        *given,
    ]


@pytest.fixture(scope="module")
def local(words, tmp_path_factory):
    """Return the folder of the runs that this machine alone makes."""
    runs = tmp_path_factory.mktemp("local")
    command = [sys.executable, "-m", "pxr_tf.cli", *words, "--runs", runs]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return runs


def pxr(*words: object, head: str = HEAD) -> list[object]:
    return ["run", sys.executable, "-m", "pxr_tf.cli", *words, "--executor", "ray", "--address", head]


def tables(runs: Path) -> dict[str, bytes]:
    """Return the bytes of each table of each run, without those that hold seconds or paths."""
    files = (file for file in runs.rglob("*.csv") if file.name not in ("history.csv", "manifest.csv"))
    return {str(file.relative_to(runs)): file.read_bytes() for file in files if "cache" not in file.parts}


@pytest.mark.slow
def test_a_cluster_makes_the_bytes_of_one_machine(nodes, words, local, tmp_path):
    ended = nodes(*pxr(*words, "--runs", tmp_path / "runs"))
    assert_tells(ended.stdout, "5 of 5 tasks done")
    assert tables(tmp_path / "runs") == tables(local)
    status = (next((tmp_path / "runs").rglob("status.json"))).read_text()
    assert "10.78.3.1" in status
    assert "10.78.3.2" in status


@pytest.mark.slow
def test_losses_cost_no_finished_work_and_change_no_byte(nodes, words, local, tmp_path):
    runs = tmp_path / "runs"
    command = [SCRIPT, *map(str, pxr(*words, "--runs", runs))]
    first = subprocess.Popen(
        command,
        env=nodes.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: list(runs.rglob("fold-*/history.csv")) or list(runs.rglob("fold-*/checkpoint.npz")))
    nodes("kill", "b")  # a node
    nodes("start", "b")
    wait_until(lambda: list(runs.rglob("fold-*/predictions.csv")))
    os.killpg(first.pid, signal.SIGKILL)  # the command
    first.communicate()
    finished = {file: file.stat().st_mtime_ns for file in runs.rglob("fold-*/predictions.csv")}
    nodes("kill", "a")  # the head
    nodes("kill", "b")
    nodes("start", "a")
    nodes("start", "b")
    nodes(*pxr(*words, "--runs", runs))
    assert tables(runs) == tables(local)
    assert all(file.stat().st_mtime_ns == when for file, when in finished.items())


@pytest.mark.slow
def test_what_does_not_fit_is_refused_in_one_line(nodes, words, tmp_path):
    def refuse(*more: object, head: str = HEAD, **variables: str) -> str:
        ended = nodes(*pxr(*words, *more, "--runs", tmp_path / "runs", head=head), check=False, **variables)
        assert not list((tmp_path / "runs").rglob("experiment.yaml")), "a run was begun"
        assert ended.returncode == 2, ended.stdout + ended.stderr
        (line,) = [line for line in ended.stderr.splitlines() if line.strip()]
        return line

    assert_tells(refuse(head="10.78.3.1:6412"), "Nothing answers at 10.78.3.1:6412", "refused")
    assert_tells(refuse("--gpus", 1), "needs 1 GPU", "has 0 GPUs")
    wrong = tmp_path / "wrong"
    wrong.write_text("0" * 64)
    call = ["env", f"RAY_AUTH_TOKEN_PATH={wrong}", *pxr(*words, "--runs", tmp_path / "runs")[1:]]
    ended = nodes("run", *call, check=False)
    assert_tells(ended.stderr, "refuses the token")
    many = pxr(*words, "--set", "training.threads=3", "--runs", tmp_path / "many")
    assert_tells(nodes(*many, check=False).stderr, "needs 3 processors", "has 1 processor", "training.threads=1")


@pytest.mark.slow
def test_a_node_with_other_files_or_another_folder_is_named(nodes, words, tmp_path):
    def start_second(shell: str, **variables: str) -> None:
        starter = tmp_path / "starter"
        starter.write_text(f'#!/bin/sh\n{shell}\nexec "$@"\n')
        starter.chmod(0o755)
        nodes("kill", "b")
        nodes("start", "b", SECOND=f"unshare -m {starter}", **variables)

    other = tmp_path / "other"
    shutil.copytree(ROOT / "pxr_tf", other / "pxr_tf", ignore=shutil.ignore_patterns("__pycache__"))
    (other / "pxr_tf" / "seeds.py").write_text((other / "pxr_tf" / "seeds.py").read_text() + "\n# changed\n")
    start_second("", PYTHONPATH=str(other))
    ended = nodes(*pxr(*words, "--runs", tmp_path / "runs"), check=False)
    assert_tells(ended.stderr, "10.78.3.2", "other files of pxr_tf", "same commit")

    (tmp_path / "apart").mkdir()
    start_second(f"mount -t tmpfs none {tmp_path / 'apart'}")
    ended = nodes(*pxr(*words, "--runs", tmp_path / "apart" / "runs"), check=False)
    assert_tells(ended.stderr, "10.78.3.2 does not share", "does not exist there", "--runs")
    nodes("kill", "b")
    nodes("start", "b")
