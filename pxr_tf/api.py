"""What Python code and notebooks call, as data frames; ``import pxr_tf`` offers it. No TensorFlow in this process."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import pandas as pd

from pxr_tf.commands.from_python import CrossValidation, OneSplit, call_words, read_arguments
from pxr_tf.config.comma_lists import split_words
from pxr_tf.data.findings import Finding
from pxr_tf.errors import PxrError
from pxr_tf.evidence.evaluations import Evaluation
from pxr_tf.executors.choose import LOCAL, RAY, Choice, choose, choose_executor
from pxr_tf.inference.engines import TENSORFLOW
from pxr_tf.runs import bundle, finished
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.sets import own_table

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.studies.experiments import ExperimentOptions

Places = str | Path | Sequence[str | Path]
Data = Places | pd.DataFrame  # a frame has the columns of a CSV of one's own: path, label and others (docs/data.md)
FRAMES = "frames"  # the folder in the cache for data that were given as frames


class Gallery(NamedTuple):
    """Explained pictures: the page, and its tables (docs/outputs.md)."""

    page: Path
    table: pd.DataFrame  # ``explained.csv``: a row per picture and method; its files are relative to the page's folder
    checks: pd.DataFrame  # ``checks.csv``


class Run(FinishedRun):
    """A finished run or a bundle, and what one does with it, as data frames. Every method raises `PxrError`."""

    @property
    def metrics(self) -> pd.DataFrame:
        """The rows of ``metrics.csv``, written if they are missing."""
        from pxr_tf.evaluation.metrics import read_metrics
        from pxr_tf.evidence.files import tables_are_whole, write_tables

        if not self.packed and not tables_are_whole(self):
            write_tables(self)
        return read_metrics(self.folder / "metrics.csv")

    def predict(self, pictures: Data, fold: str | None = None, *, engine: str = TENSORFLOW) -> pd.DataFrame:
        """Return a row per picture, with the columns of the CSV file of ``pxr predict`` (docs/predict.md).

        `pictures` are image ids of the run, files, folders or data sets: one, or several; or a frame with the column
        ``path``. `fold` names the model; None asks all. `engine` is ``tensorflow``, ``onnx`` or ``litert``, in its own
        process. What was predicted before is not computed again.
        """
        from pxr_tf.inference.predict import PredictRequest, predict_pictures
        from pxr_tf.inference.predictions_file import flat_table

        asked = PredictRequest(self, words_of(pictures), fold, engine=engine)
        return flat_table(predict_pictures(asked, choose_executor()))

    def evaluate(
        self, data: Data, fold: str | None = None, *, label: str = "", out: str | Path | None = None
    ) -> Evaluation:
        """Return the run's figures on other data, beside its own, as ``pxr evaluate`` writes them to a folder.

        The frames of the result are ``called`` and ``beside`` (docs/evaluate.md). `label` is what the pictures of
        folders without labels show.
        """
        from pxr_tf.inference.evaluate import EvaluateRequest, evaluate

        to = None if out is None else Path(out)
        asked = EvaluateRequest(self, paths_of(data, self.cache), fold, to, label=label)
        return evaluate(asked, choose_executor())

    def explain(
        self,
        images: Places = (),
        *,
        methods: str | Sequence[str] = (),
        fold: str | None = None,
        target: str = "predicted",
        checks: bool = True,
        out: str | Path | None = None,
    ) -> Gallery:
        """Return maps of what the models looked at, and checks of these maps, as ``pxr explain`` writes them.

        `images` are as in `predict`; without any, the most telling pictures of each class. `target` is the class that
        is explained: ``predicted``, ``true``, or its name.
        """
        from pxr_tf.commands.explain import make_gallery
        from pxr_tf.galleries.request import GalleryRequest
        from pxr_tf.galleries.tables import CHECKS_TABLE, EXPLAINED_TABLE
        from pxr_tf.galleries.write import PAGE

        words, to = words_of(images) if images else (), None if out is None else Path(out)
        asked = GalleryRequest(self, words, tuple(names_of(methods)), None, target, fold, out=to, checks=checks)
        make_gallery(asked, make_console(quiet=True))
        kept: dict[str, Any] = {"keep_default_na": False, "na_values": {"value": [""], "chance": [""]}}
        tables = (
            pd.read_csv(asked.folder / name, dtype={"fold": str}, **kept) for name in (EXPLAINED_TABLE, CHECKS_TABLE)
        )
        return Gallery(asked.folder / PAGE, *tables)

    def audit(self, checks: str | Sequence[str] = ()) -> pd.DataFrame:
        """Return a row per finding of ``pxr audit``, the worst first (docs/audit.md); by default of all checks."""
        from pxr_tf.commands.audit import audit_run

        if self.packed:
            bundle.refuse_bundle(self.folder)
        found = audit_run(self, self.folder, names_of(checks), make_console(quiet=True)).findings
        return pd.DataFrame(found, columns=list(Finding._fields))


def open_run(path: str | Path, runs: str | Path | None = None) -> Run:
    """Return the finished run in a folder, the only finished run below it, or a bundle (a folder or a zip).

    `runs` is the folder whose cache is used; by default the nearest cache above the run. Raises `PxrError` if the
    folder has no finished run, or more than one.
    """
    found = finished.open_run(path, None if runs is None else Path(runs))
    return Run(found.folder, found.cache)


def open_bundle(path: str | Path) -> Run:
    """Return a bundle that ``pxr bundle`` wrote, as `open_run` does; raise `PxrError` also for a run directory."""
    found = open_run(path)
    if not found.packed:
        raise PxrError(f"{str(path)!r} is a run directory; accepted: a bundle. Pack it (pxr bundle), or use open_run.")
    return found


def predict(
    run: FinishedRun | str | Path, pictures: Data, fold: str | None = None, *, engine: str = TENSORFLOW
) -> pd.DataFrame:
    """Return a row per picture: ``open_run(run).predict(pictures, fold, engine=engine)``. Raises `PxrError`."""
    opened = Run(run.folder, run.cache) if isinstance(run, FinishedRun) else open_run(run)
    return opened.predict(pictures, fold, engine=engine)


def read_data(data: Places, *, quiet: bool = False) -> pd.DataFrame:
    """Return a row per image of data sets: ``image_id, path, label, patient_id, source, official_split`` and details.

    Prints what was left out, unless `quiet`. The frame, or a part of its rows, can be given as data again. Raises
    `PxrError`.
    """
    from pxr_tf.sets.find import read_sources

    table, notes = read_sources(words_of(data))
    console = make_console(quiet=quiet)
    for note in notes:
        console.print(note, markup=False)
    return table


def cross_validate(data: Data | None = None, *, quiet: bool = False, **options: Unpack[CrossValidation]) -> Run:
    """Cross-validate as ``pxr cv`` does, in worker processes, and return the run; a finished run is opened.

    Without data it uses phantoms. `options` are those of ``pxr cv`` (docs/commands.md) except ``seeds``: a call is one
    run. ``overrides`` is a mapping of dotted keys of the recipe. Shows progress unless `quiet`. Raises `PxrError`.
    """
    from pxr_tf.commands.experiment_options import cross_validation_of

    values = read_arguments("cv", {**options, "data": data_text(data, options.get("runs"))})
    return run_one(*cross_validation_of(values), call_words("cross_validate", values), make_console(quiet=quiet))


def train(data: Data | None = None, *, quiet: bool = False, **options: Unpack[OneSplit]) -> Run:
    """Train and test on one split as ``pxr train`` does, and return the run; else as `cross_validate`."""
    from pxr_tf.commands.experiment_options import split_of

    values = read_arguments("train", {**options, "data": data_text(data, options.get("runs"))})
    return run_one(*split_of(values), call_words("train", values), make_console(quiet=quiet))


def compare(*runs: FinishedRun | str | Path) -> pd.DataFrame:
    """Return the rows of ``comparison.csv``: each run against the first, with intervals and tests.

    A path may be a folder of seeds. Nothing is written. Raises `PxrError` for runs that cannot be compared.
    """
    from pxr_tf.evidence.compare import compare_runs

    return compare_runs([run.folder if isinstance(run, FinishedRun) else Path(run) for run in runs]).table


@contextmanager
def on_cluster(address: str, *, gpus: int = 0, retries: int = 3) -> Iterator[None]:
    """Work on the Ray cluster whose head has this address, host:port, while the block runs (docs/cluster.md).

    Each task gets `gpus` GPUs for itself; it is run again up to `retries` times if its node is lost. Raises `PxrError`.
    """
    choose(Choice(RAY, address, gpus, retries))
    try:
        yield
    finally:
        choose(Choice(LOCAL))


def run_one(
    asked: "ExperimentOptions", given: Mapping[str, Any], variant: str | None, words: str, console: "Console"
) -> Run:
    """Run one experiment, with `words` as the command in its provenance, and return it. Raises `PxrError`."""
    from pxr_tf.commands.running import run_study

    request = replace(asked, command=words).requests([asked.experiment(given, variant)], console.print)
    (outcome,) = run_study(request, console)
    return open_run(outcome.request.folder, asked.runs)


def make_console(*, quiet: bool) -> "Console":
    """Return the console for progress and notes; a quiet one prints nothing."""
    from pxr_tf.report.fitting import Screen

    return Screen(highlight=False, quiet=quiet)


def words_of(pictures: Data) -> tuple[str, ...]:
    """Return paths or image ids as text; of a frame, its column ``path``. Raises `PxrError` without one."""
    if isinstance(pictures, pd.DataFrame):
        if "path" not in pictures:
            columns = ", ".join(map(str, pictures.columns))
            raise PxrError(f"Received a data frame with the columns {columns}; accepted: one with the column path.")
        return tuple(map(str, pictures["path"]))
    return (str(pictures),) if isinstance(pictures, str | Path) else tuple(map(str, pictures))


def names_of(names: str | Sequence[str]) -> list[str]:
    """Return names as a list: one name, several between commas, or a sequence."""
    return split_words(names) if isinstance(names, str) else list(names)


def paths_of(data: Data, cache: Path) -> tuple[str, ...]:
    """Return data as paths; a frame is written to the cache as a CSV whose name is a digest of its content."""
    if isinstance(data, pd.DataFrame):
        return (str(own_table.write(data, cache / FRAMES)),)
    return words_of(data)


def data_text(data: Data | None, runs: str | Path | None) -> str | None:
    """Return data as the text of the option ``--data``; None for phantoms."""
    from pxr_tf.rundir import CACHE

    return None if data is None else ",".join(paths_of(data, Path(runs or "runs") / CACHE))
