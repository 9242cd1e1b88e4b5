"""Plain lines without a terminal, and one moving line on a terminal."""

import io
import re
import time

import pytest
from rich.console import Console

from pxr_tf.report.clock import Outline, OutlinePhase
from pxr_tf.report.progress import Display

PHASES = (OutlinePhase("head", 2, None), OutlinePhase("all", 5, None))
OUTLINE = Outline("phantom: xception, strategy2, 3 folds", folds=3, phases=PHASES, chooses_epochs=False)


def epoch(phase: str, number: int, epochs: int, task: str = "fold-0", **values) -> dict:
    row = {"event": "epoch", "task": task, "phase": phase, "epoch": number, "epochs": epochs, "seconds": 10.0}
    return row | {"loss": 0.5, "accuracy": 0.75} | values


def show(*events: dict, outline: Outline = OUTLINE, width: int = 120, all_left: str = "") -> list[str]:
    """Return the lines of a console without a terminal, after the title."""
    console = Console(width=width, file=io.StringIO())
    with Display(outline, console, lambda seconds: all_left) as display:
        for event in events:
            display.show(event)
    title, *lines = console.file.getvalue().splitlines()
    assert title == outline.title
    return lines


def test_plain_lines_show_fold_phase_epoch_loss_and_time():
    lines = show(
        {"event": "start", "task": "fold-0"},
        epoch("head", 1, 2),
        epoch("head", 2, 2, val_loss=0.625),
        epoch("all", 1, 6, seconds=20.0),
        {"event": "end", "task": "fold-0"},
    )
    assert lines == [
        "fold 1/3 · starting",
        "fold 1/3 · head · epoch 1/2 · loss 0.500 · accuracy 0.750 · 10.0 s · time left unknown",
        "fold 1/3 · head · epoch 2/2 · loss 0.500 · val_loss 0.625 · accuracy 0.750 · 10.0 s · time left unknown",
        # 5 + 6 + 6 epochs of 20 s, and 2 + 2 of 10 s
        "fold 1/3 · all · epoch 1/6 · loss 0.500 · accuracy 0.750 · 20.0 s · about 6 min left",
    ]


LONGEST = Outline("a recipe", 10, (OutlinePhase("head", 100, 5),), chooses_epochs=True)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("task", ["fold-9", "holdout"])
def test_the_time_left_is_visible_in_narrow_terminals(width, task):
    begin, last = {"event": "start", "task": task}, epoch("head", 99, 100, task=task, seconds=1234.5, val_loss=0.625)
    plain = show(begin, last, outline=LONGEST, width=width)[-1]
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    with Display(LONGEST, console) as display:
        display.show(begin)
        display.show(last)
    drawn = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "\n", console.file.getvalue())
    (moving, *_) = [line for line in re.split(r"[\r\n]+", drawn) if "epoch 99/100" in line]
    for line in (plain, moving.rstrip()):
        assert len(line) <= width
        assert re.search(r"(at most|about) [\d.]+ (h|min) left$", line), line
        assert "…" not in line
    assert "loss 0.50" in plain or width == 60


def test_loss_and_accuracy_are_shortened_before_the_time_of_all_runs_is_left_out():
    row = epoch("head", 2, 2, val_loss=0.625)
    once = epoch("all", 1, 5)
    left = ", all runs 3.5 h"
    lines = [show(once, row, width=width, all_left=left)[-1] for width in (140, 80, 76, 60)]
    assert [line.removeprefix("fold 1/3 · head · epoch 2/2 · ") for line in lines] == [
        "loss 0.500 · val_loss 0.625 · accuracy 0.750 · 10.0 s · about 3 min left, all runs 3.5 h",
        "loss 0.50 · about 3 min left, all runs 3.5 h",
        "loss 0.50 · about 3 min left, all runs 3.5 h",
        "about 3 min left",
    ]


def test_long_silence_is_shown_on_a_terminal(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    console = Console(width=80, file=io.StringIO(), force_terminal=True)
    with Display(OUTLINE, console) as display:
        display.show({"event": "start", "task": "fold-0"})
        now[0] += 7
        display._bar.refresh()
    assert "starting · working for 7 s" in console.file.getvalue()


def test_work_that_cannot_say_how_much_is_done_shows_its_time():
    fitting = {"event": "elapsed", "task": "fold-0", "what": "fitting"}
    lines = show(*(fitting | {"seconds": float(second)} for second in range(1, 50)))
    assert lines == [f"fold 1/3 · fitting · {second} s so far" for second in (5, 10, 20, 40)]


def test_a_failure_is_shown_when_other_tasks_go_on():
    failed = {"event": "failed", "task": "fold-0", "text": "The task 'fold-0' failed: [x]."}
    assert show({"event": "start", "task": "fold-0"}, failed) == ["fold 1/3 · starting"]  # the end of the run says why
    lines = show(failed, failed | {"task": "fold-1", "text": "Another."}, {"event": "start", "task": "fold-2"})
    assert lines == ["The task 'fold-0' failed: [x].", "fold 3/3 · starting"]


def test_a_terminal_gets_one_moving_line():
    console = Console(width=120, file=io.StringIO(), force_terminal=True)
    with Display(OUTLINE, console) as display:
        display.show({"event": "start", "task": "fold-1"})
        display.show(epoch("head", 1, 2, task="fold-1"))
    assert "fold 2/3 · head · epoch 1/2" in console.file.getvalue()


def test_only_a_terminal_shows_steps():
    step = {"event": "step", "task": "fold-0", "phase": "all", "epoch": 1, "epochs": 5, "step": 3, "steps": 40}
    assert show(step) == []
    console = Console(width=120, file=io.StringIO(), force_terminal=True)
    with Display(OUTLINE, console) as display:
        display.show(step)
    assert "step 3 of 40" in console.file.getvalue()


def test_a_warning_is_shown_once():
    warning = {"event": "warning", "task": "fold-1", "text": "Trained in two environments: [a]."}
    lines = show(warning, warning | {"task": "fold-2", "text": "The folds again."})
    assert lines == ["Warning: Trained in two environments: [a]."]


def test_the_hold_out_is_named_in_words():
    lines = show({"event": "start", "task": "holdout"}, epoch("head", 1, 100, task="holdout"))
    assert lines[0] == "choosing epochs · starting"
    assert lines[1].startswith("choosing epochs · head · epoch 1/100 · ")


def test_a_task_that_is_not_a_fold_is_shown_by_its_name():
    lines = show({"event": "start", "task": "official"}, epoch("head", 1, 2, task="official"))
    assert lines[0] == "official · starting"
    assert lines[1].startswith("official · head · epoch 1/2 · ")


def test_tasks_that_do_not_train_print_nothing():
    tasks = ("features", "weights")
    assert show(*({"event": kind, "task": task} for task in tasks for kind in ("start", "end"))) == []


def test_events_of_other_kinds_are_ignored():
    assert show({"event": "resume", "task": "fold-0", "history": []}, {"event": "speed", "train": 0.1}) == []


def test_long_progress_prints_a_few_lines():
    events = [{"event": "progress", "what": "decoding images", "done": n, "total": 1000} for n in range(0, 1001, 10)]
    lines = show(*events)
    assert lines == [f"decoding images · {n:,} of 1,000" for n in (0, 250, 500, 750, 1000)]


def test_progress_shows_the_time_left(monkeypatch):
    now, lines = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def events():
        for done in range(0, 101, 25):
            now[0] += 100
            yield {"event": "progress", "what": "features", "done": done, "total": 100}

    lines = show(*events())
    assert lines[0] == "features · 0 of 100"
    now[0] = 0.0
    console = Console(width=80, file=io.StringIO())
    with Display(OUTLINE, console) as display:
        for event in events():
            display.show(event)
    assert "features · 25 of 100 · about 5 min left" in console.file.getvalue()


def test_notes_waiting_and_the_device_are_shown_once():
    device = {"event": "device", "name": "CPU", "precision": "float32", "xla": False}
    lines = show(
        {"event": "note", "text": "3 images of [b]class[/c] left out"},  # not rich's markup
        {"event": "wait", "holder": "process 1 on here"},
        device | {"task": "fold-0"},
        device | {"task": "fold-1"},
    )
    assert lines == [
        "3 images of [b]class[/c] left out",
        "Waiting for process 1 on here, which is working on the same files.",
        "Computing on the CPU: float32, without XLA.",
    ]
