"""Several runs as one study: one graph of tasks, one policy for failures, and refusals before any training."""

import multiprocessing
import time

import pytest
from tiny import Recorder, request_of, run_here, stopped, tiny_experiment
from two_stages import stage, write_stages

from pxr_tf import locks
from pxr_tf.errors import PxrError
from pxr_tf.executors.inline import Inline
from pxr_tf.executors.perform import perform
from pxr_tf.experiments.run import prepare_run
from pxr_tf.sets.find import read_sources
from pxr_tf.studies.run_all import run_all, split_waves
from pxr_tf.tasks import do_in_order

QUICK = {"phases": [{"name": "head", "train": "head", "learning_rate": 0.01, "max_epochs": 1}]}


def seeds_of(data, runs, seeds=(0, 1), **overrides):
    return [request_of(tiny_experiment(seed=seed, **QUICK, **overrides), data, runs) for seed in seeds]


class Failing(Inline):
    """An executor that fails a task of some runs."""

    def __init__(self, *failing: str) -> None:
        self._failing = failing

    def run(self, batches, on_event):
        return do_in_order(batches, self._do, on_event)

    def _do(self, task, emit):
        if task.name in ("fold-0", "official") and task.run.endswith(self._failing):
            raise PxrError("no luck")
        perform(task, emit)


def test_all_runs_are_prepared_before_any_task_and_each_outcome_comes_at_once(phantoms, two_layers, tmp_path):
    recorder, ended = Recorder(), []
    requests = seeds_of(phantoms, tmp_path)
    outcomes = run_all(requests, Inline(), recorder, on_outcome=lambda one: ended.append(len(recorder.events)))
    assert [one.run.folder for one in outcomes] == [request.folder for request in requests]
    kinds = [(event["event"], event["run"].rpartition("/")[2]) for event in recorder.events]
    plans = [number for number, kind in enumerate(kinds) if kind[0] == "plan"]
    assert max(plans) < kinds.index(("start", "seed-0"))
    last = max(number for number, kind in enumerate(kinds) if kind == ("end", "seed-0"))
    assert last < ended[0] <= kinds.index(("start", "seed-1"))  # its results do not wait for the other runs


def test_images_are_found_once_for_all_seeds(phantoms, two_layers, tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(
        "pxr_tf.pictures.gather.read_sources", lambda data, read: found.append(data) or read_sources(data, read)
    )
    run_all(seeds_of(phantoms, tmp_path), Inline())
    assert len(found) == 1


def test_a_failure_stops_one_run_and_the_same_command_finishes_it(phantoms, two_layers, tmp_path):
    requests = seeds_of(phantoms, tmp_path)
    first, second = run_all(requests, Failing("seed-0"))
    assert (first.failure, second.failure) == ("no luck", "")
    assert first.run is None and second.run.finished
    again = run_all(requests, Inline())
    assert [one.failure for one in again] == ["", ""] and again[0].run.finished


def test_a_failure_in_complete_does_not_stop_the_other_runs(phantoms, two_layers, tmp_path):
    def complete(request, run):
        if request.experiment.seed == 0:
            raise ZeroDivisionError("no figure")

    first, second = run_all(seeds_of(phantoms, tmp_path), Inline(), complete=complete)
    assert first.failure == "ZeroDivisionError: no figure"
    assert second.run.finished


def test_the_failure_of_the_only_run_is_raised(phantoms, two_layers, tmp_path):
    with pytest.raises(PxrError, match="no luck"):
        run_all(seeds_of(phantoms, tmp_path, (0,)), Failing("seed-0"))


def test_an_error_in_all_runs_is_raised_once_and_nothing_is_written(two_layers, tmp_path):
    with pytest.raises(PxrError, match="nowhere"):
        run_all(seeds_of([tmp_path / "nowhere"], tmp_path / "runs", (0, 1, 2)), Inline())
    assert not (tmp_path / "runs").exists()


def test_a_run_of_another_recipe_is_refused_before_anything_is_trained(own_copy, phantoms):
    runs = own_copy.parents[3]
    requests = [
        request_of(tiny_experiment(seed=seed, phases__0__max_epochs=1, phases__1__max_epochs=1), phantoms, runs)
        for seed in (1, 0)
    ]
    recorder = Recorder()
    with pytest.raises(PxrError) as fault:
        run_all(requests, Inline(), recorder)
    assert "epochs 2,2 -> 1,1" in str(fault.value) and str(own_copy) in str(fault.value)
    assert not recorder.events
    assert not requests[0].folder.exists()


@pytest.fixture
def stages(official_phantoms, two_layers, tmp_path):
    """Return a function from stage numbers to the requests for these stages."""
    recipe = write_stages(tmp_path)
    return lambda *numbers: [
        request_of(stage(recipe, number), [official_phantoms], tmp_path / "runs") for number in numbers
    ]


def test_stage_two_waits_for_stage_one_of_the_same_study(stages):
    requests = stages(2, 1)
    assert [[one.experiment.variant for one in wave] for wave in split_waves(requests)] == [["stage1"], ["stage2"]]
    outcomes = run_all(requests, Inline())
    assert [one.failure for one in outcomes] == ["", ""]
    assert [one.run.recipe.variant for one in outcomes] == ["stage2", "stage1"]


def test_stage_two_fails_with_stage_one_and_says_so(stages):
    requests = stages(1, 2)
    first, second = run_all(requests, Failing("stage1-two_layers/official/seed-0"))
    assert first.failure == "no luck"
    assert "not finished" in second.failure and str(first.request.folder) in second.failure


def _hold(lock, held, release):
    with locks.hold(lock):
        held.set()
        release.wait(30)


def test_two_studies_on_one_run_wait_for_each_other(phantoms, two_layers, tmp_path, monkeypatch):
    monkeypatch.setattr("pxr_tf.studies.run_all.LOCK_PATIENCE", 0.2)
    requests = seeds_of(phantoms, tmp_path)
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(locks.lock_of(requests[1].folder), held, release))
    other.start()
    assert held.wait(10)
    waited = []

    def listen(event):
        if event["event"] == "wait":
            waited.append(time.monotonic())
            release.set()

    try:
        with pytest.raises(PxrError, match="in use"):  # a single run does not wait for long
            run_all(requests[1:], Inline())
        assert [one.failure for one in run_all(requests, Inline(), listen)] == ["", ""]
    finally:
        release.set()
        other.join(10)
    assert waited


def test_a_killed_study_continues_to_the_same_bytes(phantoms, two_layers, tmp_path):
    requests = seeds_of(phantoms, tmp_path / "killed")
    with stopped():
        run_all(requests, Inline(), Recorder(stop_after=3))  # in the middle of the second run
    outcomes = run_all(requests, Inline())
    whole = run_here(outcomes[1].request.experiment, phantoms, tmp_path / "whole")
    assert (outcomes[1].run.folder / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()


def test_runs_that_fail_alike_do_not_stop_other_runs(phantoms, two_layers, tmp_path):
    """Two of three runs have missing data; the run between them finishes."""
    nowhere, good = (
        seeds_of([tmp_path / "nowhere"], tmp_path / "runs", (0, 2)),
        seeds_of(phantoms, tmp_path / "runs", (1,)),
    )
    ended = []
    outcomes = run_all([nowhere[0], *good, nowhere[1]], Inline(), on_outcome=ended.append)
    assert [bool(one.failure) for one in outcomes] == [True, False, True]
    assert outcomes[1].run.finished and len(ended) == 3
    assert not nowhere[0].folder.parent.joinpath(".seed-0.lock").exists()  # a refused run leaves no file


def test_an_unexpected_error_while_one_run_is_prepared_stops_no_other(phantoms, two_layers, tmp_path, monkeypatch):
    def prepare(request, *rest):
        if request.experiment.seed == 0:
            raise KeyError("planted")
        return prepare_run(request, *rest)

    monkeypatch.setattr("pxr_tf.studies.run_all.prepare_run", prepare)
    first, second = run_all(seeds_of(phantoms, tmp_path), Inline())
    assert first.failure == "KeyError: 'planted'"
    assert second.run.finished
