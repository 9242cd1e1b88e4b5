"""What a study shows: each event under the title of its run, and nothing of the data twice."""

import io

import pytest
from rich.console import Console
from tiny import request_of, tiny_experiment

from pxr_tf.commands.screen import StudyScreen


@pytest.fixture
def requests(tmp_path):
    return [request_of(tiny_experiment(seed=seed), [], tmp_path) for seed in (0, 1)]


def shown(requests, *events, titles=None) -> list[str]:
    """Return the lines that events of (number of the run, kind, what it says) print."""
    console = Console(file=io.StringIO(), width=100)
    with StudyScreen(requests, console, titles or {}, boards=False) as screen:
        for number, kind, said in events:
            screen.show({"event": kind, "run": str(requests[number].folder), **said})
    return console.file.getvalue().splitlines()


def test_a_title_comes_again_where_another_run_was_shown_in_between(requests):
    device = {"name": "CPU", "precision": "float32", "xla": False, "task": "fold-0"}
    lines = shown(
        requests,
        (0, "note", {"text": "28 images."}),
        (1, "note", {"text": "Something of seed 1."}),
        (0, "device", device),
    )
    titles = [number for number, line in enumerate(lines) if line.startswith("phantom: two_layers")]
    assert [lines[number][-1] for number in titles] == ["0", "1", "0"]
    assert lines[titles[2] + 1].startswith("Computing on the CPU")
    assert [lines[number - 1] for number in titles[1:]] == ["", ""]


def test_what_one_run_said_of_the_data_is_not_said_again(requests):
    lines = shown(requests, (0, "note", {"text": "28 images."}), (1, "note", {"text": "28 images."}))
    assert lines.count("28 images.") == 1
    assert len([line for line in lines if line.startswith("phantom")]) == 1  # nor is a title without a word


def test_what_is_planned_is_not_seen(requests):
    assert shown(requests, (0, "plan", {"tasks": ["fold-0"]})) == []


def test_a_run_may_have_a_title_of_its_own(requests):
    titles = {requests[1].folder: "Point 2 of 2"}
    assert "Point 2 of 2" in shown(requests, (1, "note", {"text": "A note."}), titles=titles)
