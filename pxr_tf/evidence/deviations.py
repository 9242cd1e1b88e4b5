"""How a run's recipe differs from its paper's protocol: the recipe in ``configs/`` that has the paper's name.

Data are not compared, nor what decides only names, drawings or last digits.
"""

from pathlib import Path

import pandas as pd

from pxr_tf import files
from pxr_tf.config import Change, Experiment, configs_folder, list_changes, load_experiment, recipe_changes
from pxr_tf.config.changes import RecipeChanges
from pxr_tf.config.protocol import paper_setting
from pxr_tf.data.schemes import options_of
from pxr_tf.errors import PxrError
from pxr_tf.evaluation import published
from pxr_tf.runs.directory import is_run
from pxr_tf.runs.finished import FinishedRun, open_directory
from pxr_tf.runs.scheme import scheme_options
from pxr_tf.vocabulary.model import OnFeatures

DEVIATIONS = "deviations.csv"
COLUMNS = ("key", "paper", "ours")
NOT_COMPARED = ("name", "variant", "published", "tag", "seed", "show", "permute_labels")
NOT_COMPARED += ("image.atlas", "training.xla", "training.threads")  # an atlas is data
SPLITS_OF_ALL = ("scheme", "test_rows", "nested")  # keys of splits that are compared under every scheme


def has_protocol(run: FinishedRun) -> bool:
    """Return whether the run has a paper whose recipe has the run's variant."""
    return _protocol_of(run.recipe) is not None


def write_deviations(run: FinishedRun) -> None:
    """Write ``deviations.csv``, only a header if nothing differs; remove it if the run has no paper (any more)."""
    if has_protocol(run):
        files.write_csv(run.folder / DEVIATIONS, pd.DataFrame(find_deviations(run), columns=list(COLUMNS)))
    else:
        (run.folder / DEVIATIONS).unlink(missing_ok=True)


def deviations_are_current(run: FinishedRun) -> bool:
    """Return whether ``deviations.csv`` says how the run differs from the paper's recipe of today."""
    return read_deviations(run) == find_deviations(run)


def read_deviations(run: FinishedRun) -> list[Change]:
    """Return the rows of ``deviations.csv``; none if the run has no paper."""
    if not (run.folder / DEVIATIONS).exists():
        return []
    table = files.read_csv(run.folder / DEVIATIONS, COLUMNS)
    return [Change(*row) for row in table[list(COLUMNS)].itertuples(index=False)]


def deviation_note(changes: list[Change]) -> str:
    """Return the deviations as one note for under a table; "" if there are none."""
    return f"Differs from the paper's protocol (paper -> ours): {'; '.join(map(str, changes))}." if changes else ""


def find_deviations(run: FinishedRun) -> list[Change]:
    """Return what differs from the paper's protocol; of two stages, stage one's deviations follow, with its name."""
    paper = _protocol_of(run.recipe)
    if paper is None:
        return []
    own = _compare(paper, run.recipe)
    if not isinstance(paper.model, OnFeatures) or "first" not in run.provenance:
        return own
    place, name = run.folder / run.provenance["first"]["run"], paper.model.of
    if not is_run(place):
        return [*own, Change(name, "known", "unknown: its folder is gone")]
    before = load_experiment(_recipe_file(paper), paper_setting(_recipe_file(paper)), variant=name)
    of_one = [change for change in _compare(before, open_directory(place).recipe) if change not in own]
    return [*own, *(change._replace(key=f"{name} {change.key}") for change in of_one)]


def _protocol_of(experiment: Experiment) -> Experiment | None:
    """Return the paper's experiment for the same variant, with this model if the paper has figures for it."""
    if experiment.published is None or experiment.permute_labels:
        return None
    file = _recipe_file(experiment)
    try:
        paper = load_experiment(file, paper_setting(file), variant=experiment.variant)
        if paper.backbone and experiment.backbone in _models_of(experiment):
            own = {"model.backbone": experiment.backbone}
            paper = load_experiment(file, paper_setting(file) | own, variant=experiment.variant)
    except PxrError:  # the paper has no recipe, or its recipe has no such variant
        return None
    return paper


def _models_of(experiment: Experiment) -> set[str | None]:
    rows = published.read_papers()[experiment.published].rows
    return {row.entry.model for row in rows if row.entry.variant == experiment.variant}


def _recipe_file(experiment: Experiment) -> Path:
    return configs_folder() / f"{experiment.published}.yaml"


def _compare(paper: Experiment, ours: Experiment) -> list[Change]:
    found = recipe_changes(paper, ours)
    if "image.masks" in found:  # where they are does not count
        found["image.masks"] = tuple(masks and "given masks" for masks in found["image.masks"])
    counted = {key: pair for key, pair in found.items() if _counts(key, found, paper, ours)}
    return list_changes(counted, paper, ours)


def _counts(key: str, found: RecipeChanges, paper: Experiment, ours: Experiment) -> bool:
    """Return whether a difference is one of protocol: not the order of classes, nor an option that one does not use."""
    room, _, name = key.partition(".")
    if room == "splits" and name not in SPLITS_OF_ALL:
        used = all(name in options_of(one.splits.scheme) for one in (paper, ours))
        return used and scheme_options(ours).get(name) is not None
    if key == "classes":
        return set(found[key][0]) != set(found[key][1])
    return key not in NOT_COMPARED and found[key][0] != found[key][1]
