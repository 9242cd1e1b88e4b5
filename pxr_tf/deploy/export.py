"""Export a finished run to files that other programs run, and compare each with the run's own models."""

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.deploy.about import describe_export
from pxr_tf.deploy.formats import FORMATS, check_format
from pxr_tf.errors import PxrError, shown
from pxr_tf.events import OnEvent, Say, emit_note
from pxr_tf.evidence.calibrated import read_calibration
from pxr_tf.inference.engines import TENSORFLOW
from pxr_tf.inference.ensemble import ask_models
from pxr_tf.inference.exported import EXPORTED, ExportOptions
from pxr_tf.inference.predict import choose_folds
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.decode import UnreadableImageError, load_prepared
from pxr_tf.rundir import fold_name
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.tasks import Executor, Task, run_or_raise

COMPARED = 256  # test pictures: four batches, seconds for a small network
ALL = "all-folds"


@dataclass(frozen=True)
class AskOptions:
    """Options of the task ``ask_export``: which file or models to ask about which pictures."""

    to: str  # a format, or ``tensorflow`` for the run's own models
    path: str  # the export; "" for TensorFlow
    folds: Sequence[str]  # of the run's own models
    pictures: str  # NumPy file: uint8 [n, size, size, 1]
    out: str  # NumPy archive to write: ``answers`` and ``seconds``


@dataclass(frozen=True)
class ExportRequest:
    """What to export, to which formats."""

    run: FinishedRun
    formats: tuple[str, ...]  # of `FORMATS`
    fold: str | None = None  # whose model; None: the mean of all folds
    out: Path | None = None  # only with one format

    def file(self, to: str) -> Path:
        """Return the file or folder of a format."""
        name = ALL if self.fold is None else fold_name(self.run.find_fold(self.fold))
        return self.out or self.run.results / EXPORTED / f"{name}{FORMATS[to].ending}"


@dataclass(frozen=True)
class Exported:
    """The written files, and how they compare with the run's own models."""

    files: tuple[Path, ...]
    table: pd.DataFrame  # a row per engine, TensorFlow first: `compare`
    pictures: int
    what: str  # the pictures are ``test pictures`` or ``phantoms``


def export_run(asked: ExportRequest, executor: Executor, on_event: OnEvent = lambda event: None) -> Exported:
    """Write the exports, ask each in a process of its own, and compare; raise `PxrError`."""
    check_request(asked)
    run = asked.run
    folds, calibration = choose_folds(run, asked.fold), read_calibration(run)
    temperature = calibration.calibration["temperature"] if calibration else None
    about = describe_export(run, folds, temperature)
    places = [asked.file(to) for to in asked.formats]
    wanted = [
        ExportOptions(to, str(path), folds, temperature, about) for to, path in zip(asked.formats, places, strict=True)
    ]
    tasks = [Task(f"export-{options.to}", "export", options=options, **run.task_place) for options in wanted]
    try:
        run_or_raise(executor, tasks, on_event)
        executor.close()
        pictures, what = load_pictures(run, partial(emit_note, on_event))
        table = compare(asked, temperature, pictures, executor, on_event)
    finally:
        executor.close()
    return Exported(tuple(places), table, len(pictures), what)


def check_request(asked: ExportRequest) -> None:
    """Raise `PxrError` for a format that is unknown or lacks its library, and for a file that cannot be written."""
    for to in asked.formats:
        check_format(to)
    if asked.out is None:
        return
    if len(asked.formats) > 1:
        raise PxrError(
            f"--out received {shown(str(asked.out))}, but --to has {len(asked.formats)} formats. Leave --out out, or "
            "export one format at a time."
        )
    ending = FORMATS[asked.formats[0]].ending
    if not asked.out.name.endswith(ending) or asked.out.name == ending:
        raise PxrError(f"--out received {shown(str(asked.out), 80)}; accepted: a name that ends in {ending}.")
    try:
        files.check_writable(asked.out)
    except OSError as error:
        raise PxrError(f"{asked.out} cannot be written ({error.strerror}). Name another place (--out).") from error


def load_pictures(run: FinishedRun, say: Say) -> tuple[np.ndarray, str]:
    """Return some of the run's test pictures, uint8 [n, size, size, 1], and words for them.

    They are not cropped, as any pixels show whether two programs compute the same. If their files are not here, as for
    a bundle, phantoms take their place.
    """
    table, preparation = run.tested[["image_id"]].merge(run.manifest, on="image_id"), run.preparation.whole
    found = []
    for path in table.path.iloc[np.unique(np.linspace(0, len(table) - 1, COMPARED).astype(int))]:
        with contextlib.suppress(UnreadableImageError):
            found.append(load_prepared(path, preparation))
    if not found:
        say("The run's test pictures cannot be read here, so the exports are compared on phantoms.")
        found = [draw_phantom(number, 0, "normal", preparation.size).image for number in range(COMPARED)]
        return np.stack(found)[..., None], "phantoms"
    return np.stack(found)[..., None], "test pictures"


def compare(
    asked: ExportRequest, temperature: float | None, pictures: np.ndarray, executor: Executor, on_event: OnEvent
) -> pd.DataFrame:
    """Return a row per engine, TensorFlow first: what it says of the pictures beside TensorFlow, size and speed.

    Columns: ``engine``; ``difference``, the largest of a probability; ``changed``, how many pictures get another class;
    ``bytes``; ``start``, seconds to the first answer; ``per_second``, pictures; ``ratio``, of that to TensorFlow's. All
    seconds are processor time, because other work may slow the clock's.
    """
    rows, folds = [], choose_folds(asked.run, asked.fold)
    with tempfile.TemporaryDirectory(prefix="pxr-") as folder:
        np.save(Path(folder) / "pictures.npy", pictures)
        for engine in (TENSORFLOW, *asked.formats):
            path = str(asked.file(engine)) if engine != TENSORFLOW else ""
            options = AskOptions(engine, path, folds, f"{folder}/pictures.npy", f"{folder}/{engine}.npz")
            task = Task(f"ask-{engine}", "ask_export", options=options, **asked.run.task_place)
            run_or_raise(executor, [task], on_event)
            executor.close()  # the next engine starts in a new process
            with np.load(options.out) as found:
                answers, (start, seconds) = found["answers"], found["seconds"]
            if engine == TENSORFLOW:
                answers = ask_models(answers, np.ones(answers.shape[:2], bool), temperature).probabilities
                expected, usual = answers, seconds
            rows.append(
                {
                    "engine": engine,
                    "difference": np.abs(answers - expected).max(),
                    "changed": int((answers.argmax(1) != expected.argmax(1)).sum()),
                    "bytes": sum(map(size_of, [Path(path)] if path else map(asked.run.model_file, folds))),
                    "start": start,
                    "per_second": len(pictures) / seconds,
                    "ratio": usual / seconds,
                }
            )
    return pd.DataFrame(rows)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
