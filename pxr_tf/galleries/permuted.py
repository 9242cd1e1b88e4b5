"""Find the twin of a run, which learned permuted labels, or say why there is none."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pxr_tf import files, rundir
from pxr_tf.config.changes import recipe_changes, value_text
from pxr_tf.errors import PxrError, shorten
from pxr_tf.experiments.request import Request
from pxr_tf.runs.directory import is_finished
from pxr_tf.runs.finished import FinishedRun, open_run
from pxr_tf.runs.scheme import make_command

# Keys of a recipe in which a twin may differ: they decide no training, or are paths, whose content is compared.
MAY_DIFFER = {"permute_labels", "show", "published", "image.atlas", "image.masks", "model.weights"}
# Keys of provenance that decide training, and their words.
RECORDED = {"data_digest": "images", "weights": "initial weights", "lungs": "lungs"}
COMMAND = ". Train it with: "  # before the command in a note
MOST_NAMED = 4  # changes of a recipe that the note names


class Permuted(NamedTuple):
    """A finished run on permuted labels, or why there is none."""

    run: FinishedRun | None
    note: str  # the rest of a sentence about the check; "" if there is a run
    identity: str  # digest of its models; "" without a run

    @property
    def reason(self) -> str:
        """The note without the command, which names the run's folder."""
        return self.note.partition(COMMAND)[0]


def find_permuted(run: FinishedRun, folds: Sequence[str]) -> Permuted:
    """Return the twin next to a run: finished, trained in the same way on the same splits, with these folds' models."""
    own = run.folder.resolve()
    if run.recipe.permute_labels:
        return _none("this run itself learned permuted labels")
    if rundir.depth_of(own) != rundir.depth_of(Path()):
        return _none("a tuning point has no matching run on permuted labels")
    twin = Request(run.recipe.model_copy(update={"permute_labels": True}), (), Path()).folder
    if own.name != twin.name or len(own.parents) < rundir.depth_of(own):
        return _none(f"this run was moved to {own.name!r}, away from the run on permuted labels")
    folder = own.parents[1] / twin.parent.name / own.name
    if not is_finished(folder):
        return _none(f"no finished run on permuted labels is next to this one{COMMAND}{_command(run)}")
    found = open_run(folder)
    difference = _difference(run, found, folds)
    if difference:
        return _none(f"the run on permuted labels next to this one ({folder.parent.name}) {difference}")
    return Permuted(found, "", files.digest(*map(found.model_digest, folds)))


def _none(why: str) -> Permuted:
    return Permuted(None, f"not measured, because {why}.", "")


def _difference(run: FinishedRun, twin: FinishedRun, folds: Sequence[str]) -> str:
    """Return why the twin's models cannot be compared with the run's; "" if they can."""
    try:
        found, recorded = recipe_changes(run.recipe, twin.recipe), twin.provenance
    except PxrError:
        return "comes from another version of pxr"
    changes = [
        f"{key}: {value_text(theirs)} instead of {value_text(own)}"
        for key, (own, theirs) in found.items()
        if key not in MAY_DIFFER
    ]
    if changes:
        return f"has another recipe ({shorten(changes, MOST_NAMED, '; ')})"
    others = [words for key, words in RECORDED.items() if run.provenance.get(key) != recorded.get(key)]
    others += [] if run.splits.equals(twin.splits) else ["splits"]
    if others:
        return f"has other {', '.join(others)}"
    lacking = [fold for fold in folds if not twin.has_model(fold)]
    return f"has no model of {rundir.fold_name(lacking[0])}" if lacking else ""


def _command(run: FinishedRun) -> str:
    """Return the command that trains the twin, with the settings in the run's own file."""
    own = run.folder.resolve()
    variables = {
        "CONFIG": own / rundir.EXPERIMENT,
        "DATA": ",".join(map(str, run.provenance["data"])),
        "RUNS": own.parents[rundir.depth_of(own) - 1],
    }
    return f'{make_command(run.recipe, variables)} ARGS="--set permute_labels=true"'
