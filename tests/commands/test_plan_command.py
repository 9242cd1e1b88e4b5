"""A plan lists every task that is left; done one by one by another scheduler, they give the bytes of `pxr cv`."""

import json
from pathlib import Path

import pytest
from messages import assert_tells

from pxr_tf import locks

WORDS = ["--strategy", 2, "--epochs", 1]


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Undo at the end what the command says of all folders of this process."""
    monkeypatch.setattr(locks, "_shared", False)


@pytest.fixture
def words(data, recipe):
    return ["--config", recipe, "--data", data, *WORDS]


def write_plan(pxr, words) -> list[dict]:
    code, said, _ = pxr("plan", *words, "--runs", "planned", "--json")
    assert code == 0
    Path("plan.json").write_text(said)
    return json.loads(said)


def test_tasks_of_a_plan_done_one_by_one_give_the_bytes_of_a_cross_validation(pxr, words):
    records = write_plan(pxr, words)
    levels = [record["level"] for record in records]
    assert levels == sorted(levels)
    assert all(records[need]["level"] < record["level"] for record in records for need in record["needs"])
    for record in records:
        assert pxr("task", "plan.json", record["number"])[0] == 0
    assert pxr("cv", *words, "--runs", "planned")[0] == 0
    assert pxr("cv", *words, "--runs", "whole")[0] == 0
    for name in ("predictions.csv", "metrics.csv"):
        (planned,), (whole,) = (list(Path(runs).rglob(f"seed-0/{name}")) for runs in ("planned", "whole"))
        assert planned.read_bytes() == whole.read_bytes()


def test_what_is_done_is_not_planned_again(pxr, words):
    number = len(write_plan(pxr, words))
    done = next(record for record in write_plan(pxr, words) if record["kind"] == "features")
    assert pxr("task", "plan.json", done["number"])[0] == 0
    fold = next(record for record in write_plan(pxr, words) if record["kind"] == "fit")
    assert pxr("task", "plan.json", fold["number"])[0] == 0
    assert len(write_plan(pxr, words)) == number - 1
    code, said, _ = pxr("plan", *words, "--runs", "planned")
    assert code == 0
    assert_tells(said, f"{number - 1} tasks to do", "features (features)", "after 0")


def test_a_task_that_no_plan_has_is_refused(pxr, words):
    number = len(write_plan(pxr, words))
    code, _, said = pxr("task", "plan.json", number)
    assert code == 2
    assert_tells(said, f"NUMBER received {number}", f"0 to {number - 1}")
    code, _, said = pxr("task", "nowhere.json", 0)
    assert_tells(said, "nowhere.json", "does not exist", "pxr plan")
    Path("plan.json").write_text("[1]")
    code, _, said = pxr("task", "plan.json", 0)
    assert code == 2
    assert_tells(said, "holds no plan")
