"""Tasks: the order in which they are done, and how they travel to another process."""

import json

import pytest
from messages import any_of, refused

from pxr_tf.tasks import Task, in_order


def names(tasks):
    return [task.name for task in tasks]


def task(name: str, *needs: str) -> Task:
    return Task(name, "fit", needs=needs)


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([task("a"), task("b"), task("c")], "a b c"),  # nothing is needed: as they were given
        ([task("a", "c"), task("b"), task("c", "b")], "b c a"),
        ([task("fold-0", "holdout"), task("holdout", "features"), task("features")], "features holdout fold-0"),
        ([task("a", "done long ago"), task("b", "a")], "a b"),  # a need that is no task here is met
        ([], ""),
    ],
)
def test_each_task_comes_after_those_that_it_needs(tasks, expected):
    assert names(in_order(tasks)) == expected.split()


@pytest.mark.parametrize(
    ("tasks", "circle"),
    [
        ([task("a", "a")], "a"),
        ([task("x"), task("a", "b"), task("b", "a")], "a, b"),
        ([task("a", "c"), task("b", "a"), task("c", "b")], "a, b, c"),
    ],
)
def test_a_circle_of_needs_is_refused(tasks, circle):
    with refused(any_of("circle", "cycle"), circle, error=ValueError):
        in_order(tasks)


def test_a_task_is_the_same_again_after_its_way_through_json():
    sent = Task("fold-0", "fit", ("features", "holdout"), "run", "cache", "0", {"size": 32}, leaves_memory=True)
    assert Task.from_json(json.loads(json.dumps(sent.as_json()))) == sent
