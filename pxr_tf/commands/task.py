"""``pxr task``: do one task of a plan, for another scheduler than our own."""

from functools import partial

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_work


@takes_options
def task(options: OptionValues) -> None:
    """Do one task of a plan (`pxr plan --json`). Other tasks may run at the same time on machines that share RUNS."""
    from pxr_tf.studies.plan_all import do_planned, find_planned

    found = find_planned(options.plan, options.number)
    show_work(f"Task {options.number}, {found.name}:\n{found.run}", make_console(), partial(do_planned, found))
