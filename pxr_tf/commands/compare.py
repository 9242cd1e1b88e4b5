"""``pxr compare``: finished runs against the first of them."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def compare(options: OptionValues) -> None:
    """Compare finished runs with the first: differences with intervals, tests over patients and folds, seeds."""
    from pathlib import Path

    from pxr_tf.evidence.compare import compare_runs, write_comparison
    from pxr_tf.report.compared import print_comparison
    from pxr_tf.report.fitting import print_paths

    console = make_console()
    found = compare_runs(list(map(Path, options.run)))
    print_comparison(found, console)
    print_paths(console, "Table:", write_comparison(found, options.out))
