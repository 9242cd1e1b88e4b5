"""The history of the benchmarks: what it keeps, and what it tells."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import bench_history
from bench_history import Point, read_history, read_point, remember

HANDS, HELP = Point("against by hand", 1.32, "x", "higher"), Point("pxr --help", 0.3, "s", "lower")


@pytest.fixture
def add(tmp_path):
    """Return a function: (points) -> what became slower; it adds to one history."""

    def add(*points: Point, machine: str = "a", commit: str = "abc", quiet: bool = True) -> list[str]:
        return remember(tmp_path / "benchmarks.csv", list(points), commit=commit, machine=machine, quiet=quiet)

    return add


@pytest.mark.parametrize(
    ("result", "goal", "point"),
    [
        ("1.32 x", ">= 1.26", ("m", 1.32, "x", "higher")),
        ("2.81 s", "<= 2 s", ("m", 2.81, "s", "lower")),
        ("0.76", ">= 0.5", ("m", 0.76, "", "higher")),
        ("computed: 0 pictures, 1,445 features", "", None),
    ],
)
def test_a_result_is_read_as_a_number(result, goal, point):
    assert read_point("m", result, goal) == point


def test_what_became_slower_is_told_with_both_numbers(add):
    assert add(HANDS, HELP) == []
    (told,) = add(HANDS._replace(value=1.21), HELP._replace(value=0.31))
    assert "against by hand: 1.32 x -> 1.21 x" in told
    (told,) = add(HANDS, HELP._replace(value=0.4))
    assert "pxr --help: 0.31 s -> 0.4 s" in told


def test_only_quiet_runs_of_the_same_machine_are_compared(add):
    add(HANDS, quiet=False)
    add(HANDS, machine="b")
    assert add(HANDS._replace(value=0.5)) == []


def test_the_history_is_drawn_from_the_second_run_on(add, tmp_path):
    figure = tmp_path / "benchmarks.png"
    add(HANDS, HELP)
    bench_history.draw(figure, read_history(tmp_path / "benchmarks.csv"))
    assert not figure.exists()
    add(HANDS._replace(value=1.5), commit="def", quiet=False)
    bench_history.draw(figure, read_history(tmp_path / "benchmarks.csv"))
    assert figure.stat().st_size > 5000


def test_a_busy_machine_is_noticed(monkeypatch):
    monkeypatch.setattr(bench_history, "LOOK", 0.0)
    monkeypatch.setattr(bench_history, "PATIENCE", 0.0)
    ticks = iter([(0, 0), (100, 50), (0, 0), (100, 95)])
    monkeypatch.setattr(bench_history, "_processor_times", lambda: next(ticks))
    assert not bench_history.wait_until_quiet()
    assert bench_history.wait_until_quiet()
