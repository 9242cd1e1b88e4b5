"""What a study shows: each event below the title of its run, and each note about the data once."""

import io

import pytest
from rich.console import Console
from tiny import request_of, tiny_experiment

from pxr_tf.commands.screen import StudyScreen, outline_of
from pxr_tf.config import load_experiment


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
    titles = [number for number, line in enumerate(lines) if line.startswith("Run ")]
    assert [lines[number][-1] for number in titles] == ["0", "1", "0"]
    assert lines[titles[2] + 1].startswith("Computing on the CPU")
    assert [lines[number - 1] for number in titles[1:]] == ["", ""]


def test_a_title_names_a_network_once_that_has_the_name_of_its_variant():
    title = outline_of(load_experiment("chen2021", {}, variant="small_cnn")).title
    assert title == "chen2021: small_cnn, official split, seed 0"


def test_a_note_about_the_data_is_shown_once(requests):
    lines = shown(requests, (0, "note", {"text": "28 images."}), (1, "note", {"text": "28 images."}))
    assert lines.count("28 images.") == 1
    assert len([line for line in lines if line.startswith("Run ")]) == 1  # and no title without a line below it


def test_a_plan_is_not_shown(requests):
    assert shown(requests, (0, "plan", {"tasks": ["fold-0"]})) == []


def test_a_run_may_have_its_own_title(requests):
    titles = {requests[1].folder: "Point 2 of 2"}
    assert "Point 2 of 2" in shown(requests, (1, "note", {"text": "A note."}), titles=titles)


def test_a_failure_is_printed_once_and_the_runs_done_are_counted(requests):
    console = Console(file=io.StringIO(), width=100)
    with StudyScreen(requests, console, {}, boards=False) as screen:
        for event in (
            {"event": "start", "task": "fold-0"},
            {"event": "failed", "task": "fold-0", "text": "fold-0 ran out of [memory]."},
            {"event": "start", "task": "fold-1"},
        ):
            screen.show({**event, "run": str(requests[0].folder)})
        screen.say_end(requests[0], "plain, seed 0", "fold-0 ran out of [memory].")
        screen.say_end(requests[1], "plain, seed 1", "No luck.")
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("Run 1 of 2: phantom: two_layers")
    assert [line for line in lines if "memory" in line] == ["fold-0 ran out of [memory]."]
    assert lines.index("fold-0 ran out of [memory].") < lines.index("fold 2/2 · starting")
    done = [line for line in lines if "done" in line]
    assert lines[-4:] == ["plain, seed 0 failed.", done[0], "plain, seed 1 failed: No luck.", "2 of 2 runs done."]
    assert done[0].startswith("1 of 2 runs done, about ") or done[0] == "1 of 2 runs done."


def test_the_time_left_of_all_runs_is_shown(requests):
    row = {"task": "fold-0", "epoch": 1, "seconds": 100.0, "loss": 0.5, "accuracy": 0.5}
    epochs = [
        (0, "epoch", {**row, "phase": phase.name, "epochs": phase.max_epochs}) for phase in tiny_experiment().phases
    ]
    lines = shown(requests, (0, "start", {"task": "fold-0"}), *epochs)
    assert "left, all runs " in lines[-1]
