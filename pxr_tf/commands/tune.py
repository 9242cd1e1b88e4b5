"""``pxr tune``: train every point of a grid on one split, and rank the points on its validation rows."""

from dataclasses import replace
from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import asked_of, choose_split
from pxr_tf.commands.running import exit_if_failed, make_console, run_requests, run_study
from pxr_tf.errors import count_words

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.experiments.request import Request
    from pxr_tf.studies.ranking import TuningPoint
    from pxr_tf.studies.run_all import Outcome
    from pxr_tf.studies.tuning import Best, TuningPlan


@takes_options
def tune(options: OptionValues) -> None:
    """Train every point of a grid, rank the points by validation loss, and print how to train the best."""
    from pxr_tf.studies.tuning import plan_tuning, write_best

    console, variant = make_console(), options.variant
    asked, given = choose_split(asked_of(options), options.keys_given(), variant)
    plan = plan_tuning(asked, given, variant, options.over)
    (request,) = asked.requests([plan.base], console.print)
    points = _run_points(plan, request, console)
    best = write_best(request, points)
    _print_best(best, request, console)
    if options.train:
        run_requests([replace(request, experiment=best.experiment)], console)
    exit_if_failed(points, console)


def _run_points(plan: "TuningPlan", base: "Request", console: "Console") -> "list[TuningPoint]":
    """Train the points that are not finished; write ``tuning.csv`` after each and print it at the end."""
    from pxr_tf.commands.screen import outline_of
    from pxr_tf.report.tuning import print_ranking
    from pxr_tf.studies.ranking import write_points

    planned = plan.requests(base)
    console.print(f"{outline_of(plan.base).title}: tuning, {count_words(len(planned), 'point')}", markup=False)
    points = {request.folder: point for point, request in planned}
    titles = {
        request.folder: f"Point {number} of {len(planned)}: {point.title}"
        for number, (point, request) in enumerate(planned, start=1)
    }

    names = {request.folder: point.title for point, request in planned}

    def all_points() -> "list[TuningPoint]":
        return [points[request.folder] for _, request in planned]

    def show(outcome: "Outcome") -> None:
        folder = outcome.request.folder
        points[folder] = points[folder]._replace(run=outcome.run, failure=outcome.failure)
        write_points(base.tuning_folder, [point for point in all_points() if point.run or point.failure])

    run_study([request for _, request in planned], console, titles=titles, names=names, results=False, on_outcome=show)
    print_ranking(all_points(), console)
    return all_points()


def _print_best(best: "Best", base: "Request", console: "Console") -> None:
    """Print what makes the choice uncertain, where all points are, and how to train the best."""
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.rundir import TUNING_TABLE

    for caution in best.cautions:
        console.print(f"Note: {caution}", markup=False)
    print_paths(console, "All points are in:", base.tuning_folder / TUNING_TABLE)
    print_paths(console, "To train and test the best:", best.command)
