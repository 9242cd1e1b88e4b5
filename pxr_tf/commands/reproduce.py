"""``pxr reproduce``: all runs of a paper."""

from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import asked_of, seeds_of
from pxr_tf.commands.running import exit_if_failed, make_console, print_page, run_study
from pxr_tf.errors import count_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from pxr_tf.experiments.request import Request
    from pxr_tf.studies.paper import PaperPlan
    from pxr_tf.studies.run_all import Outcome


@takes_options
def reproduce(options: OptionValues) -> None:
    """Run every variant of a paper with every seed, and print the table next to the paper's."""
    from pxr_tf.studies.paper import plan_paper

    console, asked = make_console(), asked_of(options)
    seeds = None if options.seeds is None else seeds_of(None, options.seeds)
    plan = plan_paper(asked, options.keys_given(), options.model, seeds)
    requests = asked.requests(plan.experiments, console.print)
    variants = ", ".join(dict.fromkeys(run.variant for run in plan.runs))
    console.print(f"{plan.experiments[0].name}: {count_words(len(requests), 'run')}, of {variants}.")
    for variant, why in {run.variant: run.failure for run in plan.lacking}.items():
        console.print(f"{variant} failed: {why}", markup=False)
    _run_all(plan, requests, console)


def _run_all(plan: "PaperPlan", requests: "Sequence[Request]", console: "Console") -> None:
    """Run all requests, print the paper's table, and write it and its page; exit with 1 if any failed."""
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.page.study import PAPER, paper_sections
    from pxr_tf.report.page.write import check_runs, write_page
    from pxr_tf.report.reproduced import print_paper, print_run
    from pxr_tf.studies.paper_tables import write_paper

    runs = dict(zip([request.folder for request in requests], plan.runs, strict=True))

    def show(outcome: "Outcome") -> None:
        folder = outcome.request.folder
        runs[folder] = runs[folder]._replace(run=outcome.run, failure=outcome.failure)
        print_run(runs[folder], console)

    run_study(requests, console, names={folder: run.title for folder, run in runs.items()}, on_outcome=show)
    done = [*runs.values(), *plan.lacking]
    written = write_paper(requests[0].runs / requests[0].experiment.name, done)
    print_paper(done, console)
    if written.files:
        print_paths(console, "Tables:", *written.files)
        check_runs([run.run for run in done if run.run])
        title = f"{plan.experiments[0].name}: {count_words(len(done), 'run')} of the paper"
        print_page(write_page(title, paper_sections(done), written.files[0].parent / PAPER), console)
    if written.kept:
        console.print(f"Rows from more seeds than these were not changed: {written.kept}.")
    exit_if_failed(done, console)
