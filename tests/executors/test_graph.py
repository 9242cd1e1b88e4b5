"""A graph of tasks that run at once: each comes after its needs, is divided, and is run again if it is lost."""

import pytest

from pxr_tf.executors import graph as graphs
from pxr_tf.executors.graph import Graph
from pxr_tf.tasks import Task

DONE = {"event": "done"}
LOST = {"event": "lost", "text": "the node 10.0.0.2 was lost"}


@pytest.fixture(autouse=True)
def divisible(monkeypatch):
    monkeypatch.setattr(graphs, "DIVISIBLE", ("features",))


@pytest.fixture
def heard():
    return []


@pytest.fixture
def make(heard):
    """Return a function that makes the graph of some tasks; its events go to `heard`."""

    def make(*tasks, shards=1, retries=2):
        graph = Graph(lambda task: shards, retries, heard.append)
        graph.add(tasks)
        graph.complete()
        return graph

    return make


def fold(number: int, *needs: str, run: str = "run") -> Task:
    return Task(f"fold-{number}", "fit", needs=needs, run=run)


def features(run: str = "run") -> Task:
    return Task("features", "features", run=run)


def names(tasks) -> list[str]:
    return [task.name for task in tasks]


def words(events) -> list[tuple[str, str]]:
    return [(event["event"], event["task"]) for event in events]


def test_tasks_without_unmet_needs_are_handed_out_together(make):
    graph = make(features(), fold(0, "features"), fold(1, "features"))
    [first] = graph.take_ready()
    assert first.name == "features"
    assert not list(graph.take_ready())
    assert graph.hear(first, DONE)
    assert names(graph.take_ready()) == ["fold-0", "fold-1"]
    assert not graph.ended


def test_a_task_is_divided_into_shards_that_together_do_all_of_it(make, heard):
    graph = make(features(), fold(0, "features"), shards=3)
    shards = list(graph.take_ready())
    assert names(shards) == ["features-1of3", "features-2of3", "features-3of3"]
    assert sorted(item for shard in shards for item in shard.part_of(range(10))) == list(range(10))
    for shard in shards:
        graph.hear(shard, {"event": "start", "node": "10.0.0.1"})
        graph.hear(shard, DONE)
    assert words(heard) == [("start", "features"), ("end", "features")]
    assert names(graph.take_ready()) == ["fold-0"]


def test_the_progress_of_shards_is_shown_as_one(make, heard):
    graph = make(features(), shards=2)
    one, two = graph.take_ready()
    for shard, done in ((one, 10), (two, 5), (one, 20)):
        graph.hear(shard, {"event": "progress", "what": "features", "done": done, "total": 50})
    assert [(event["done"], event["total"]) for event in heard] == [(10, 50), (15, 100), (25, 100)]


def test_shards_that_wait_for_each_other_do_not_say_so(make, heard):
    graph = make(features(), fold(0), shards=2)
    one, _, whole = graph.take_ready()
    for task in (one, whole):
        graph.hear(task, {"event": "wait", "holder": "another process"})
    assert words(heard) == [("wait", "fold-0")]


def test_divided_tasks_of_one_kind_run_one_after_another(make):
    graph = make(features("a"), features("b"), fold(0, "features", run="a"), shards=2)
    shards = list(graph.take_ready())
    assert {shard.run for shard in shards} == {"a"}
    for shard in shards:
        graph.hear(shard, DONE)
    assert [(task.run, task.name) for task in graph.take_ready()] == [
        ("b", "features-1of2"),
        ("b", "features-2of2"),
        ("a", "fold-0"),
    ]


def test_a_lost_shard_alone_runs_again(make, heard):
    graph = make(features(), shards=2)
    one, two = graph.take_ready()
    assert graph.hear(one, LOST)
    assert list(graph.take_ready()) == [one]
    graph.hear(two, DONE)
    graph.hear(one, DONE)
    assert graph.ended
    assert not graph.failures
    assert words(heard) == [("again", "features"), ("end", "features")]
    assert heard[0]["attempt"] == 2
    assert "10.0.0.2" in heard[0]["text"]


def test_a_task_that_is_lost_too_often_fails_and_with_it_what_needs_it(make, heard):
    graph = make(features(), fold(0, "features"), fold(1), retries=2)
    lost, other = graph.take_ready()
    graph.hear(lost, LOST)
    for _ in range(2):
        assert list(graph.take_ready()) == [lost]
        graph.hear(lost, LOST)
    assert not list(graph.take_ready())
    assert list(graph.failures) == [("run", "features"), ("run", "fold-0")]
    assert "lost 3 times" in graph.failures["run", "features"]
    assert graph.failures["run", "fold-0"] == "fold-0 needs features, which failed."
    graph.hear(other, DONE)
    assert graph.ended
    assert words(heard)[-3:] == [("failed", "features"), ("failed", "fold-0"), ("end", "fold-1")]


def test_a_fault_of_the_task_itself_is_not_tried_again(make):
    graph = make(fold(0))
    [task] = graph.take_ready()
    assert graph.hear(task, {"event": "fault", "message": "fold-0 has no rows.", "exit_code": 2})
    assert graph.failures == {task.key: "fold-0 has no rows."}
    assert graph.ended


def test_shards_of_a_task_that_failed_are_not_run_again(make):
    graph = make(features(), shards=2)
    one, two = graph.take_ready()
    graph.hear(one, LOST)
    graph.hear(two, {"event": "fault", "message": "no weights.", "exit_code": 2})
    assert not list(graph.take_ready())
    assert graph.ended
