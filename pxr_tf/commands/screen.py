"""What a study shows while it runs: a display per run, and TensorBoard files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console

from pxr_tf.commands.typed import as_typed
from pxr_tf.config import Experiment
from pxr_tf.events import Event
from pxr_tf.executors.run_results import about
from pxr_tf.experiments.request import Request
from pxr_tf.report.clock import NOT_TRAINING, Outline, OutlinePhase, StudyClock, duration_words
from pxr_tf.report.fleet import Fleet
from pxr_tf.report.progress import Display
from pxr_tf.report.tensorboard import Boards, undrawn_tasks
from pxr_tf.runs.directory import RunDirectory, is_run
from pxr_tf.runs.finished import FinishedRun, open_directory


class StudyScreen:
    """Shows each event of a study in the display of its run; use it as a context manager.

    A note about the data is shown only once, even if several runs send it.
    """

    def __init__(
        self, requests: Sequence[Request], console: Console, titles: Mapping[Path, str], *, boards: bool
    ) -> None:
        self._views: dict[str, _RunView] = {}
        for number, request in enumerate(requests, start=1):
            outline = outline_of(request.experiment)
            place = f"Run {number} of {len(requests)}: " if len(requests) > 1 else ""
            title = titles.get(request.folder, place + outline.title)
            display = Display(outline._replace(title=title), console, self._all_left)
            self._views[str(request.folder)] = _RunView(request, display, boards=boards)
        self._clock = StudyClock({str(request.folder): _kind(request.experiment) for request in requests})
        self._number, self._console = len(requests), console
        self._shown: _RunView | None = None
        self._last: _RunView | None = None
        self._notes: set[str] = set()
        self._plans: list[Event] = []
        self._fleet: Fleet | None = None  # instead of the displays of the runs, once tasks run on a cluster
        several = len(requests) > 1
        self._titles = {str(request.folder): request.experiment.stem if several else "" for request in requests}

    def __enter__(self) -> "StudyScreen":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()
        if self._fleet is not None:
            self._fleet.__exit__(kind, error, trace)
        for view in self._views.values():
            view.close_boards(kind, error, trace)

    def show(self, event: Event) -> None:
        """Show one event of the study."""
        if event["event"] == "note" and "task" not in event:
            if event["text"] in self._notes:
                return
            self._notes.add(event["text"])
        if event["event"] == "failed":
            event = {**event, "text": as_typed(event["text"])}
        view = self._views.get(event.get("run", ""), self._shown)
        if self._fleet is None and "node" in event:
            self._leave()
            self._fleet = Fleet(self._console, self._titles).__enter__()
            for planned in self._plans:
                self._fleet.show(planned)
        self._plans += [event] if event["event"] == "plan" else []
        if self._fleet is not None:
            self._fleet.show(event)
            if view is not None:
                view.draw(event)
        elif view is not None:
            if event["event"] != "plan":
                self._turn_to(view)
            if event["event"] == "start" and event["task"] not in NOT_TRAINING:
                self._clock.start(event["run"])
            view.show(event)

    def end(self, request: Request, run: FinishedRun) -> None:
        """Leave the display of a finished run, and complete its TensorBoard."""
        self.stop(request)
        self._views[str(request.folder)].catch_up(run)

    def stop(self, request: Request) -> None:
        """Leave the display of a run that is no longer shown."""
        self._leave(self._views[str(request.folder)])

    def had_tasks(self, request: Request) -> bool:
        """Return whether anything was left to do for a run."""
        return any(event["run"] == str(request.folder) for event in self._plans)

    def say_end(self, request: Request, title: str, failure: str) -> None:
        """Print why a run failed, unless that was printed when it happened; of several runs, how many are done."""
        name, failure = str(request.folder), as_typed(failure)
        if failure:
            why = "." if failure in self._views[name].shown_failures else f": {failure}"
            self._console.print(f"{title} failed{why}", markup=False)
        self._clock.end(name)
        if self._number > 1:
            self._console.print(f"{self._clock.words()}.", markup=False)

    def _all_left(self, seconds: float | None) -> str:
        """Return words on the time left of all runs, if the shown run needs these seconds; "" if it is the last."""
        every = self._clock.seconds_left(self._shown.name if self._shown else "", seconds)
        return "" if every is None or every == seconds else f", all runs {duration_words(every)}"

    def _turn_to(self, view: "_RunView") -> None:
        if view is self._shown:
            return
        self._leave()
        if self._last not in (None, view):
            self._console.print()
        self._shown = self._last = view
        view.enter()

    def _leave(self, view: "_RunView | None" = None) -> None:
        if self._shown is not None and view in (None, self._shown):
            self._shown.leave()
            self._shown = None


class _RunView:
    """The display of one run and its TensorBoard, which opens with the first task: by then the run is prepared."""

    def __init__(self, request: Request, display: Display, *, boards: bool) -> None:
        self.name, self.shown_failures = str(request.folder), display.shown_failures
        self._request, self._display, self._draws = request, display, boards
        self._boards: Boards | None = None

    def enter(self) -> None:
        self._display.say_again()
        self._display.__enter__()

    def leave(self) -> None:
        self._display.__exit__(None, None, None)

    def show(self, event: Event) -> None:
        self._display.show(event)
        self.draw(event)

    def draw(self, event: Event) -> None:
        """Show an event in TensorBoard alone."""
        if self._boards is None and self._draws and event["event"] == "start" and is_run(self._request.folder):
            run = open_directory(self._request.folder, self._request.runs)
            self._open(run, live=self._request.results_by_task)
        if self._boards is not None:
            self._boards.show(event)

    def catch_up(self, run: FinishedRun) -> None:
        """Draw what an earlier, killed command trained but did not draw."""
        if self._boards is not None:
            self._boards.close()  # all events so far are drawn now
        undrawn = undrawn_tasks(run) if self._draws else []
        if undrawn:
            self._open(run).catch_up(undrawn)
            self._boards.close()

    def close_boards(self, *fault: Any) -> None:
        if self._boards is not None:
            self._boards.__exit__(*fault)

    def _open(self, run: RunDirectory, *, live: bool = False) -> Boards:
        self._boards = Boards(run, about(self._request.experiment, run), live=live)
        return self._boards


def _kind(experiment: Experiment) -> tuple[str, ...]:
    """Return what runs share that take about as long: all but the seed, as far as the names of folders say it."""
    return experiment.name, experiment.variant, experiment.model.name, experiment.stem


def outline_of(experiment: Experiment) -> Outline:
    """Return what the progress display needs to know about an experiment."""
    splits = experiment.splits
    cross = splits.scheme == "folds"
    scheme = f"{splits.folds} folds" if cross else f"{splits.scheme} split"
    scheme += f" by {splits.unit}" if splits.scheme == "random" else ""
    crop = "" if experiment.image.crop == "none" else f"crop {experiment.image.crop}"
    what = ", ".join(dict.fromkeys(filter(None, (experiment.model.name, experiment.variant, crop))))
    weights = f", weights {experiment.model.weights}" if experiment.backbone else ""
    return Outline(
        title=f"{experiment.name}: {what}, {scheme}{weights}, seed {experiment.seed}",
        folds=splits.folds if cross else 1,
        phases=tuple(OutlinePhase(phase.name, phase.max_epochs, phase.patience) for phase in experiment.phases),
        chooses_epochs=experiment.chooses_epochs,
    )
