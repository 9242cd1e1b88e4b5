"""Run requests and show what happens: what ``cv``, ``train`` and ``grid`` do once they know the experiments."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf import rundir

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from pxr_tf.config import Experiment
    from pxr_tf.experiments.run import Request
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.tensorboard import About, Boards


def make_console() -> "Console":
    """Return the console that commands print to."""
    from rich.console import Console

    return Console(highlight=False)


def run_seeds(requests: Sequence["Request"], console: "Console") -> None:
    """Run requests that differ in their seed; print each one's table, and what they have in common."""
    from pxr_tf.report.results import print_results, print_seeds

    folders = {}
    for request in requests:
        if folders:
            console.print()
        folders[request.experiment.seed] = run_request(request, console)
        print_results(folders[request.experiment.seed], console)
    if len(folders) > 1:
        console.print()
        print_seeds(folders, console)


def run_request(request: "Request", console: "Console") -> Path:
    """Run one experiment and write its results; return its run directory."""
    from pxr_tf import locks
    from pxr_tf.executors.local import LocalProcess
    from pxr_tf.experiments.run import run_experiment
    from pxr_tf.report.progress import Display
    from pxr_tf.report.results import is_written, write_results

    boards = _Boards(request)
    with Display(outline_of(request.experiment), console) as display, boards:

        def listen(event: dict[str, Any]) -> None:
            display.show(event)
            boards.show(event)

        folder = run_experiment(request, LocalProcess(), listen)
        boards.catch_up()
    with locks.hold(locks.lock_of(folder)):
        if is_written(folder):
            console.print(f"Nothing to do: {folder} is finished.", markup=False, soft_wrap=True)
        else:
            write_results(folder)
    return folder


def outline_of(experiment: "Experiment") -> "Outline":
    """Return what the progress display needs to know of an experiment."""
    from pxr_tf.report.clock import Outline, OutlinePhase

    splits = experiment.splits
    cross = splits.scheme == "folds"
    where = f"{splits.folds} folds" if cross else f"{splits.scheme} split"
    where += f" by {splits.unit}" if splits.scheme == "random" else ""
    crop = "" if experiment.image.crop == "none" else f"crop {experiment.image.crop}"
    what = ", ".join(filter(None, (experiment.model.name, experiment.variant, crop)))
    weights = f", weights {experiment.model.weights}" if experiment.backbone else ""
    return Outline(
        title=f"{experiment.name}: {what}, {where}{weights}, seed {experiment.seed}",
        folds=splits.folds if cross else 1,
        phases=tuple(OutlinePhase(phase.name, phase.max_epochs, phase.patience) for phase in experiment.phases),
        chooses_epochs=experiment.chooses_epochs,
    )


class _Boards:
    """TensorBoard's listener, which is made when the first task starts: only then is the run directory complete."""

    def __init__(self, request: "Request") -> None:
        self._request = request
        self._boards: Boards | None = None

    def __enter__(self) -> "_Boards":
        return self

    def __exit__(self, *fault: Any) -> None:
        if self._boards is not None:
            self._boards.__exit__(*fault)

    def show(self, event: dict[str, Any]) -> None:
        """Pass on an event."""
        if self._boards is None and event["event"] == "start" and (self._request.folder / rundir.EXPERIMENT).exists():
            self._open()
        if self._boards is not None:
            self._boards.show(event)

    def catch_up(self) -> None:
        """Draw what a killed command has trained and not drawn."""
        from pxr_tf.report.tensorboard import undrawn_tasks

        if self._boards is not None:
            self._boards.close()  # what was told is drawn by now
        undrawn = undrawn_tasks(self._request.folder)
        if undrawn:
            self._open().catch_up(undrawn)

    def _open(self) -> "Boards":
        from pxr_tf.report.tensorboard import Boards

        self._boards = Boards(self._request.folder, about(self._request))
        return self._boards


def about(request: "Request") -> "About":
    """Return what TensorBoard shows of a prepared run beside its events."""
    from pxr_tf.report.tensorboard import About
    from pxr_tf.runs.info import describe_run

    info = describe_run(request.folder)
    return About(
        hyperparameters=_hyperparameters(request.experiment),
        synthetic=info.origin == "synthetic",
        warnings=[warning.text for warning in info.warnings],
        reading=info.test_rows,
        sheet=lambda task: _training_pictures(request, task),
    )


def _hyperparameters(experiment: "Experiment") -> dict[str, Any]:
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


def _training_pictures(request: "Request", task: str) -> "np.ndarray":
    """Return some training pictures of a task as its network sees them, uint8 [n, size, size]."""
    import numpy as np

    from pxr_tf.experiments.parts import make_parts, open_run
    from pxr_tf.report.tensorboard import SHEET_PICTURES
    from pxr_tf.training.part import TRAIN

    part = next(part for part in make_parts(open_run(request.folder, request.cache)) if part.folder.name == task)
    samples = part.of(TRAIN)
    index = np.unique(np.linspace(0, len(samples), SHEET_PICTURES, endpoint=False, dtype=np.int64))
    return part.inputs(samples, every_epoch=True).load(index, 0)[..., 0]
