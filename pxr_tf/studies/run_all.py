"""Several runs as one story: all are prepared, their tasks are one graph, each is finished when its last task ends.

One policy for failures: what fails costs itself and what needs it; the rest goes on, and the outcomes say why.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

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
from pxr_tf.tasks import Executor

LOCK_PATIENCE = 10.0  # seconds for a run alone; what a killed run leaves behind ends within one or two


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
    ``device``, ``warning`` (what makes its numbers doubtful), ``resume``, ``epoch``, ``step``. `complete` is called
    with each run once it is finished, while its directory is locked; what it raises is that run's failure.
    `on_outcome` is called after it, for failures too.

    A run directory that was made with another recipe is refused before anything is trained. A run whose stage one is
    among the requests waits for it. Two studies that share a run wait for each other. Raises `PxrError` for a failure
    of the only request, and if the first two fail alike before any is prepared, since all would.
    """
    for request in requests:
        if is_run(request.folder):
            check_same_recipe(request.folder, request.experiment)
    study = _Study(requests, executor, on_event, complete, on_outcome)
    waves = list(split_waves(requests))
    sources = [study.find_sources(request) for request in waves[0]]  # before a lock: what is refused leaves nothing
    with _hold_all(requests, study.tag) as descriptors:
        try:
            unfinished = [request for request in requests if not is_finished(request.folder)]
            if unfinished:
                # TensorFlow takes four seconds to load: it does so while this process compares, splits and decodes.
                executor.start(early_logs(unfinished[0]) / "start.log", keep=descriptors)
            study.run_wave(waves[0], sources)
            for wave in waves[1:]:
                study.run_wave(wave, [study.find_sources(request) for request in wave])
        finally:
            executor.close()
    return [study.outcomes[request.folder] for request in requests]


def split_waves(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """Yield the requests in groups that can run together: stage one comes before what learns on it."""
    waiting = {request.folder: request for request in requests}
    while waiting:
        ready = [request for request in waiting.values() if request.stage_one_folder not in waiting]
        yield ready
        for request in ready:
            del waiting[request.folder]


@contextmanager
def _hold_all(requests: Sequence[Request], tag: Callable[[Request], OnEvent]) -> Iterator[list[int]]:
    """Hold the locks of all run directories, in one order for everybody, so that no two studies wait in a circle."""
    patience = LOCK_PATIENCE if len(requests) == 1 else float("inf")
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
        self._alone = len(requests) == 1
        self._executor, self._on_event = executor, on_event
        self._complete, self._on_outcome = complete, on_outcome
        self._gathered: dict[tuple[object, ...], Gathered] = {}  # images are found once, whatever seed asks for them
        self._prepared: dict[str, PreparedRun] = {}  # run -> what is being done of it
        self._waiting: dict[str, int] = {}  # run -> number of its tasks that have not ended
        self._failures: dict[str, list[str]] = {}  # run -> why its tasks failed

    def tag(self, request: Request) -> OnEvent:
        """Return a listener that passes each event on, with its run."""
        return lambda event: self._on_event({**event, "run": str(request.folder)})

    def find_sources(self, request: Request) -> Sources | None:
        """Return what a run is made from; None, and an outcome, if that fails."""
        try:
            return find_sources(request, self.tag(request), self._gathered)
        except PxrError as error:
            self._fail(request, str(error))
            return None

    def run_wave(self, requests: Sequence[Request], sources: Sequence[Sources | None]) -> None:
        """Prepare these runs, do their tasks as one graph, and finish each once its last task has ended."""
        for request, found in zip(requests, sources, strict=True):
            if found is not None:
                self._prepare(request, found)
        tasks = [task for prepared in self._prepared.values() for task in prepared.tasks]
        self._executor.run(tasks, self._listen)

    def _prepare(self, request: Request, sources: Sources) -> None:
        try:
            prepared = prepare_run(request, sources, self._executor, self.tag(request))
        except PxrError as error:
            self._fail(request, str(error))
            return
        name = str(request.folder)
        self._prepared[name], self._waiting[name], self._failures[name] = prepared, len(prepared.tasks), []
        if not prepared.tasks:
            self._finish(name)

    def _listen(self, event: Event) -> None:
        self._on_event(event)
        name = event.get("run", "")
        if event["event"] in ("end", "failed") and name in self._waiting:
            self._failures[name] += [event["text"]] if event["event"] == "failed" else []
            self._waiting[name] -= 1
            if not self._waiting[name]:
                self._finish(name)

    def _finish(self, name: str) -> None:
        prepared = self._prepared.pop(name)
        del self._waiting[name]
        try:
            run = finish_run(prepared, self._failures[name])
            self._complete(prepared.request, run)
        except PxrError as error:
            self._fail(prepared.request, str(error))
        except Exception as error:  # one bad run must not cost the others
            if self._alone:
                raise
            self._fail(prepared.request, f"{type(error).__name__}: {error}")
        else:
            self._end(Outcome(prepared.request, run))

    def _fail(self, request: Request, why: str) -> None:
        early = [outcome.failure for outcome in self.outcomes.values()]
        if self._alone or (len(early) == 1 and early == [why] and not self._prepared and not is_run(request.folder)):
            raise PxrError(why)
        self._end(Outcome(request, failure=why))

    def _end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.request.folder] = outcome
        self._on_outcome(outcome)
