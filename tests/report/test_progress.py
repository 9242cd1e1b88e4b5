"""Plain lines where there is no terminal, and a guess of the time left that a person can believe."""

import io

import pytest
from rich.console import Console

from pxr_tf.config import load_experiment
from pxr_tf.report import progress
from pxr_tf.report.progress import Display, _Clock, duration_words

EXPERIMENT = load_experiment("phantom", {"splits.folds": 3})  # head: 2 epochs, all: 5 epochs; no hold-out
CHOOSING = load_experiment("bozickovic2021", {"splits.folds": 3})


class Time:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch) -> Time:
    fake = Time()
    monkeypatch.setattr(progress, "time", fake)
    return fake


def epoch(phase: str, number: int, epochs: int, seconds: float = 10.0, **values) -> dict:
    loss = {"loss": 0.5, "accuracy": 0.75} | values
    return {"event": "epoch", "phase": phase, "epoch": number, "epochs": epochs, "seconds": seconds, **loss}


def run_phases(clock: _Clock, time: Time, *phases: tuple[str, int, float], epochs: int | None = None) -> None:
    for name, count, seconds in phases:
        for number in range(1, count + 1):
            time.now += seconds
            clock.count(epoch(name, number, epochs or count, seconds))


def show(*events: dict, experiment=EXPERIMENT) -> list[str]:
    """Return the lines that a console without a terminal gets, after the one that says what is run."""
    console = Console(width=80, file=io.StringIO())
    with Display(experiment, console) as display:
        for event in events:
            display.show(event)
    title, *lines = console.file.getvalue().splitlines()
    assert title.startswith(f"{experiment.name}: xception, strategy 2, 3 folds")
    return lines


def test_plain_lines_tell_fold_phase_epoch_loss_and_time():
    lines = show(
        {"event": "start", "task": "0"},
        epoch("head", 1, 2),
        epoch("head", 2, 2, val_loss=0.625),
        epoch("all", 1, 6, seconds=20.0),
        {"event": "end", "task": "0"},
    )
    assert lines == [
        "fold 1/3 · starting",
        "fold 1/3 · head · epoch 1/2 · loss 0.500 · accuracy 0.750 · 10.0 s · time left unknown",
        "fold 1/3 · head · epoch 2/2 · loss 0.500 · val_loss 0.625 · accuracy 0.750 · 10.0 s · time left unknown",
        # 5 + 6 + 6 epochs of 20 s, and 2 + 2 of 10 s
        "fold 1/3 · all · epoch 1/6 · loss 0.500 · accuracy 0.750 · 20.0 s · about 6 min left",
    ]


def test_a_terminal_gets_one_line_that_moves():
    console = Console(width=120, file=io.StringIO(), force_terminal=True)
    with Display(EXPERIMENT, console) as display:
        display.show({"event": "start", "task": "1"})
        display.show(epoch("head", 1, 2))
        display._bar.refresh()
    assert "fold 2/3 · head · epoch 1/2" in console.file.getvalue()


def test_the_hold_out_is_named_in_words():
    lines = show({"event": "start", "task": "holdout"}, epoch("head", 1, 100), experiment=CHOOSING)
    assert lines[0] == "choosing epochs · starting"
    assert lines[1].startswith("choosing epochs · head · epoch 1/100 · ")


def test_a_long_progress_is_a_few_lines():
    events = [{"event": "progress", "what": "decoding images", "done": n, "total": 1000} for n in range(0, 1001, 10)]
    lines = show(*events)
    assert lines == [f"decoding images · {n:,} of 1,000" for n in (0, 250, 500, 750, 1000)]


def test_notes_waiting_and_the_device_are_told_once():
    device = {"event": "device", "name": "CPU", "precision": "float32", "xla": False}
    lines = show(
        {"event": "note", "text": "3 images of [b]class[/c] left out"},  # not rich's markup
        {"event": "wait", "holder": "process 1 on here"},
        device,
        dict(device),
    )
    assert lines == [
        "3 images of [b]class[/c] left out",
        "Waiting for process 1 on here, which is at work on the same.",
        "Arithmetic on the CPU: float32, without XLA.",
    ]


def test_time_left_is_epochs_to_come_times_what_they_took(time):
    clock = _Clock(EXPERIMENT)
    clock.start("0")
    run_phases(clock, time, ("head", 2, 5.0))
    assert clock.left() == "time left unknown"
    run_phases(clock, time, ("all", 6, 20.0))
    assert clock.left() == "about 4 min left"  # two folds of 2 x 5 s + 6 x 20 s
    clock.end("0")
    clock.start("1")
    run_phases(clock, time, ("head", 2, 5.0), ("all", 6, 20.0))
    assert clock.left() == "about 2 min left"
    clock.end("1")
    clock.start("2")
    run_phases(clock, time, ("head", 2, 5.0), ("all", 6, 20.0))
    assert clock.left() == "about 0 s left"


def test_what_a_fold_costs_beside_its_epochs_is_counted_for_the_next_ones(time):
    clock = _Clock(EXPERIMENT)
    clock.start("0")
    run_phases(clock, time, ("head", 2, 1.0), ("all", 6, 1.0))
    time.now += 30  # predictions, and a process that starts
    clock.end("0")
    clock.start("1")
    assert clock.left() == "about 76 s left"  # 2 x (8 + 30)


def test_a_continued_run_counts_only_the_folds_that_are_left(time):
    clock = _Clock(EXPERIMENT)
    clock.start("2")
    run_phases(clock, time, ("head", 2, 1.0), ("all", 3, 10.0), epochs=6)
    assert clock.left() == "about 34 s left"  # three epochs of all, and four of a head that was told to have six


def test_the_epochs_that_the_hold_out_chose_replace_the_most_possible(time):
    clock = _Clock(CHOOSING)
    clock.start("holdout")
    run_phases(clock, time, ("head", 20, 1.0), ("all", 10, 1.0), epochs=100)
    far = clock.left()
    clock.end("holdout")
    clock.start("0")
    assert clock.left() == "about 2 min left"  # 3 folds of 30 epochs
    assert far == "at most 13 min left"  # 100 epochs had to be expected of each phase, here and in 3 folds


def test_the_cached_features_are_no_fold(time):
    clock = _Clock(EXPERIMENT)
    clock.start("features")
    time.now += 500
    clock.end("features")
    clock.start("0")
    run_phases(clock, time, ("head", 2, 1.0), ("all", 6, 1.0))
    assert clock.left() == "about 16 s left"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (40, "40 s"),
        (89, "89 s"),
        (90, "2 min"),
        (720, "12 min"),
        (5399, "90 min"),
        (12600, "3.5 h"),
    ],
)
def test_durations_are_said_as_a_person_would(seconds, words):
    assert duration_words(seconds) == words
