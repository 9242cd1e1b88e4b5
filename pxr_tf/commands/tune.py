"""``pxr tune``: try the points of a grid on the training part of a split, and rank them on its validation rows."""

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf import files, rundir
from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import ExperimentOptions
from pxr_tf.commands.one_split import choose_split
from pxr_tf.commands.running import make_console, run_seeds, run_study
from pxr_tf.errors import PxrError, count_words, shown

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.config import Experiment
    from pxr_tf.experiments.request import Request
    from pxr_tf.studies.ranking import TuningPoint
    from pxr_tf.studies.run_all import Outcome

SET_BY_EPOCHS = re.compile(r"phases\.\d+\.(max_epochs|patience|keep)")  # what --epochs gives


@takes_options
def tune(options: OptionValues) -> None:
    """Train every point of a grid, rank them by their validation loss, and hand the best to `train`."""
    console = make_console()
    variant = options.variant
    asked, given = choose_split(ExperimentOptions.of(options), options.keys_given(), variant)
    grid = _read_grid(asked, variant, options.over)
    _check_free(asked, given, grid)
    base = asked.experiment(given, variant)
    experiments = _make_points(asked, given, variant, grid)
    (request,) = asked.requests([base], console)
    points = _run_points(request, experiments, console)
    best = _hand_over(request, points, console)
    if options.train:
        run_seeds([replace(request, experiment=best)], console)
    if any(point.failure for point in points):
        sys.exit(1)


def _read_grid(asked: ExperimentOptions, variant: str | None, over: list[str] | None) -> dict[str, list[Any]]:
    """Return the grid of the command line, else the recipe's; raise `PxrError` where there is none."""
    from pxr_tf.config import load_grid
    from pxr_tf.config.tuning import EXAMPLE, parse_over

    grid = parse_over(over) if over else load_grid(asked.config_name, variant=variant)
    if not grid:
        raise PxrError(
            f"There is nothing to tune: {asked.config_name} has no grid of its own. Say --over "
            f"training.learning_rate=0.003,0.01,0.03 (OVER=...), or write tuning: {{{EXAMPLE}}} into the recipe."
        )
    return grid


def _check_free(asked: ExperimentOptions, given: Mapping[str, Any], grid: Mapping[str, list[Any]]) -> None:
    """Raise `PxrError` where folds are asked for, or where an option gives a key that the grid gives, too."""
    from pxr_tf.config import parse_override
    from pxr_tf.data.splits import FOLDS, SEVERAL_FOLDS

    set_here = dict(parse_override(text) for text in asked.overrides or [])
    if FOLDS in (given["splits.scheme"], set_here.get("splits.scheme")):
        raise PxrError(SEVERAL_FOLDS)
    taken = {key for key, value in given.items() if value is not None} | set_here.keys()
    for key, values in grid.items():
        if key in taken or (asked.epochs is not None and SET_BY_EPOCHS.fullmatch(key)):
            raise PxrError(f"The grid gives {key} {shown(values)}, and so does another option. Leave one of them out.")


def _make_points(
    asked: ExperimentOptions, given: Mapping[str, Any], variant: str | None, grid: Mapping[str, list[Any]]
) -> list[tuple[dict[str, Any], "Experiment"]]:
    """Return (values, experiment) of each point; all are validated, or `PxrError` is raised, before any is trained."""
    from pxr_tf.config.tuning import make_points

    return [(values, asked.experiment(given, variant, values)) for values in make_points(grid)]


def _run_points(
    request: "Request", points: list[tuple[dict[str, Any], "Experiment"]], console: "Console"
) -> list["TuningPoint"]:
    """Train the points that are missing; write ``tuning.csv`` after each and print it at the end."""
    from pxr_tf.commands.screen import outline_of
    from pxr_tf.report.tuning import print_ranking
    from pxr_tf.studies.ranking import TuningPoint, describe_values, write_points

    folder = request.tuning_folder
    console.print(f"{outline_of(request.experiment).title}: tuning, {count_words(len(points), 'point')}", markup=False)
    requests, titles, values_of = [], {}, {}
    for number, (values, experiment) in enumerate(points, start=1):
        place = folder / rundir.point_name(values, experiment.model_dump_json())
        requests.append(replace(request, experiment=experiment, tuning=place))
        titles[place], values_of[place] = f"Point {number} of {len(points)}: {describe_values(values)}", values
    done: dict[Path, TuningPoint] = {}

    def show(outcome: "Outcome") -> None:
        place = outcome.request.folder
        done[place] = TuningPoint(values_of[place], place.name, outcome.run, outcome.failure)
        write_points(folder, [done[one.folder] for one in requests if one.folder in done])

    run_study(requests, console, titles=titles, results=False, on_outcome=show)
    found = [done[one.folder] for one in requests]
    print_ranking(found, console)
    return found


def _hand_over(request: "Request", points: list["TuningPoint"], console: "Console") -> "Experiment":
    """Write ``best.yaml``, print how to train it, and return it; raise `PxrError` where every point failed."""
    from pxr_tf.config import dump_experiment
    from pxr_tf.studies.ranking import find_cautions, rank_points

    names = rank_points([point for point in points if not point.failure] or points).path
    best = next(point for point in points if point.name == names[0])
    if best.failure:
        raise PxrError(f"No point of the grid could be trained; the first one failed so: {best.failure}")
    for caution in find_cautions(points, best):
        console.print(f"Note: {caution}", markup=False)
    experiment = _apart(best.run.recipe, request.experiment, best.name)
    file = request.tuning_folder / rundir.BEST
    command = " ".join(request.command.split())
    files.write_text(file, f"# The best of {len(points)} points: {command}\n{dump_experiment(experiment)}")
    console.print(f"All points are in {request.tuning_folder / rundir.TUNING_TABLE}", markup=False, soft_wrap=True)
    console.print(f"To train and test the best: {_train_command(request, file)}", markup=False, soft_wrap=True)
    return experiment


def _apart(best: "Experiment", base: "Experiment", name: str) -> "Experiment":
    """Return the best point's experiment, with a run directory of its own unless it is the recipe as it stands."""
    from pxr_tf.vocabulary.values import TAG_BYTES

    if best == base:
        return best
    tag = f"{best.tag}-{name}" if best.tag else name
    return best.model_copy(update={"tag": tag if len(tag.encode()) <= TAG_BYTES else name})


def _train_command(request: "Request", file: Path) -> str:
    """Return the command that trains the best point on the very same rows and tests it.

    With the data's own test part, several seeds; a random split has other test rows under each seed, of which tuning
    has seen some.
    """
    words = ["pxr", "train", "--config", str(file), "--data", ",".join(map(str, request.data))]
    words += ["--runs", str(request.runs)] + ["--skip-unreadable"] * request.skip_unreadable
    seed = request.experiment.seed
    several = request.experiment.splits.scheme == "official"
    return shlex.join([*words, *(["--seeds", f"{seed},{seed + 1},{seed + 2}"] if several else [])])
