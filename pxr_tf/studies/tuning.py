"""A tuning: the points of a grid, each a run without test rows, and the best point as a recipe."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, dump_experiment, load_grid
from pxr_tf.config.tuning import EXAMPLE, Grid, make_points, parse_over
from pxr_tf.data.splits import FOLDS, SEVERAL_FOLDS
from pxr_tf.errors import PxrError, count_words, shown
from pxr_tf.experiments.request import Request
from pxr_tf.studies.experiments import ExperimentOptions
from pxr_tf.studies.ranking import TuningPoint, find_cautions, rank_points
from pxr_tf.vocabulary.values import TAG_BYTES

SET_BY_EPOCHS = re.compile(r"phases\.\d+\.(max_epochs|patience|keep)")  # what --epochs gives


class TuningPlan(NamedTuple):
    """The experiments of a tuning."""

    base: Experiment
    points: list[tuple[dict[str, Any], Experiment]]  # (dotted key -> value, the experiment with them)

    def requests(self, base: Request) -> list[tuple[TuningPoint, Request]]:
        """Return each point and its request; values and a digest of the experiment name the run directory."""
        found = []
        for values, experiment in self.points:
            name = rundir.point_name(values, experiment.model_dump_json())
            request = replace(base, experiment=experiment, tuning=base.tuning_folder / name)
            found.append((TuningPoint(values, name), request))
        return found


class Best(NamedTuple):
    """The best point of a tuning."""

    experiment: Experiment  # with a run directory of its own
    cautions: list[str]  # what makes the choice uncertain, a sentence each
    command: str  # trains it on the same rows and tests it


def plan_tuning(
    asked: ExperimentOptions, given: Mapping[str, Any], variant: str | None, over: Sequence[str] | None
) -> TuningPlan:
    """Return the points of the grid of the command line (`over`), else of the recipe.

    `given` is dotted key -> value, None if an option was not given. Raises `PxrError` if there is no grid, if folds
    are asked for, and if any of the experiments would be refused.
    """
    grid = parse_over(over) if over else load_grid(asked.recipe_name, variant=variant)
    if not grid:
        raise PxrError(
            f"There is nothing to tune: {asked.recipe_name} has no grid. Give --over "
            f"training.learning_rate=0.003,0.01,0.03 (OVER=...), or add tuning: {{{EXAMPLE}}} to the recipe."
        )
    if FOLDS in (given["splits.scheme"], asked.set_here.get("splits.scheme")):
        raise PxrError(SEVERAL_FOLDS)
    base = asked.experiment(given, variant)
    _check_free(asked, given, grid, [phase.name for phase in base.phases])
    return TuningPlan(base, [(values, asked.experiment(given, variant, values)) for values in make_points(grid)])


def _check_free(asked: ExperimentOptions, given: Mapping[str, Any], grid: Grid, phases: Sequence[str]) -> None:
    """Raise `PxrError` if the grid gives a key twice, or one that an option gives, too."""
    options = {key for key, value in given.items() if value is not None} | asked.set_here.keys()
    taken = {_numbered(key, phases): "another option" for key in options}
    for key, values in grid.items():
        same = _numbered(key, phases)
        if asked.epochs is not None and SET_BY_EPOCHS.fullmatch(same):
            taken[same] = "--epochs"
        if same in taken:
            raise PxrError(f"The grid gives {key} {shown(values)}, and so does {taken[same]}. Leave one of them out.")
        taken[same] = key


def _numbered(key: str, phases: Sequence[str]) -> str:
    """Return a dotted key with the number of a phase in place of its name: both address the same value."""
    section, _, rest = key.partition(".")
    name, _, field = rest.partition(".")
    return f"{section}.{phases.index(name)}.{field}" if section == "phases" and name in phases else key


def write_best(base: Request, points: Sequence[TuningPoint]) -> Best:
    """Write ``best.yaml`` and return what it holds; raise `PxrError` if every point failed."""
    names = rank_points([point for point in points if not point.failure] or points).path
    best = next(point for point in points if point.name == names[0])
    if best.failure:
        raise PxrError(f"No point of the grid could be trained. The first failed with: {best.failure}")
    experiment = _apart(best.run.recipe, base.experiment, best.name)
    file = base.tuning_folder / rundir.BEST
    command = " ".join(base.command.split())
    files.write_text(
        file, f"# The best of {count_words(len(points), 'point')}: {command}\n{dump_experiment(experiment)}"
    )
    return Best(experiment, find_cautions(points, best), _train_command(base, file))


def _apart(best: Experiment, base: Experiment, name: str) -> Experiment:
    """Return the best point's experiment, with its own run directory unless it equals the recipe's."""
    if best == base:
        return best
    tag = f"{best.tag}-{name}" if best.tag else name
    return best.model_copy(update={"tag": tag if len(tag.encode()) <= TAG_BYTES else name})


def _train_command(request: Request, file: Path) -> str:
    """Return the command that trains the best point on the same rows and tests it.

    It has several seeds if the data have an official test part. A random split has other test rows under each seed,
    and tuning has seen some of them.
    """
    words = ["pxr", "train", "--config", str(file), "--data", ",".join(map(str, request.data))]
    words += ["--runs", str(request.runs)] + ["--skip-unreadable"] * request.skip_unreadable
    seed = request.experiment.seed
    several = request.experiment.splits.scheme == "official"
    return shlex.join([*words, *(["--seeds", f"{seed},{seed + 1},{seed + 2}"] if several else [])])
