"""TensorBoard as a listener: what tasks tell while they train becomes curves, pictures and tables of figures.

The event files of a task are made anew whenever it starts, and a continued task tells the epochs that it had already
done, so a curve has neither a gap nor a double point. No TensorFlow is imported.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import rundir
from pxr_tf.data.predictions import read_predictions
from pxr_tf.evaluation import metrics, roc
from pxr_tf.report.clock import NOT_TRAINING
from pxr_tf.report.drawings import add_drawings
from pxr_tf.report.event_file import EventFile
from pxr_tf.report.figures import SYNTHETIC_NOTE, draw_confusion_matrix, figure_pixels, picture_sheet
from pxr_tf.report.roc import draw_roc
from pxr_tf.runs.directory import RunDirectory

NO_FIGURES = ("event", "task", "phase", "epoch", "epochs")  # what an epoch's row says of its place
SHEET_PICTURES = 32  # four rows of eight
COMPLETE = "complete"  # an empty file beside the event file: all of a task has been drawn


def undrawn_tasks(run: RunDirectory) -> list[str]:
    """Return the finished tasks of a run whose TensorBoard folder is not complete."""
    finished = (run.fold_folder(fold) for fold in run.all_folds if run.fold_predictions(fold).exists())
    return [folder.name for folder in finished if not (folder / "tensorboard" / COMPLETE).exists()]


class About(NamedTuple):
    """What TensorBoard shows of a run beside its events."""

    hyperparameters: Mapping[str, object]  # flat: name -> number, truth value or text
    synthetic: bool  # the pictures are phantoms
    warnings: Sequence[str]  # sentences that stand beside what the pictures are
    reading: str  # the experiment's test rows, balanced or all: the final metrics count what metrics.csv counts
    sheet: Callable[[str], np.ndarray]  # task -> training pictures as augmented, uint8 [n, height, width]


class Boards:
    """The TensorBoard folders of a run's tasks, ``<run folder>/<task>/tensorboard``; use it as a context.

    `show` is told every event of the run and returns at once: one thread of its own reads, draws and writes, in the
    order of the events. `close` waits for it and raises the first thing that went wrong there. Leaving the context
    closes too, but raises nothing where another error is already on its way.
    """

    def __init__(self, run: RunDirectory, about: About) -> None:
        self._run, self._about = run, about
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tensorboard")
        self._boards: dict[str, _Board] = {}
        self._fault: BaseException | None = None

    def __enter__(self) -> "Boards":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._finish()
        if error is None:
            self.close()

    def show(self, event: Mapping[str, object]) -> None:
        """Take an event: ``start``, ``warning``, ``resume``, ``epoch`` or ``end`` of a task that trains, or another."""
        if event["event"] in _HANDLERS and event["task"] not in NOT_TRAINING:
            self._thread.submit(self._handle, dict(event))

    def catch_up(self, tasks: Sequence[str]) -> None:
        """Draw finished tasks anew, from their files: their process was killed before all of it was drawn."""
        for task in tasks:
            file = self._run.histories().get(task)
            rows = pd.read_csv(file).to_dict("records") if file else []
            history = [{name: value for name, value in row.items() if value == value} for row in rows]  # no NaN
            for event in ({"event": "start"}, {"event": "resume", "history": history}, {"event": "end"}):
                self.show({**event, "task": task})

    def close(self) -> None:
        """Wait until everything is written; raise what was raised on the way."""
        self._finish()
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault

    def _finish(self) -> None:
        self._thread.shutdown(wait=True)
        for task in list(self._boards):  # tasks that were stopped or failed
            self._close(task)

    def _close(self, task: str) -> None:
        if task in self._boards:
            self._boards.pop(task).close()

    def _handle(self, event: dict[str, object]) -> None:
        if self._fault is not None:
            return
        try:
            task = str(event["task"])
            if event["event"] == "start":
                self._close(task)
                self._boards[task] = _Board(self._run, task, self._about)
            if task in self._boards:
                _HANDLERS[str(event["event"])](self._boards[task], event)
            if event["event"] == "end":
                self._close(task)
        except BaseException as error:  # told by `close`, on the thread that listens
            self._fault = error


class _Board:
    """The event file of one task."""

    def __init__(self, run: RunDirectory, task: str, about: About) -> None:
        self._run, self._task, self._about = run, task, about
        self._folder = run.folder / task / "tensorboard"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._file = EventFile(self._folder)
        self._name = run.place.replace("/", "-")
        self._step = 0  # epochs, counted on through the phases

    def start(self, event: Mapping[str, object]) -> None:
        """Write the hyperparameters, what the pictures are, the warnings, and a sheet of training pictures."""
        about = self._about
        origin = SYNTHETIC_NOTE if about.synthetic else "Real X-rays"
        self._file.add_text("pictures", "\n\n".join([origin, *(f"Warning: {text}" for text in about.warnings)]))
        values = {**about.hyperparameters, "task": self._task, "origin": "synthetic" if about.synthetic else "real"}
        self._file.add_hyperparameters(values, f"{self._name}-{self._task}")
        sheet = picture_sheet(about.sheet(self._task)[:SHEET_PICTURES])
        self._file.add_picture(self._title("training pictures as augmented"), sheet, 0)

    def warning(self, event: Mapping[str, object]) -> None:
        """Write what makes the numbers of this task doubtful."""
        self._file.add_text("environments", f"Warning: {event['text']}")

    def resume(self, event: Mapping[str, object]) -> None:
        """Write the epochs that were done before the task was stopped."""
        for row in event["history"]:
            self.epoch(row)

    def epoch(self, row: Mapping[str, object]) -> None:
        """Write one epoch's losses, accuracies, seconds and learning rate."""
        self._step += 1
        for name, value in row.items():
            if name not in NO_FIGURES and isinstance(value, int | float):
                self._file.add_scalar(f"epoch/{name}", value, self._step)

    def end(self, event: Mapping[str, object]) -> None:
        """Write the final metrics, the confusion matrix and the ROC curves of the rows that ``metrics.csv`` counts."""
        path, splits = self._run.folder / self._task / rundir.PREDICTIONS, self._run.splits
        if not path.exists():  # a task may end without any
            return
        reading, *_ = metrics.possible_readings(splits, self._about.reading)
        predictions = read_predictions(path)
        counted = metrics.select_rows(predictions, splits, reading)
        scores = metrics.score(counted)
        for row in scores[(scores["class"] == "all") & (scores.metric != "support")].itertuples():
            self._file.add_scalar(f"final/{row.metric}", row.value, self._step)
        figure = draw_confusion_matrix(
            metrics.confusion_matrix(counted),
            f"{self._name}, {self._task}\n{len(counted):,} held-out images",
            self._about.synthetic,
        )
        self._file.add_picture(self._title("confusion matrix"), figure_pixels(figure), self._step)
        self._draw_roc(roc.rows_by_role(predictions, splits, reading))
        folder = self._run.folder / self._task
        add_drawings(self._file, folder, self._about.synthetic)  # none yet, unless it is drawn again
        (self._folder / COMPLETE).touch()

    def _draw_roc(self, rows: pd.DataFrame) -> None:
        curves, points = roc.trace_curves(rows), roc.find_points(rows)
        figure = draw_roc(curves, points, f"{self._name}, {self._task}", self._about.synthetic)
        self._file.add_picture(self._title("ROC curves"), figure_pixels(figure), self._step)

    def close(self) -> None:
        """Close the event file."""
        self._file.close()

    def _title(self, text: str) -> str:
        return f"{text} ({SYNTHETIC_NOTE.lower()})" if self._about.synthetic else text


_HANDLERS: dict[str, Callable[[_Board, Mapping[str, object]], None]] = {
    kind: getattr(_Board, kind) for kind in ("start", "warning", "resume", "epoch", "end")
}
