"""What a run leaves for people, TensorBoard, tables and figures, made by the command or, on a cluster, by a task."""

from pathlib import Path

import numpy as np

from pxr_tf.config import Experiment
from pxr_tf.events import OnEvent
from pxr_tf.experiments.parts import make_parts, open_training
from pxr_tf.experiments.plan import Results
from pxr_tf.experiments.run import finish_folder
from pxr_tf.report.results import write_results
from pxr_tf.report.tensorboard import SHEET_PICTURES, About, Boards, undrawn_tasks
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.part import TRAIN


def make_results(task: Task, options: Results, emit: OnEvent) -> None:
    """Collect the predictions of a run whose folds are trained; write its tables and figures, and draw its TensorBoard.

    Raises `PxrError`.
    """
    folder = Path(task.run)
    run = finish_folder(folder, RunDirectory(folder, Path(task.cache)).splits, options.runs)
    write_results(run, options.figures)
    with Boards(run, about(run.recipe, run)) as boards:
        boards.catch_up(undrawn_tasks(run))


def about(experiment: Experiment, run: RunDirectory) -> About:
    """Return what TensorBoard shows of a prepared run in addition to its events."""
    info = run.info
    return About(
        hyperparameters=_hyperparameters(experiment),
        synthetic=info.origin == "synthetic",
        warnings=[warning.text for warning in info.warnings],
        reading=info.test_rows,
        sheet=lambda task: _training_pictures(run.folder, run.cache, task),
    )


def _hyperparameters(experiment: Experiment) -> dict[str, str | float | None]:
    values = {
        "experiment": experiment.name,
        "variant": experiment.variant,
        "model": experiment.model.name,
        "scheme": experiment.splits.scheme,
        "seed": experiment.seed,
        "batch_size": experiment.training.batch_size,
    }
    for phase in experiment.rated_phases:
        values[f"{phase.name}_learning_rate"] = phase.learning_rate
        values[f"{phase.name}_max_epochs"] = phase.max_epochs
    return values


def _training_pictures(folder: Path, cache: Path, task: str) -> np.ndarray:
    """Return some training pictures of a task as its network sees them, uint8 [n, size, size]."""
    part = next(part for part in make_parts(open_training(folder, cache)) if part.folder.name == task)
    samples = part.of(TRAIN)
    index = np.unique(np.linspace(0, len(samples), SHEET_PICTURES, endpoint=False, dtype=np.int64))
    return part.inputs(samples, every_epoch=True).load(index, 0)[..., 0]
