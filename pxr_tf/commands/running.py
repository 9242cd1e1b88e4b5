"""Run requests, show their progress and print where a page is: shared by the commands that train or report."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.events import OnEvent
    from pxr_tf.experiments.request import Request
    from pxr_tf.report.page.write import Written
    from pxr_tf.report.progress import Display
    from pxr_tf.runs.finished import FinishedRun
    from pxr_tf.studies.experiments import ExperimentOptions
    from pxr_tf.studies.run_all import Outcome
    from pxr_tf.tasks import Executor

Result = TypeVar("Result")


class Ended(Protocol):
    """A run of a study that has ended: its title, and why it failed ("" if it did not)."""

    title: str
    failure: str


def make_console(*, error: bool = False) -> "Console":
    """Return the console for a command's output, or for its `error` output; it never breaks a word."""
    from pxr_tf.report.fitting import Screen

    return Screen(highlight=False, stderr=error)


def run_seeds(
    asked: "ExperimentOptions", given: Mapping[str, Any], variant: str | None, seeds: Sequence[int | None]
) -> None:
    """Run one experiment with each seed (None: the recipe's own); print each table, and a summary over seeds.

    `given` is dotted key -> value, None if an option was not given. Exits with 1 if a run failed.
    """
    console = make_console()
    experiments = [asked.experiment({**given, "seed": seed}, variant) for seed in seeds]
    run_requests(asked.requests(experiments, console.print), console)


def run_requests(requests: Sequence["Request"], console: "Console") -> None:
    """Run requests that differ in their seed; print the table of each, and a summary over seeds."""
    from pxr_tf.evidence.seeds import summarise_runs, write_seeds
    from pxr_tf.report.results import print_results, print_seeds

    def show(outcome: "Outcome") -> None:
        if outcome.run is not None:
            print_results(outcome.run, console)

    outcomes = run_study(requests, console, on_outcome=show)
    runs = {outcome.request.experiment.seed: outcome.run for outcome in outcomes if outcome.run is not None}
    if len(runs) > 1:
        seeds = summarise_runs(runs)
        console.print()
        print_seeds(seeds, console)
        if not write_seeds(seeds, next(iter(runs.values())).folder.parent):
            console.print("seeds.csv was not changed: it has more seeds than these.")
    exit_if_failed(outcomes, console)


def run_study(
    requests: Sequence["Request"],
    console: "Console",
    *,
    titles: Mapping[Path, str] | None = None,
    names: Mapping[Path, str] | None = None,
    results: bool = True,
    on_outcome: "Callable[[Outcome], None]" = lambda outcome: None,
) -> "list[Outcome]":
    """Run all requests, show their progress, and write the tables of each run; return the outcomes.

    `titles` (by run directory) replace the titles from the recipe, and `names` the short titles of `Outcome`. Without
    `results` no tables are written: a tuning point has no test rows. A failure is printed when it happens.
    """
    from pxr_tf.commands.screen import StudyScreen
    from pxr_tf.executors.choose import choose_executor, has_nodes
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.results import is_written, write_results
    from pxr_tf.studies.run_all import run_all

    requests = [replace(request, results_by_task=results and has_nodes()) for request in requests]
    screen = StudyScreen(requests, console, titles or {}, boards=results)

    def complete(request: "Request", run: "FinishedRun") -> None:
        screen.end(request, run)
        if not results:
            return
        if not is_written(run, request.figures):
            write_results(run, request.figures)
        elif not screen.had_tasks(request):
            print_paths(console, "Nothing to do: this run is finished:", run.folder)

    def end(outcome: "Outcome") -> None:
        screen.stop(outcome.request)
        on_outcome(outcome)
        screen.say_end(outcome.request, (names or {}).get(outcome.request.folder, outcome.title), outcome.failure)

    with screen:
        return run_all(requests, choose_executor(), screen.show, complete, end)


def show_work(title: str, console: "Console", work: "Callable[[Executor, OnEvent], Result]") -> Result:
    """Return what `work` returns, which gets an executor and a listener; show its progress under a title."""
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.progress import Display

    with Display(Outline(title), console) as display:
        return work(choose_executor(), lambda event: show_task(display, event))


def show_task(display: "Display", event: Mapping[str, Any]) -> None:
    """Show an event, except that a task starts or ends: the display would take it for training."""
    if event["event"] not in ("start", "end"):
        display.show(event)


def print_page(written: "Written", console: "Console") -> None:
    """Print where a report is, and what is next to it."""
    from pxr_tf.errors import count_words
    from pxr_tf.report.fitting import print_paths

    print_paths(console, f"Wrote the report ({written.size / 1e3:,.0f} kB):", written.page)
    files = f"{count_words(written.tables, 'table')} and {count_words(written.figures, 'figure')}"
    console.print(f"Next to it are {files}, in tables/ and figures/.")


def exit_if_failed(runs: "Sequence[Ended]", console: "Console") -> None:
    """Print which runs failed and exit; do nothing if none failed. Why was printed when they failed."""
    from pxr_tf.errors import WORK_FAILED, count_words

    failed = [run for run in runs if run.failure]
    if not failed:
        return
    console.print(f"\n{len(failed)} of {count_words(len(runs), 'run')} failed:")
    for run in failed:
        console.print(run.title, markup=False)
    sys.exit(WORK_FAILED)
