"""What a study shows: each event below the title of its run, and each note about the data once."""

import io

import pytest
from rich.console import Console
from tiny import request_of, tiny_experiment

from pxr_tf.commands.screen import StudyScreen


@pytest.fixture
def requests(tmp_path):
    return [request_of(tiny_experiment(seed=seed), [], tmp_path) for seed in (0, 1)]


def shown(requests, *events, titles=None) -> list[str]:
    """Return the lines printed for events: (number of the run, kind, values)."""
    console = Console(file=io.StringIO(), width=100)
    with StudyScreen(requests, console, titles or {}, boards=False) as screen:
        for number, kind, said in events:
            screen.show({"event": kind, "run": str(requests[number].folder), **said})
    return console.file.getvalue().splitlines()


def test_a_title_is_repeated_if_another_run_was_shown_in_between(requests):
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


def test_a_note_about_the_data_is_shown_once(requests):
    lines = shown(requests, (0, "note", {"text": "28 images."}), (1, "note", {"text": "28 images."}))
    assert lines.count("28 images.") == 1
    assert len([line for line in lines if line.startswith("phantom")]) == 1  # and no title without a line below it


def test_a_plan_is_not_shown(requests):
    assert shown(requests, (0, "plan", {"tasks": ["fold-0"]})) == []


def test_a_run_may_have_its_own_title(requests):
    titles = {requests[1].folder: "Point 2 of 2"}
    assert "Point 2 of 2" in shown(requests, (1, "note", {"text": "A note."}), titles=titles)
