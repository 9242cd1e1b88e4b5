"""Tasks: their order, their failures, and how they are sent to another process."""

import json
from dataclasses import is_dataclass

import pytest
from messages import any_of, refused

from pxr_tf.errors import PxrError
from pxr_tf.executors.inline import Inline
from pxr_tf.executors.perform import KINDS, find_function, options_type
from pxr_tf.experiments.plan import InEnvironment
from pxr_tf.tasks import Task, do_in_order, in_order, run_or_raise


def names(tasks):
    return [task.name for task in tasks]


def task(name: str, *needs: str) -> Task:
    return Task(name, "fit", needs=needs)


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([task("a"), task("b"), task("c")], "a b c"),  # no needs: in the given order
        ([task("a", "c"), task("b"), task("c", "b")], "b c a"),
        ([task("fold-0", "holdout"), task("holdout", "features"), task("features")], "features holdout fold-0"),
        ([task("a", "done long ago"), task("b", "a")], "a b"),  # a need that is not among the tasks is met
        ([], ""),
    ],
)
def test_each_task_comes_after_its_needs(tasks, expected):
    assert names(in_order(tasks)) == expected.split()


def test_a_long_chain_that_is_given_backwards_is_ordered():
    chain = [task(f"{number}", f"{number - 1}") for number in reversed(range(1, 4000))]
    assert names(in_order([*chain, task("0")])) == [f"{number}" for number in range(4000)]


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


def test_a_task_is_unchanged_after_a_round_trip_through_json():
    options = InEnvironment(mix_environments=True)
    sent = Task("fold-0", "fit", ("features", "holdout"), "run", "cache", "logs", "0", options, leaves_memory=True)
    assert Task.from_json(json.loads(json.dumps(sent.as_json()))).with_options(InEnvironment) == sent


def options_of(kind: str) -> type:
    return options_type(find_function(kind))


def test_each_kind_of_task_has_options_of_a_frozen_type():
    for kind in KINDS:
        assert is_dataclass(options_of(kind)) and options_of(kind).__dataclass_params__.frozen, kind
    assert options_of("fit") is InEnvironment


@pytest.mark.parametrize("planted", [{"mix_environments": "perhaps"}, {"mix": True, "mix_environments": None}])
def test_options_that_do_not_fit_their_kind_are_refused(planted):
    with pytest.raises(ValueError, match="mix_environments"):
        Task.from_json(task("a").as_json() | {"options": planted}).with_options(InEnvironment)


def test_a_task_that_fails_stops_only_the_tasks_that_need_it():
    done = []

    def do(task, emit):
        if task.name == "features" and task.run == "one":
            raise PxrError("no luck")
        done.append(task.key)

    tasks = [
        Task(name, "fit", needs=needs, run=run)
        for run in ("one", "two")
        for name, needs in (("features", ()), ("fold-0", ("features",)), ("figures", ("fold-0",)))
    ]
    events = []
    failures = do_in_order([tasks, [task("alone")]], do, events.append)
    assert failures[("one", "features")] == "no luck"
    assert "fold-0" in failures[("one", "figures")] and "features" in failures[("one", "fold-0")]
    assert done == [("two", "features"), ("two", "fold-0"), ("two", "figures"), ("", "alone")]
    assert [event["event"] for event in events if event["run"] == "one"] == ["start", *["failed"] * 3]
    assert all(event["text"] for event in events if event["event"] == "failed")


def test_run_or_raise_stops_at_the_first_failure():
    done = []

    class Failing(Inline):
        def run(self, batches, on_event):
            def do(task, emit):
                done.append(task.name)
                raise PxrError(f"{task.name} has no luck")

            return do_in_order(batches, do, on_event)

    with pytest.raises(PxrError, match="^a has no luck$"):
        run_or_raise(Failing(), [task("a"), task("b")], lambda event: None)
    assert done == ["a"]
