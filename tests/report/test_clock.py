"""Estimates of the time left, on a clock that the test sets."""

import pytest

from pxr_tf.report.clock import Clock, Outline, OutlinePhase, StudyClock, duration_words, fold_number

FIXED = Outline("", 3, (OutlinePhase("head", 2, None), OutlinePhase("all", 5, None)), chooses_epochs=False)
CHOOSING = Outline("", 3, (OutlinePhase("head", 100, 15), OutlinePhase("all", 100, 15)), chooses_epochs=True)


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


def run_phases(clock: Clock, time: Time, *phases: tuple[str, int, float], epochs: int | None = None) -> None:
    for name, count, seconds in phases:
        for number in range(1, count + 1):
            time.seconds += seconds
            clock.count({"phase": name, "epoch": number, "epochs": epochs or count, "seconds": seconds})


def test_time_left_is_remaining_epochs_times_their_duration(time):
    clock = Clock(FIXED, time)
    clock.start("fold-0")
    run_phases(clock, time, ("head", 2, 5.0))
    assert "unknown" in clock.left()
    run_phases(clock, time, ("all", 6, 20.0))
    assert clock.left() == "about 4 min left"  # two folds of 2 x 5 s + 6 x 20 s
    for fold, left in ((1, "about 2 min left"), (2, "about 0 s left")):
        clock.end()
        clock.start(f"fold-{fold}")
        run_phases(clock, time, ("head", 2, 5.0), ("all", 6, 20.0))
        assert clock.left() == left


def test_time_outside_epochs_is_counted_for_the_next_folds(time):
    clock = Clock(FIXED, time)
    clock.start("fold-0")
    run_phases(clock, time, ("head", 2, 1.0), ("all", 6, 1.0))
    time.seconds += 30  # predictions, and a process that starts
    clock.end()
    clock.start("fold-1")
    assert clock.left() == "about 76 s left"  # 2 x (8 + 30)


def test_a_resumed_run_counts_only_the_remaining_folds(time):
    clock = Clock(FIXED, time)
    clock.start("fold-2")
    run_phases(clock, time, ("head", 2, 1.0), ("all", 3, 10.0), epochs=6)
    assert clock.left() == "about 34 s left"  # three more epochs of all, and four of head, of six each


def test_epochs_chosen_by_the_hold_out_replace_the_maximum(time):
    clock = Clock(CHOOSING, time)
    clock.start("holdout")
    run_phases(clock, time, ("head", 20, 1.0), ("all", 10, 1.0), epochs=100)
    far = clock.left()
    clock.end()
    clock.start("fold-0")
    assert clock.left() == "about 2 min left"  # 3 folds of 30 epochs
    assert far == "at most 13 min left"  # up to 100 epochs in each phase, here and in 3 folds


@pytest.mark.parametrize(("outline", "word"), [(CHOOSING._replace(chooses_epochs=False), "at most"), (FIXED, "about")])
def test_a_task_with_its_own_validation_part_may_stop_early(time, outline, word):
    clock = Clock(outline._replace(folds=1), time)
    clock.start("official")
    run_phases(clock, time, ("head", 1, 1.0), ("all", 1, 1.0), epochs=10)
    assert clock.left() == f"{word} 18 s left"


@pytest.mark.parametrize(
    ("task", "number"), [("fold-0", 0), ("fold-12", 12), ("holdout", None), ("official", None), ("fold-a", None)]
)
def test_folds_are_recognised_by_their_names(task, number):
    assert fold_number(task) == number


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
def test_durations_read_as_a_person_would_say_them(seconds, words):
    assert duration_words(seconds) == words


def test_announced_tasks_are_counted_whatever_their_names(time):
    """An added scheme may have any number of folds; the outline does not know it."""
    for names in (("repeat-a", "repeat-b", "repeat-c"), ("fold-0", "fold-1", "fold-2")):
        clock = Clock(FIXED._replace(folds=1), time)
        clock.expect(3)
        for number, left in enumerate(("about 4 min left", "about 2 min left", "about 0 s left")):
            clock.start(names[number])
            run_phases(clock, time, ("head", 2, 5.0), ("all", 6, 20.0))
            assert clock.left() == left
            clock.end()


def test_the_time_of_a_study_is_that_of_runs_of_the_same_kind():
    now = [0.0]
    clock = StudyClock({"a0": "a", "b0": "b", "a1": "a", "c0": "c", "b1": "b"}, now=lambda: now[0])
    assert (clock.seconds_left(), clock.words()) == (None, "0 of 5 runs done")
    clock.start("a0")
    now[0] = 40.0
    assert clock.seconds_left("a0", None) is None
    assert clock.seconds_left("a0", 60.0) == 60 + 4 * 100  # no other run is known
    now[0] = 100.0
    clock.end("a0")
    clock.start("b0")
    now[0] = 400.0
    clock.end("b0")
    assert clock.seconds_left() == 100 + 300 + (100 + 300) / 2
    assert clock.words() == "2 of 5 runs done, about 10 min left"
    clock.end("a1")  # it was finished before, so it says nothing about others
    clock.start("b1")
    assert clock.seconds_left("b1", 10.0) == 10 + (100 + 300 + 10) / 3
    clock.end("b1")
    clock.end("c0")
    assert clock.words() == "5 of 5 runs done"
