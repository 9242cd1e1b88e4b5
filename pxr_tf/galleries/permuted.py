"""The twin of a run, which learned permuted labels: where it is, and what to say where there is none."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, load_experiment
from pxr_tf.data.splits import FOLDS, read_splits
from pxr_tf.errors import PxrError
from pxr_tf.experiments.request import Request
from pxr_tf.runs.provenance import read_provenance

SAME = ("classes", "model", "image", "splits", "phases")  # what a twin must have as the run has it


class Permuted(NamedTuple):
    """A finished run on permuted labels, or why there is none."""

    run: Path | None
    note: str  # the rest of a sentence about the check; "" where there is a run
    identity: str  # of its models; "" where there is none


def find_permuted(run: Path, experiment: Experiment, folds: Sequence[str]) -> Permuted:
    """Return the twin of a run that lies beside it; it must be finished, have these folds' models, and split alike."""
    if experiment.permute_labels:
        return _none("this run itself learned permuted labels")
    if rundir.depth_of(run) != rundir.depth_of(Path()):
        return _none("points of a tuning have no twin that learned permuted labels")
    own = run.absolute()
    twin = experiment.model_copy(update={"permute_labels": True})
    folder = own.parents[1] / Request(twin, (), Path()).folder.parent.name / own.name
    if not (folder / rundir.PREDICTIONS).is_file():
        command = _command(run, experiment)
        return _none(f"no finished run on permuted labels lies beside this one. This makes it: {command}")
    difference = _difference(run, folder, folds)
    if difference:
        return _none(f"the run on permuted labels beside this one ({folder.parent.name}) {difference}")
    return Permuted(folder, "", files.digest(*(rundir.digest_model(folder, fold) for fold in folds)))


def _none(why: str) -> Permuted:
    return Permuted(None, f"was not measured: {why}.", "")


def _difference(run: Path, twin: Path, folds: Sequence[str]) -> str:
    """Return why the twin's models cannot be compared with the run's; "" where they can."""
    try:
        ours, theirs = (load_experiment(folder / rundir.EXPERIMENT) for folder in (run, twin))
    except PxrError:
        return "is of another version of pxr"
    differing = [name for name in SAME if getattr(ours, name) != getattr(theirs, name)]
    if differing:
        return f"has other settings ({', '.join(differing)})"
    if not read_splits(run / rundir.SPLITS).equals(read_splits(twin / rundir.SPLITS)):
        return "has other splits"
    lacking = [fold for fold in folds if not rundir.model_file(twin, fold).is_file()]
    return f"has no model of {rundir.fold_name(lacking[0])}" if lacking else ""


def _command(run: Path, experiment: Experiment) -> str:
    """Return the command that trains the twin; the run's own file knows its settings."""
    data = read_provenance(run).get("data", [])
    runs = run.absolute().parents[rundir.depth_of(run) - 1]
    variables = {"CONFIG": run / rundir.EXPERIMENT, "DATA": ",".join(map(str, data)), "RUNS": runs}
    words = shlex.join(f"{name}={value}" for name, value in variables.items() if str(value))
    target = "cv" if experiment.splits.scheme == FOLDS else "train"
    return f'make {target} {words} ARGS="--set permute_labels=true"'
