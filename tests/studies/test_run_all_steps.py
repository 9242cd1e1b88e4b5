"""The steps of a study, in order, with runs that take no time: what is locked, started, finished and closed when."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from messages import refused
from tiny import request_of, tiny_experiment
from two_stages import stage, write_stages

from pxr_tf import locks
from pxr_tf.errors import PxrError
from pxr_tf.experiments.begin import early_logs
from pxr_tf.studies import run_all as module
from pxr_tf.studies.run_all import Outcome, run_all, split_waves


class World:
    """What the steps of runs do, and a record of them: (step, seed or variant)."""

    def __init__(self) -> None:
        self.steps: list[tuple[object, ...]] = []
        self.faults: dict[tuple[str, object], Exception] = {}  # step -> what it raises
        self.tasks = 1  # per run
        self.finished: set[object] = set()
        self.gathered: list[dict] = []  # what every search for sources got

    def name(self, request) -> object:
        """Return the seed, or the variant of a stage."""
        experiment = request.experiment
        return experiment.variant if experiment.name == "stages" else experiment.seed

    def do(self, step: str, request) -> None:
        self.steps.append((step, self.name(request)))
        if (step, self.name(request)) in self.faults:
            raise self.faults[step, self.name(request)]

    def find_sources(self, request, on_event, gathered):
        self.gathered.append(gathered)
        on_event({"event": "note", "text": "found"})
        self.do("find", request)
        return f"sources of {self.name(request)}"

    def prepare_run(self, request, sources, executor, on_event):
        assert sources == f"sources of {self.name(request)}" and executor is self
        on_event({"event": "note", "text": "prepared"})
        self.do("prepare", request)
        names = [f"{self.name(request)}-{number}" for number in range(self.tasks)]
        return SimpleNamespace(
            request=request, tasks=[SimpleNamespace(name=name, run=str(request.folder)) for name in names]
        )

    def finish_run(self, prepared, failures):
        self.steps.append(("failures", *failures)) if failures else None
        self.do("finish", prepared.request)
        return f"run {self.name(prepared.request)}"

    def is_finished(self, folder):
        return folder.name in self.finished

    @contextmanager
    def hold(self, lock, patience, on_wait):
        self.steps.append(("lock", lock, patience))
        on_wait("somebody")
        yield len(self.steps)
        self.steps.append(("unlock", lock))

    def start(self, log, keep):
        self.steps.append(("start", log, len(keep)))

    def run(self, batches, on_event):
        tasks = [task for batch in batches for task in batch]
        self.steps += [("run", [task.name for task in tasks])] if tasks else []
        for task in tasks:
            on_event({"event": "start", "run": task.run, "task": task.name})
            failed = ("task", task.name) in self.faults
            self.steps.append(("task", task.name))
            on_event({"event": "failed" if failed else "end", "run": task.run, "text": f"{task.name} failed"})

    def close(self):
        self.steps.append(("close",))

    def order(self, *kinds: str) -> list[object]:
        """Return the seeds or names of these steps, in order."""
        return [step[1] for step in self.steps if step[0] in kinds]


@pytest.fixture
def world(monkeypatch) -> World:
    world = World()
    for name in ("find_sources", "prepare_run", "finish_run", "is_finished"):
        monkeypatch.setattr(module, name, getattr(world, name))
    monkeypatch.setattr(locks, "hold", world.hold)
    return world


def seeds(tmp_path, *numbers: int):
    return [request_of(tiny_experiment(seed=number), [], tmp_path) for number in numbers]


def locks_of(requests) -> list[Path]:
    return [locks.lock_of(request.folder) for request in requests]


def test_a_study_finds_locks_prepares_trains_finishes_and_closes_in_this_order(world, tmp_path):
    requests = seeds(tmp_path, 1, 0)
    outcomes = run_all(requests, world)
    log = early_logs(requests[0]) / "start.log"
    forever = float("inf")
    first, second = locks_of(requests[::-1])  # sorted, so that two studies never wait for each other
    assert world.steps == [
        ("find", 1),
        ("find", 0),
        ("lock", first, forever),
        ("lock", second, forever),
        ("start", log, 2),
        ("prepare", 1),
        ("start", log, 2),
        ("prepare", 0),
        ("start", log, 2),
        ("run", ["1-0", "0-0"]),
        ("task", "1-0"),
        ("finish", 1),
        ("task", "0-0"),
        ("finish", 0),
        ("close",),
        ("unlock", second),
        ("unlock", first),
    ]
    assert [(one.run, one.failure) for one in outcomes] == [("run 1", ""), ("run 0", "")]
    assert [one.request.folder for one in outcomes] == [one.folder for one in requests]
    assert {frozenset(one.request.study) for one in outcomes} == {frozenset(one.folder for one in requests)}
    assert world.gathered[0] is world.gathered[1] and world.gathered[0] == {}


def test_a_single_run_waits_ten_seconds_for_its_lock(world, tmp_path):
    run_all(seeds(tmp_path, 3), world)
    assert [step[2] for step in world.steps if step[0] == "lock"] == [10]


def test_each_event_names_its_run(world, tmp_path):
    events, requests = [], seeds(tmp_path, 0, 1)
    run_all(requests, world, events.append)
    for request in requests:
        own = [event for event in events if event["run"] == str(request.folder)]
        assert [event.get("text", event["event"]) for event in own[:-1]] == ["found", "wait", "prepared", "start"]
        assert own[-1]["event"] == "end" and own[1]["holder"] == "somebody"
    assert len(events) == 10


def test_a_run_is_complete_before_its_outcome_is_told(world, tmp_path):
    requests = seeds(tmp_path, 0, 1)
    told = []
    outcomes = run_all(
        requests,
        world,
        complete=lambda request, run: told.append((world.name(request), run)),
        on_outcome=told.append,
    )
    assert told == [(0, "run 0"), outcomes[0], (1, "run 1"), outcomes[1]]
    assert isinstance(outcomes[0], Outcome)


def test_a_run_without_tasks_is_finished_at_once_and_a_finished_run_starts_no_process(world, tmp_path):
    world.tasks, world.finished = 0, {"seed-0", "seed-1"}
    outcomes = run_all(seeds(tmp_path, 0, 1), world)
    assert [one.run for one in outcomes] == ["run 0", "run 1"]
    assert world.order("start", "run", "task") == []
    world.finished = {"seed-0"}
    run_all(seeds(tmp_path, 0, 1), world)
    assert world.order("start") == [early_logs(seeds(tmp_path, 1)[0]) / "start.log"]  # of the unfinished run


def test_a_run_is_finished_after_its_last_task_with_the_reasons_of_those_that_failed(world, tmp_path):
    world.tasks = 3
    world.faults = dict.fromkeys([("task", "0-0"), ("task", "0-2")], PxrError("x"))
    run_all(seeds(tmp_path, 0, 1), world)
    assert world.order("task", "finish") == ["0-0", "0-1", "0-2", 0, "1-0", "1-1", "1-2", 1]
    assert ("failures", "0-0 failed", "0-2 failed") in world.steps


@pytest.mark.parametrize("step", ["find", "prepare", "finish"])
@pytest.mark.parametrize(
    ("fault", "words"), [(PxrError("no luck"), "no luck"), (ValueError("odd"), "ValueError: odd")], ids=["known", "odd"]
)
def test_a_fault_ends_one_run_and_not_the_others(world, tmp_path, step, fault, words):
    world.faults = {(step, 1): fault}
    told, requests = [], seeds(tmp_path, 0, 1, 2)
    outcomes = run_all(requests, world, on_outcome=told.append)
    assert [one.failure for one in outcomes] == ["", words, ""]
    assert [one.run for one in outcomes] == ["run 0", None, "run 2"]
    assert sorted(map(str, told)) == sorted(map(str, outcomes))
    assert world.order("lock") == (locks_of([requests[0], requests[2]]) if step == "find" else locks_of(requests))
    assert ("prepare", 1) not in world.steps or step != "find"
    assert ("run", [f"{seed}-0" for seed in (0, 1, 2) if step == "finish" or seed != 1]) in world.steps


@pytest.mark.parametrize("step", ["find", "prepare", "finish"])
def test_the_fault_of_the_only_run_is_raised_and_the_processes_are_closed(world, tmp_path, step):
    world.faults = {(step, 0): ValueError("odd")}
    with pytest.raises(ValueError, match="odd"):
        run_all(seeds(tmp_path, 0), world)
    assert world.order("lock") == ([] if step == "find" else locks_of(seeds(tmp_path, 0)))
    assert (("close",) in world.steps) == (step != "find")


def test_one_fault_of_all_runs_is_raised_and_different_faults_are_outcomes(world, tmp_path):
    world.faults = {("find", seed): PxrError("no data") for seed in (0, 1)}
    with refused("no data"):
        run_all(seeds(tmp_path, 0, 1), world)
    world.faults["find", 1] = PxrError("no disk")
    outcomes = run_all(seeds(tmp_path, 0, 1), world)
    assert [one.failure for one in outcomes] == ["no data", "no disk"]
    world.faults = {("finish", seed): PxrError("no luck") for seed in (0, 1)}
    outcomes = run_all(seeds(tmp_path, 0, 1), world)  # one after the other, each after its training
    assert [one.failure for one in outcomes] == ["no luck", "no luck"]


def test_stage_two_is_found_and_prepared_once_stage_one_is_finished(world, two_layers, tmp_path):
    recipe = write_stages(tmp_path)
    two, one = (request_of(stage(recipe, number), [], tmp_path) for number in (2, 1))
    outcomes = run_all([two, one], world)
    assert [outcome.run for outcome in outcomes] == ["run stage2", "run stage1"]
    assert world.order("find", "prepare", "finish") == ["stage1"] * 3 + ["stage2"] * 3
    assert world.order("run") == [["stage1-0"], ["stage2-0"]]
    assert len(world.order("lock")) == 2 and world.order("start")[-1] == early_logs(two) / "start.log"


def test_a_run_directory_of_another_recipe_is_refused_before_anything_is_found(world, tmp_path, monkeypatch):
    asked, requests = [], seeds(tmp_path, 0, 1)
    requests[1].folder.mkdir(parents=True)
    (requests[1].folder / "experiment.yaml").touch()

    def refuse(folder, experiment):
        asked.append((folder, experiment))
        raise PxrError("another recipe")

    monkeypatch.setattr(module, "check_same_recipe", refuse)
    with refused("another recipe"):
        run_all(requests, world)
    assert asked == [(requests[1].folder, requests[1].experiment)] and world.steps == []


def test_a_tag_ties_stage_two_to_the_stage_one_of_its_own_study(two_layers, tmp_path):
    recipe = write_stages(tmp_path)
    tagged = [
        request_of(stage(recipe, number, tag="foo"), [], tmp_path / "runs", study=frozenset()) for number in (1, 2)
    ]
    folders = frozenset(request.folder for request in tagged)
    one, two = (replace(request, study=folders) for request in tagged)
    assert two.stage_one_folder == one.folder
    assert [len(wave) for wave in split_waves([two, one])] == [1, 1]
    assert tagged[1].stage_one_folder != one.folder  # outside the study, if no such run was begun


def test_a_run_that_is_its_own_stage_one_is_refused(two_layers, tmp_path):
    recipe = write_stages(tmp_path)
    plain = request_of(stage(recipe, 2), [], tmp_path / "runs")
    model = plain.experiment.model.model_copy(update={"of": str(plain.folder), "backbone": None})
    own = replace(plain, experiment=plain.experiment.model_copy(update={"model": model}))
    model = model.model_copy(update={"of": str(own.folder)})
    own = replace(own, experiment=own.experiment.model_copy(update={"model": model}))
    with refused("model.of", str(own.folder)):
        list(split_waves([own]))
