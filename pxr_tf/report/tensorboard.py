"""TensorBoard as a listener: events of training tasks become curves, pictures and hyperparameters.

A task's event files are rewritten whenever it starts. A resumed task sends its finished epochs again, so a curve has
no gaps and no double points. No TensorFlow is imported.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple

import numpy as np

from pxr_tf import rundir
from pxr_tf.data.predictions import read_predictions
from pxr_tf.errors import count_words
from pxr_tf.evaluation import metrics, roc
from pxr_tf.report.clock import NOT_TRAINING
from pxr_tf.report.drawings import add_drawings
from pxr_tf.report.event_file import EVENTS, EventFile
from pxr_tf.report.figures import SYNTHETIC_NOTE, draw_confusion_matrix, figure_pixels, picture_sheet
from pxr_tf.report.fonts import show_names
from pxr_tf.report.roc import draw_roc_card
from pxr_tf.runs.directory import RunDirectory, read_history

NO_FIGURES = ("event", "task", "phase", "epoch", "epochs")  # keys of an epoch event that are not plotted
SHEET_PICTURES = 16  # four rows of four: more would be too small in a card
_DRAWN = ("start", "warning", "resume", "epoch", "end")  # events; `_Board` has a method for each
COMPLETE = "tensorboard.complete"  # an empty file next to the event file: the task is completely drawn


def undrawn_tasks(run: RunDirectory) -> list[str]:
    """Return the finished tasks of a run whose TensorBoard folder is not complete."""
    finished = (run.fold_folder(fold) for fold in run.all_folds if run.fold_predictions(fold).exists())
    return [folder.name for folder in finished if not (folder / COMPLETE).exists()]


class About(NamedTuple):
    """What TensorBoard shows of a run in addition to its events."""

    hyperparameters: Mapping[str, object]  # flat: name -> number, boolean or text
    synthetic: bool  # the pictures are phantoms
    warnings: Sequence[str]  # sentences shown with the origin of the pictures
    reading: str  # the experiment's test rows, balanced or all: final metrics use the rows of metrics.csv
    sheet: Callable[[str], np.ndarray]  # task -> training pictures as augmented, uint8 [n, height, width]


class Boards:
    """The event files of a run's tasks, in ``<run folder>/<task>``: its path is the name in TensorBoard.

    Use it as a context manager.

    `show` takes every event of the run and returns at once: a separate thread reads, draws and writes, in the order
    of the events. `close` waits for that thread and raises its first error. Leaving the context closes, too, but never
    replaces another error.
    """

    def __init__(self, run: RunDirectory, about: About, *, live: bool = False) -> None:
        """With `live`, draw only curves, in files that `close` deletes: a task of the run draws everything later."""
        self._run, self._about, self._live = run, about, live
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
        """Take an event; ignore all but ``start``, ``warning``, ``resume``, ``epoch`` and ``end`` of training tasks."""
        if event["event"] in _DRAWN and event["task"] not in NOT_TRAINING:
            self._thread.submit(self._handle, dict(event))

    def catch_up(self, tasks: Sequence[str]) -> None:
        """Redraw finished tasks from their files: their process was killed before everything was drawn."""
        for task in tasks:
            file = self._run.histories().get(task)
            rows = read_history(file).to_dict("records") if file else []
            history = [{name: value for name, value in row.items() if value == value} for row in rows]  # no NaN
            for event in ({"event": "start"}, {"event": "resume", "history": history}, {"event": "end"}):
                self.show({**event, "task": task})

    def close(self) -> None:
        """Wait until everything is written; raise the first error of the drawing thread."""
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
                self._boards[task] = (_LiveBoard if self._live else _Board)(self._run, task, self._about)
            if task in self._boards:
                getattr(self._boards[task], str(event["event"]))(event)
            if event["event"] == "end" and not self._live:
                self._close(task)
        except BaseException as error:  # `close` raises it in the caller's thread
            self._fault = error


class _Board:
    """The event file of one task."""

    def __init__(self, run: RunDirectory, task: str, about: About) -> None:
        self._run, self._task, self._about = run, task, about
        self._folder = run.folder / task
        self._make_room()
        self._file = EventFile(self._folder)
        self._name = run.place.replace("/", "-")
        self._step = 0  # epochs, numbered across phases

    def _make_room(self) -> None:
        for file in (self._folder / COMPLETE, *self._folder.glob(f"{EVENTS}*")):
            file.unlink(missing_ok=True)

    def start(self, event: Mapping[str, object]) -> None:
        """Write the hyperparameters, the origin of the pictures, the warnings, and a sheet of training pictures."""
        about = self._about
        origin = SYNTHETIC_NOTE if about.synthetic else "Real X-rays"
        self._file.add_text("pictures", "\n\n".join([origin, *(f"Warning: {text}" for text in about.warnings)]))
        values = {**about.hyperparameters, "task": self._task, "origin": "synthetic" if about.synthetic else "real"}
        self._file.add_hyperparameters(values, f"{self._name}-{self._task}")
        sheet = picture_sheet(about.sheet(self._task)[:SHEET_PICTURES], columns=4)
        self._file.add_picture(self._title("training pictures as augmented"), sheet, 0)

    def warning(self, event: Mapping[str, object]) -> None:
        """Write a warning about this task's numbers."""
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
        if not path.exists():  # a task may end without predictions
            return
        reading, *_ = metrics.possible_readings(splits, self._about.reading)
        predictions = read_predictions(path)
        counted = metrics.select_rows(predictions, splits, reading)
        scores = metrics.score(counted)
        for row in scores[(scores["class"] == "all") & (scores.metric != "support")].itertuples():
            self._file.add_scalar(f"final/{row.metric}", row.value, self._step)
        synthetic, counts = self._about.synthetic, metrics.confusion_matrix(counted)
        figure = draw_confusion_matrix(counts, count_words(len(counted), "held-out image"), synthetic, card=True)
        self._file.add_picture(self._title("confusion matrix"), figure_pixels(figure), self._step)
        rows = roc.rows_by_role(predictions, splits, reading)
        curves, points = roc.trace_curves(rows), roc.find_points(rows)
        shown = dict(zip(counts, show_names(counts.columns), strict=True))
        for name in points["class"].unique():
            of_class = (table[table["class"] == name] for table in (curves, points))
            figure = draw_roc_card(*of_class, shown[name], synthetic)
            self._file.add_picture(self._title(f"ROC curve of {name}"), figure_pixels(figure), self._step)
        add_drawings(self._file, self._folder, synthetic)  # none yet, unless it is drawn again
        (self._folder / COMPLETE).touch()

    def close(self) -> None:
        """Close the event file."""
        self._file.close()

    def _title(self, text: str) -> str:
        return f"{text} ({SYNTHETIC_NOTE.lower()})" if self._about.synthetic else text


class _LiveBoard(_Board):
    """The curves of one task, until a task of the run draws everything: perhaps now, on another machine."""

    def _make_room(self) -> None:
        """Leave all files alone."""

    def start(self, event: Mapping[str, object]) -> None:
        """Write nothing."""

    def end(self, event: Mapping[str, object]) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Close and delete the event file."""
        self._file.discard()
