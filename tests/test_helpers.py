"""The helpers of the tests catch a fact that is missing, an import that is not allowed, and a part that is not fair."""

import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from light import without_tensorflow
from messages import WHOLE_NUMBER, assert_says, assert_tells, at_least, refused
from slow_parts import part_of, read_part

from pxr_tf.errors import PxrError

CI = Path(__file__).parents[1] / ".ci" / "run"


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ("splits.folds received 1; accepted: 2 or more.", ("splits.folds", "1", at_least(2))),
        ("Accepted for splits.folds: at least 2. Received: 1.", ("splits.folds", "1", at_least(2))),
        ("Give `seed` an integer, not '5'.", ("seed", "'5'", WHOLE_NUMBER)),
        ("margin received -0.1.", ("-0.1",)),
        ("See runs/a.csv.", ("a.csv",)),
        ("Images of class flu: none.", ("image", "flu", "none")),
    ],
)
def test_facts_may_have_any_wording_and_order(message, facts):
    assert_says(message, *facts)


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        ("received 12", "2"),
        ("received 2.5", "2"),
        ("received 1.2", "2"),
        ("received -2", "2"),
        ("received '5'", "'6'"),
        ("lungs_only", "lungs"),
        ("1 images", "1 image"),
        ("accepted: 2 or less", at_least(2)),
        ("accepted: 12 or more", at_least(2)),
        ("", "2"),
        ("2\nTraceback", "2"),
    ],
)
def test_a_missing_fact_fails(message, fact):
    with pytest.raises(AssertionError):
        assert_says(message, fact)


def test_a_fact_may_span_several_lines():
    assert_tells("3 patients are in\n  training and test", "in training")


def test_a_refusal_is_an_error_of_one_line_with_the_facts():
    with refused("--crop", "'lung'"):
        raise PxrError("--crop received 'lung'.")
    with pytest.raises(AssertionError), refused("'lungs'"):
        raise PxrError("--crop received 'lung'.")
    with pytest.raises(pytest.fail.Exception), refused("'lung'"):
        pass


@pytest.mark.parametrize("name", ["tensorflow", "keras"])
def test_without_tensorflow_its_import_fails(name):
    with without_tensorflow(), pytest.raises(ImportError):
        import_module(name)


def test_every_slow_test_is_in_one_part_and_parts_are_of_similar_size():
    tests = [f"tests/models/test_backbones.py::test_each[{number}]" for number in range(120)]
    parts = [[test for test in tests if part_of(test, 3) == part] for part in (1, 2, 3)]
    assert sorted(test for part in parts for test in part) == sorted(tests)
    assert all(25 <= len(part) <= 55 for part in parts)
    assert part_of("tests/test_kill.py::test_a", 3) == part_of("tests/test_kill.py::test_a", 3)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", ""])
def test_an_impossible_part_is_refused(text):
    with refused("--slow-part", repr(text), "1/3", error=ValueError):
        read_part(text)


def days_and_parts(days: int, commits: int) -> list[int]:
    """Return the two parts that the lines of `.ci/run` choose for a day and a number of commits."""
    lines = [line for line in CI.read_text().splitlines() if line.startswith(("parts=", "first=", "second="))]
    script = "\n".join([f"days={days} commits={commits}", *lines, "echo $first $second"])
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    return [int(word) for word in said.split()]


@pytest.mark.parametrize("commits", [400, 401])
def test_three_days_run_every_part_first_and_a_day_with_two_commits_runs_all(commits):
    chosen = [days_and_parts(days, commits) for days in (20000, 20001, 20002)]
    assert {first for first, _ in chosen} == {1, 2, 3}
    assert all(first != second for first, second in chosen)
    assert {*days_and_parts(20000, commits), *days_and_parts(20000, commits + 1)} == {1, 2, 3}
