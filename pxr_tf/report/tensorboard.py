"""TensorBoard: what a fold shows while it trains and when it has ended.

Event files are made anew from the checkpoint's history whenever a fold starts, so a continued fold has no gap and no
double point.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from pxr_tf.data.manifest import is_synthetic
from pxr_tf.evaluation import metrics
from pxr_tf.report.figures import SYNTHETIC_NOTE, draw_confusion_matrix, figure_pixels, picture_sheet
from pxr_tf.training import folds
from pxr_tf.training.checkpoint import load_checkpoint

SHEET_PICTURES = 32


class Board:
    """The TensorBoard events of one fold or of the hold-out."""

    def __init__(self, run: folds.Run, task: str, folder: Path) -> None:
        import tensorflow as tf

        self._tf, self._run, self._task, self._folder = tf, run, task, folder
        self._synthetic = is_synthetic(run.table)
        self._step = 0
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def write_start(self) -> None:
        """Write the hyperparameters, the words about the images and one sheet of augmented training pictures."""
        from tensorboard.plugins.hparams import api as hparams

        samples = folds.training_samples(self._run, self._task)
        every = max(1, len(samples) // SHEET_PICTURES)
        index = np.arange(0, len(samples), every)[:SHEET_PICTURES]
        pictures = folds.pictures_of(self._run, samples, every_epoch=True).load(index, 0)[..., 0]
        with self._writer.as_default():
            hparams.hparams(
                self._hyperparameters(), trial_id=f"{self._run.folder.parent.name}-{self._run.folder.name}-{self._task}"
            )
            text = SYNTHETIC_NOTE if self._synthetic else "Real X-rays"
            self._tf.summary.text("images", text, step=0)
            sheet = picture_sheet(pictures)[None, ..., None]
            self._tf.summary.image(self._title("training pictures as augmented"), sheet, step=0)

    def write_epoch(self, row: dict[str, Any]) -> None:
        """Write one epoch's losses, accuracies and learning rate; steps count on through the phases."""
        self._step += 1
        with self._writer.as_default():
            for name, value in row.items():
                if isinstance(value, float):
                    self._tf.summary.scalar(f"epoch/{name}", value, step=self._step)
        self._writer.flush()

    def write_results(self) -> None:
        """Write the final metrics and the confusion matrix of the held-out rows."""
        predictions = metrics.read_predictions(self._folder / "predictions.csv")
        scores = metrics.score(predictions)
        with self._writer.as_default():
            for row in scores[scores["class"] == "all"].itertuples():
                self._tf.summary.scalar(f"final/{row.metric}", row.value, step=self._step)
            figure = draw_confusion_matrix(
                metrics.confusion_matrix(predictions), f"{self._run.folder.name}, {self._task}", self._synthetic
            )
            self._tf.summary.image(self._title("confusion matrix"), figure_pixels(figure)[None], step=self._step)
        self._writer.close()

    def _title(self, text: str) -> str:
        return f"{text} ({SYNTHETIC_NOTE.lower()})" if self._synthetic else text

    def _hyperparameters(self) -> dict[str, Any]:
        experiment = self._run.experiment
        values: dict[str, Any] = {
            "experiment": experiment.name,
            "backbone": experiment.model.backbone,
            "strategy": experiment.strategy,
            "fold": self._task,
            "dropout": experiment.dropout,
            "batch_size": experiment.training.batch_size,
            "images": "synthetic" if self._synthetic else "real",
        }
        for phase in experiment.phases:
            values[f"{phase.name}_learning_rate"] = phase.learning_rate
            values[f"{phase.name}_max_epochs"] = phase.max_epochs
        return values


def open_board(run: folds.Run, task: str) -> Board:
    """Return the board of a task, its earlier epochs written again from the checkpoint where there is one."""
    folder = folds.fold_folder(run, task)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    board = Board(run, task, folder)
    board.write_start()
    state, _ = load_checkpoint(folder / "checkpoint.npz") or ({"history": []}, None)
    for row in state["history"]:
        board.write_epoch(row)
    return board
