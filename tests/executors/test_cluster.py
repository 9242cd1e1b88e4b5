"""Tasks on a cluster: how they are sent, what they reserve, and what happens if a part of the cluster is lost."""

import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from messages import refused

from pxr_tf import locks, machine
from pxr_tf.errors import PxrError
from pxr_tf.executors import cluster as clusters
from pxr_tf.executors import connection
from pxr_tf.executors.choose import Choice, choose, choose_executor
from pxr_tf.executors.cluster import Cluster
from pxr_tf.executors.resources import MOST
from pxr_tf.tasks import Task, run_or_raise

PLACE = {"run": "runs/a", "cache": "runs/cache"}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Return an executor on a cluster that a script stands in for; `tmp_path` is its memory."""
    monkeypatch.setattr(connection, "BRIDGE", (str(Path(__file__).with_name("stand_in_bridge.py")),))
    monkeypatch.setattr(locks, "share", lambda: None)
    monkeypatch.setenv(machine.PROCESSORS, "8")
    executor = Cluster(str(tmp_path), gpus=0, retries=2)
    yield executor
    executor.close()


@pytest.fixture
def run(cluster, tmp_path):
    """Return a function: (tasks) -> (failures, events)."""

    def run(*tasks: Task) -> tuple[dict, list]:
        events = []
        return cluster.run([tasks], events.append), [(event["event"], event.get("task")) for event in events]

    return run


def wait_for(file: Path) -> None:
    until = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < until, f"{file.name} was not written"
        time.sleep(0.01)


@pytest.fixture
def task(tmp_path):
    return lambda name, **facts: Task(name, facts.pop("kind", "fit"), logs=str(tmp_path / "logs"), **PLACE, **facts)


def test_tasks_run_after_their_needs(run, task):
    failures, events = run(task("fold-0", needs=("features",)), task("features", kind="features"))
    assert failures == {}
    assert events == [("start", "features"), ("end", "features"), ("start", "fold-0"), ("end", "fold-0")]


def test_a_lost_task_is_run_again(run, task):
    failures, events = run(task("lost"))
    assert failures == {}
    assert events == [("start", "lost"), ("again", "lost"), ("start", "lost"), ("end", "lost")]


def test_all_tasks_run_again_on_a_cluster_that_was_lost_and_answers_again(run, task):
    failures, events = run(task("head"), task("fold-1"))
    assert failures == {}
    assert events[-1] == ("end", "fold-1")
    assert ("again", "head") in events


def test_a_cluster_that_does_not_come_back_ends_the_command(cluster, task, tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "PATIENCE", 0.0)

    def listen(event):
        (tmp_path / "refuse").write_text("")

    with refused("was lost and does not answer", "run the same command again"):
        cluster.run([[task("head")]], listen)


def test_automatic_threads_suit_the_smallest_node(cluster, tmp_path):
    cluster.start(tmp_path / "log")
    assert machine.processors() == min(4, len(os.sched_getaffinity(0)))
    assert os.environ[machine.PROCESSORS] == str(machine.processors())


def test_a_failed_task_costs_only_what_needs_it(run, task):
    failures, _ = run(task("wrong"), task("fold-0", needs=("wrong",)), task("fold-1"))
    assert failures == {
        ("runs/a", "wrong"): "The data are wrong.",
        ("runs/a", "fold-0"): "fold-0 needs wrong, which failed.",
    }


def test_a_cluster_that_refuses_a_command_says_why(cluster, task, tmp_path):
    (tmp_path / "refuse").write_text("")
    with refused("10.0.0.1:6399 refused the token."):
        cluster.run([[task("fold-0")]], lambda event: None)


@pytest.mark.parametrize(("threads", "processors"), [(3, 3), (0, MOST)])
def test_a_task_reserves_its_threads_or_a_share_of_a_node(run, task, tmp_path, threads, processors):
    run(task("fold-0", threads=threads))
    sent = json.loads((tmp_path / "fold-0.json").read_text())
    assert sent["cpus"] == sent["job"]["processors"] == processors


def test_a_batch_is_made_while_the_nodes_work_on_the_one_before(cluster, task, tmp_path):
    heard = []

    def batches():
        yield [task("fold-0")]
        wait_for(tmp_path / "fold-0.json")
        yield [task("fold-1")]

    assert cluster.run(batches(), heard.append) == {}
    assert [event["task"] for event in heard if event["event"] == "end"] == ["fold-0", "fold-1"]


def test_a_later_batch_that_the_nodes_cannot_do_fails_alone(cluster, task, tmp_path):
    def batches():
        yield [task("fold-0")]
        (tmp_path / "small").write_text("")
        yield [task("fold-1", threads=2), task("fold-2", threads=2, needs=("fold-1",))]
        (tmp_path / "small").unlink()
        yield [task("fold-3")]

    failures = cluster.run(batches(), lambda event: None)
    assert dict.fromkeys(failures.values()) == {"The nodes are too small.": None}
    assert [name for _, name in failures] == ["fold-1", "fold-2"]
    assert (tmp_path / "fold-3.json").exists()
    assert not (tmp_path / "fold-1.json").exists()


def test_a_task_that_fails_while_a_batch_is_made_leaves_the_others_alone(cluster, task, tmp_path):
    def batches():
        yield [task("fold-0")]
        with refused("The data are wrong."):
            run_or_raise(cluster, [task("wrong")], lambda event: None)
        yield [task("fold-1")]

    assert cluster.run(batches(), lambda event: None) == {}
    assert (tmp_path / "fold-1.json").exists()


def test_a_batch_can_be_added_after_the_cluster_was_lost(cluster, task, tmp_path):
    def batches():
        yield [task("head")]
        wait_for(tmp_path / "head")
        yield [task("fold-1", threads=2)]

    assert cluster.run(batches(), lambda event: None) == {}
    assert (tmp_path / "fold-1.json").exists()


def test_a_failure_while_a_batch_is_made_ends_the_work(cluster, task):
    def batches():
        yield [task("fold-0")]
        raise PxrError("The disk is full.")

    before = threading.enumerate()
    with refused("The disk is full."):
        cluster.run(batches(), lambda event: None)
    assert not [thread for thread in threading.enumerate() if thread not in before]


def test_each_node_gets_one_task_more_than_it_can_do_at_once(cluster, task, tmp_path):
    cluster.start(tmp_path / "log")
    tasks = [task(f"fold-{number}", threads=1) for number in range(12)]  # two nodes have four processors each
    assert [cluster.has_room(tasks[:count]) for count in (0, 9, 10, 12)] == [True, True, False, False]


def test_all_nodes_are_checked_for_the_folders_and_the_needs_of_the_tasks(run, task, tmp_path):
    run(task("fold-0", threads=2, leaves_memory=True))
    checked = json.loads((tmp_path / "checked.json").read_text())
    assert str(Path("runs/cache").absolute()) in checked["folders"]
    assert [(need["task"], need["cpus"]) for need in checked["needs"]] == [("fold-0", 2)]


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (Choice("spark"), "--executor received 'spark'; accepted: local, ray."),
        (Choice("ray"), "--executor ray received no --address; accepted: host:port of the cluster's head."),
        (Choice(address="a:1"), "--address is for a cluster; add --executor ray, or leave it out."),
        (Choice(gpus=1), "--gpus is for a cluster; add --executor ray, or leave it out."),
    ],
)
def test_a_choice_of_executor_that_cannot_be_is_refused(choice, says):
    with refused(says):
        choose(choice)


def test_ray_that_is_not_installed_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with refused("make setup RAY=1"):
        choose(Choice("ray", "10.0.0.1:6399"))


def test_commands_work_on_this_machine_unless_told_otherwise():
    choose(Choice())
    assert type(choose_executor()).__name__ == "LocalProcess"
