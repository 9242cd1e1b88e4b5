"""Many tasks at once: one line for all, one per node; without a terminal only a few lines, and every loss."""

import io

import pytest
from rich.console import Console

from pxr_tf.report.fleet import MOST_NODES, Fleet

RUN = "runs/a"


def event(kind: str, task: str, **values) -> dict:
    return {"event": kind, "task": task, "run": RUN, **values}


@pytest.fixture
def screen():
    """Return (a fleet without a terminal, a function that returns its lines so far)."""
    out = io.StringIO()
    fleet = Fleet(Console(file=out, width=100), {RUN: "strategy1"})
    fleet.show({"event": "plan", "run": RUN, "tasks": [f"fold-{number}" for number in range(20)]})
    return fleet, lambda: out.getvalue().splitlines()


def test_a_line_says_how_all_tasks_stand(screen):
    fleet, _ = screen
    for number, node in enumerate(("10.0.0.1", "10.0.0.1", "10.0.0.2")):
        fleet.show(event("start", f"fold-{number}", node=node))
    fleet.show(event("end", "fold-0"))
    fleet.show(event("failed", "fold-1", text="The disk is full."))
    assert fleet.words == "2 of 20 tasks done, 1 running on 1 node, 17 waiting, 1 failed"


def test_without_a_terminal_a_tenth_of_the_tasks_makes_a_line(screen):
    fleet, lines = screen
    for number in range(20):
        fleet.show(event("start", f"fold-{number}", node="10.0.0.1"))
        fleet.show(event("epoch", f"fold-{number}", phase="head", epoch=1, epochs=2, loss=1.0, seconds=0.1))
        fleet.show(event("end", f"fold-{number}"))
    assert len(lines()) == 10
    assert lines()[-1].startswith("20 of 20 tasks done")


def test_every_loss_is_said_with_its_reason_and_counted_at_the_end(screen):
    fleet, lines = screen
    with fleet:
        fleet.show(event("start", "fold-3", node="10.0.0.2"))
        fleet.show(event("again", "fold-3", attempt=2, text="the node 10.0.0.2 was lost"))
        assert fleet.words == "0 of 20 tasks done, 20 waiting"
        fleet.show(event("start", "fold-3", node="10.0.0.1"))
        fleet.show(event("end", "fold-3"))
    assert lines()[0] == "strategy1, fold 4 runs again (attempt 2): the node 10.0.0.2 was lost"
    assert lines()[-1] == "Run again after a loss: strategy1, fold 4 (2 attempts)."


def test_a_terminal_has_a_line_per_node_with_its_latest_task():
    fleet = Fleet(Console(file=io.StringIO(), width=100), {RUN: ""})
    fleet.show(event("start", "fold-0", node="10.0.0.1"))
    fleet.show(event("start", "features", node="10.0.0.2"))
    fleet.show(event("epoch", "fold-0", phase="head", epoch=3, epochs=40, loss=0.931, seconds=1.2))
    fleet.show(event("progress", "features", what="features", done=1000, total=6005))
    assert fleet._node_lines() == [
        "  10.0.0.1 · fold 1 · head · epoch 3/40 · loss 0.93 · 1.2 s",
        "  10.0.0.2 · features · features · 1,000 of 6,005",
    ]


def test_many_nodes_share_a_last_line():
    fleet = Fleet(Console(file=io.StringIO(), width=100), {})
    for number in range(MOST_NODES + 5):
        fleet.show(event("start", f"fold-{number}", node=f"10.0.0.{number}"))
        fleet.show(event("start", f"fold-{100 + number}", node=f"10.0.0.{number}"))
    lines = fleet._node_lines()
    assert len(lines) == MOST_NODES + 1
    assert lines[-1] == "  and 5 more nodes"
    assert lines[0] == "  10.0.0.0 · fold 101 (and 1 more) · starting"


@pytest.mark.parametrize("width", [40, 60, 120])
def test_no_line_of_a_terminal_is_wider_than_it(width):
    out = io.StringIO()
    console = Console(file=out, width=width)
    fleet = Fleet(console, {RUN: "a long title of a run with many words"})
    fleet.show(event("start", "fold-0", node="10.0.0.1"))
    fleet.show(event("epoch", "fold-0", phase="head", epoch=3, epochs=40, loss=0.931, seconds=1.2))
    console.print(fleet._render())
    assert max(map(len, out.getvalue().splitlines())) <= width
