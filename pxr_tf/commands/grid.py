"""``pxr grid``: cross-validate several backbones with several strategies."""

from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import asked_of
from pxr_tf.commands.running import exit_if_failed, make_console, print_page, run_study
from pxr_tf.errors import PxrError, count_words, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from pxr_tf.experiments.request import Request
    from pxr_tf.studies.run_all import Outcome


@takes_options
def grid(options: OptionValues) -> None:
    """Estimate how long every backbone takes with every strategy, then cross-validate those not yet finished."""
    from pxr_tf.config.comma_lists import split_words

    console = make_console()
    given = options.keys_given() | {"splits.scheme": "folds"}
    asked = asked_of(options)
    experiments = [
        asked.experiment(given | {"model.backbone": model}, f"strategy{number}")
        for model in dict.fromkeys(split_words(options.models))
        for number in _split_numbers(options.strategies)
    ]
    if not experiments:
        raise PxrError(
            f"--models received {options.models!r}; accepted: backbones, comma-separated, e.g. xception,resnet50."
        )
    requests = asked.requests(experiments, console.print)
    _announce(requests, console)
    _run_cells(requests, console)


def _run_cells(requests: "Sequence[Request]", console: "Console") -> None:
    """Run the cells, print the grid after each, and write its page; exit with 1 if any failed."""
    from pxr_tf.report.grid import GridCell, print_cells
    from pxr_tf.report.page.study import GRID, grid_sections
    from pxr_tf.report.page.write import check_runs, write_page
    from pxr_tf.runs.info import info_of

    cells = {request.folder: GridCell(info_of(request.experiment)) for request in requests}

    def show(outcome: "Outcome") -> None:
        folder = outcome.request.folder
        cells[folder] = cells[folder]._replace(run=outcome.run, failure=outcome.failure)
        console.print()
        print_cells(console, list(cells.values()))

    outcomes = run_study(requests, console, on_outcome=show)
    finished = [cell.run for cell in cells.values() if cell.run]
    if finished:
        check_runs(finished)
        name = requests[0].experiment.name
        title = f"{name}: grid of {count_words(len(cells), 'run')}"
        folder = requests[0].runs / name / GRID
        print_page(write_page(title, grid_sections(list(cells.values())), folder), console)
    exit_if_failed(outcomes, console)


def _announce(requests: "Sequence[Request]", console: "Console") -> None:
    """Print about how long the unfinished cells will take, estimated from a few real steps per backbone."""
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.report.grid import print_estimates
    from pxr_tf.studies.estimate import estimate_grid

    executor = choose_executor()
    try:
        estimates = estimate_grid(requests, executor, lambda text: console.print(text, markup=False))
    finally:
        executor.close()
    if estimates:
        print_estimates(console, estimates)


def _split_numbers(text: str) -> list[int]:
    from pxr_tf.config.comma_lists import whole_numbers

    numbers = whole_numbers(text)
    if not numbers:
        raise PxrError(f"--strategies received {shown(text)}; accepted: whole numbers, comma-separated, e.g. 1,2,3.")
    return list(dict.fromkeys(numbers))
