"""A finished run: where tables, galleries, features and later studies begin. Open it once and pass it on."""

import os
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.data.findings import Finding, read_findings, warn_of_findings
from pxr_tf.data.predictions import read_predictions, warn_of_one_class
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.errors import PxrError, shorten
from pxr_tf.runs import bundle
from pxr_tf.runs.directory import RunDirectory, is_finished, is_run, spell

MOST_LISTED = 5  # runs that a message names
ACCEPTED = (
    "the folder that a run names at its end (Results are in ...), such as runs/<recipe>/<variant>/<scheme>/seed-0"
)


class FinishedRun(RunDirectory):
    """A run directory with its predictions: every fold is trained."""

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Every row of ``predictions.csv``, as text except for the probabilities ``p_<class>``."""
        return read_predictions(self.folder / rundir.PREDICTIONS)

    @property
    def predictions_digest(self) -> str:
        """A digest of ``predictions.csv``: tables with the same digest were computed from these predictions."""
        return files.digest_file(self.folder / rundir.PREDICTIONS)

    @property
    def results(self) -> Path:
        """The folder for what commands find out with the run: its own, or the working directory for a bundle."""
        return Path() if self.packed else self.folder

    @cached_property
    def packed_thumbnails(self) -> dict[str, np.ndarray] | None:
        """Content -> uint8 [32, 32] of the run's pictures in a bundle; None for a run, whose pictures are files."""
        return bundle.read_thumbnails(self.folder, list(self.manifest.content)) if self.packed else None

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """The warnings of the run directory, of each fold that predicts a single class, and of an audit."""
        return (*super().warnings, *warn_of_one_class(self.predictions), *warn_of_findings(self.findings))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What an audit of these predictions found, the worst first; () without an audit. Raises `PxrError`."""
        file = self.folder / rundir.AUDIT
        found = read_findings(file)
        return found if found and files.read_json(file).get("identity") == self.predictions_digest else ()

    @cached_property
    def tested(self) -> pd.DataFrame:
        """The test rows, one per image: the first fold's row if several folds test an image."""
        return self._test_rows.drop_duplicates("image_id", ignore_index=True)

    def tested_by(self, fold: str) -> pd.DataFrame:
        """Return the test rows of one fold, also of images that an earlier fold tests too."""
        return self._test_rows[self._test_rows.fold == fold]

    @property
    def _test_rows(self) -> pd.DataFrame:
        return self.predictions[self.predictions.role == "test"] if "role" in self.predictions else self.predictions


def open_run(path: str | Path, runs: Path | None = None, *, bundles: bool = True) -> FinishedRun:
    """Return a bundle, the finished run in a folder, or the only finished run below it; the path may have any spelling.

    `runs` is the folder whose cache is used; by default the nearest cache above the run, and the user's own cache for a
    bundle. Raises `PxrError` if the folder has no finished run, or more than one; for a bundle that is damaged; and for
    any bundle unless `bundles`, for callers that write into the run directory.
    """
    folder = spell(path)
    if bundle.is_bundle(folder):
        if not bundles:
            bundle.refuse_bundle(folder)
        cache = rundir.cache_of(folder, runs) if runs is not None else rundir.default_cache()
        return FinishedRun(bundle.open_checked(folder, cache), cache)
    if not is_run(folder):
        folder = _only_run_below(path, folder, f"{ACCEPTED}; or a bundle" if bundles else ACCEPTED)
    if not is_finished(folder):
        raise PxrError(
            f"Run {str(path)!r} is not finished ({rundir.PREDICTIONS} is missing). The command that began it "
            "continues it."
        )
    return FinishedRun(folder, rundir.cache_of(folder, runs))


def open_directory(path: str | Path, runs: Path | None = None) -> RunDirectory:
    """Return the run directory in a folder, finished or not; the caller has checked `is_run`."""
    folder = spell(path)
    return RunDirectory(folder, rundir.cache_of(folder, runs))


def find_runs(folder: Path) -> list[Path]:
    """Return the run directories in or below a folder, sorted, finished or not; skip caches."""
    found = []
    for place, names, _ in os.walk(folder):
        if is_run(Path(place)):
            found.append(Path(place))
            names.clear()
        names[:] = sorted(name for name in names if name != rundir.CACHE)
    return found


def _only_run_below(path: str | Path, folder: Path, accepted: str) -> Path:
    finished = [run for run in find_runs(folder) if is_finished(run)] if folder.is_dir() else []
    if len(finished) == 1:
        return finished[0]
    if finished:
        names = shorten(finished, MOST_LISTED)
        raise PxrError(f"{str(path)!r} holds {len(finished)} finished runs; name one of them: {names}.")
    fault = f"{rundir.EXPERIMENT} is missing" if folder.exists() else "it does not exist"
    raise PxrError(f"{str(path)!r} is not a run directory ({fault}). Accepted: {accepted}.")
