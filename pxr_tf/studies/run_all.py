"""Run several runs as one study: prepare all, do their tasks as one graph, finish each run after its last task.

A failure stops only what needs the failed task or run. The rest continues, and the outcomes give the reasons.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from pxr_tf import locks
from pxr_tf.errors import PxrError
from pxr_tf.events import Event, OnEvent, emit_wait
from pxr_tf.experiments.begin import Sources, early_logs, find_sources
from pxr_tf.experiments.check_run import check_same_recipe
from pxr_tf.experiments.request import Request
from pxr_tf.experiments.run import PreparedRun, finish_run, prepare_run
from pxr_tf.pictures.gather import Gathered
from pxr_tf.runs.directory import is_finished, is_run
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.status import keep_status
from pxr_tf.tasks import Executor, Task

LOCK_PATIENCE = 10.0  # seconds for a single run; processes that a killed run leaves end within one or two

Result = TypeVar("Result")


class Outcome(NamedTuple):
    """How one run of a study ended."""

    request: Request
    run: FinishedRun | None = None
    failure: str = ""  # why there is no finished run

    @property
    def title(self) -> str:
        """Which run it is."""
        return f"{self.request.experiment.stem}, seed {self.request.experiment.seed}"


def run_all(
    requests: Sequence[Request],
    executor: Executor,
    on_event: OnEvent = lambda event: None,
    complete: Callable[[Request, FinishedRun], None] = lambda request, run: None,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run all requests; return how each ended, in their order.

    `on_event` gets what happens, as dicts with the keys ``event`` and ``run`` (a run directory): ``note``,
    ``progress``, ``wait``, ``plan`` (the names of the tasks to come), ``start``, ``end`` and ``failed`` of a task,
    ``device``, ``warning`` (a reason not to believe its numbers), ``resume``, ``epoch``, ``step``. `complete` is called
    with each run once it is finished, while its directory is locked; what it raises is that run's failure.
    `on_outcome` is called after it, for failures too.

    A run directory that was made with another recipe is refused before anything is trained. A run whose stage one is
    among the requests waits for it. Two studies that share a run wait for each other. Raises `PxrError` if the only
    request fails, or if all requests fail alike before any is prepared.
    """
    folders = frozenset(request.folder for request in requests)
    with keep_status(sorted(folders), on_event) as listen:
        return _run_study(requests, folders, executor, listen, complete, on_outcome)


def _run_study(
    requests: Sequence[Request],
    folders: frozenset[Path],
    executor: Executor,
    on_event: OnEvent,
    complete: Callable[[Request, FinishedRun], None],
    on_outcome: Callable[[Outcome], None],
) -> list[Outcome]:
    """Do what `run_all` says."""
    requests = [replace(request, study=folders) for request in requests]
    for request in requests:
        if is_run(request.folder):
            check_same_recipe(request.folder, request.experiment)
    study = _Study(requests, executor, on_event, complete, on_outcome)
    first, *waves = split_waves(requests)
    sources = study.find_sources(first)  # before a lock: a refused run leaves no file
    found = [one for one in requests if one not in first or sources[one.folder] is not None]
    with _hold_all(found, study.tag, alone=len(requests) == 1) as descriptors:
        try:
            unfinished = [request for request in found if not is_finished(request.folder)]
            if unfinished:
                # TensorFlow takes four seconds to load; meanwhile this process compares, splits and decodes.
                executor.start(early_logs(unfinished[0]) / "start.log", keep=descriptors)
            study.run_wave(first, sources, descriptors)
            for wave in waves:
                study.run_wave(wave, study.find_sources(wave), descriptors)
        finally:
            executor.close()
    return [study.outcomes[request.folder] for request in requests]


def split_waves(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """Yield the requests in groups that can run together: stage one comes before stage two.

    Raises `PxrError` if a run is its own stage one.
    """
    waiting = {request.folder: request for request in requests}
    while waiting:
        ready = [request for request in waiting.values() if request.stage_one_folder not in waiting]
        if not ready:
            raise PxrError(f"model.of names {next(iter(waiting))}, the run itself; accepted: another run. Change it.")
        yield ready
        for request in ready:
            del waiting[request.folder]


@contextmanager
def _hold_all(requests: Sequence[Request], tag: Callable[[Request], OnEvent], *, alone: bool) -> Iterator[list[int]]:
    """Hold the locks of all run directories, always in the same order, so that two studies never deadlock."""
    patience = LOCK_PATIENCE if alone else float("inf")
    with ExitStack() as held:
        by_folder = sorted({request.folder: request for request in requests}.items())
        yield [
            held.enter_context(locks.hold(locks.lock_of(folder), patience, partial(emit_wait, tag(one))))
            for folder, one in by_folder
        ]


class _Study:
    """The state of a study while it runs."""

    def __init__(
        self,
        requests: Sequence[Request],
        executor: Executor,
        on_event: OnEvent,
        complete: Callable[[Request, FinishedRun], None],
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        self.outcomes: dict[Path, Outcome] = {}
        self._number = len(requests)
        self._failed: dict[Path, Outcome] = {}  # failures that were not passed on yet
        self._executor, self._on_event = executor, on_event
        self._complete, self._on_outcome = complete, on_outcome
        self._gathered: dict[tuple[object, ...], Gathered] = {}  # images, found once for all seeds
        self._preparing = False  # runs are being prepared
        self._prepared: dict[str, PreparedRun] = {}  # runs in progress
        self._waiting: dict[str, int] = {}  # run -> number of its tasks that have not ended
        self._failures: dict[str, list[str]] = {}  # run -> why its tasks failed

    def tag(self, request: Request) -> OnEvent:
        """Return a listener that adds the run to each event and passes it on."""
        return lambda event: self._on_event({**event, "run": str(request.folder)})

    def find_sources(self, requests: Sequence[Request]) -> dict[Path, Sources | None]:
        """Return run directory -> what its run is made from; None if it fails: that is an outcome."""
        return {
            request.folder: self._attempt(request, partial(find_sources, request, self.tag(request), self._gathered))
            for request in requests
        }

    def run_wave(
        self, requests: Sequence[Request], sources: Mapping[Path, Sources | None], descriptors: Sequence[int]
    ) -> None:
        """Prepare these runs, do their tasks as one graph, and finish each once its last task has ended."""
        self._executor.run(self._prepare_all(requests, sources, descriptors), self._listen)

    def _prepare_all(
        self, requests: Sequence[Request], sources: Mapping[Path, Sources | None], descriptors: Sequence[int]
    ) -> Iterator[Sequence[Task]]:
        """Prepare one run after another; yield the tasks of each, so that a cluster may start with them.

        Runs whose tasks end meanwhile are finished afterwards: this process is busy, and nodes wait for tasks.
        """
        self._preparing = True
        for request in requests:
            found = sources[request.folder]
            prepared = found and self._attempt(request, partial(self._prepare, request, found))
            if prepared and prepared.tasks:
                self._executor.start(early_logs(requests[0]) / "start.log", keep=descriptors)
                yield prepared.tasks
        self._preparing = False
        self._end_failed()
        for name in [name for name, count in self._waiting.items() if not count]:
            self._finish(name)

    def _prepare(self, request: Request, sources: Sources) -> PreparedRun:
        prepared, name = prepare_run(request, sources, self._executor, self.tag(request)), str(request.folder)
        self._prepared[name], self._waiting[name], self._failures[name] = prepared, len(prepared.tasks), []
        return prepared

    def _attempt(self, request: Request, step: Callable[[], Result]) -> Result | None:
        """Return a step's result; None if it fails, which ends this run alone. The error of an only run is raised."""
        try:
            return step()
        except Exception as error:
            if self._number == 1:
                raise
            why = str(error) if isinstance(error, PxrError) else f"{type(error).__name__}: {error}"
            self._failed[request.folder] = Outcome(request, failure=why)
            return None

    def _end_failed(self) -> None:
        """Pass on the failures so far; raise `PxrError` if all runs failed alike."""
        reasons = {outcome.failure for outcome in self._failed.values()}
        if len(reasons) == 1 and len(self._failed) == self._number:
            raise PxrError(reasons.pop())
        for outcome in self._failed.values():
            self._end(outcome)
        self._failed = {}

    def _listen(self, event: Event) -> None:
        self._on_event(event)
        name = event.get("run", "")
        if event["event"] in ("end", "failed") and name in self._waiting:
            self._failures[name] += [event["text"]] if event["event"] == "failed" else []
            self._waiting[name] -= 1
            if not self._waiting[name] and not self._preparing:
                self._finish(name)

    def _finish(self, name: str) -> None:
        prepared = self._prepared.pop(name)
        del self._waiting[name]
        run = self._attempt(prepared.request, partial(self._complete_run, prepared, self._failures[name]))
        if run is None:
            self._end_failed()
        else:
            self._end(Outcome(prepared.request, run))

    def _complete_run(self, prepared: PreparedRun, failures: list[str]) -> FinishedRun:
        run = finish_run(prepared, failures)
        self._complete(prepared.request, run)
        return run

    def _end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.request.folder] = outcome
        self._on_outcome(outcome)
