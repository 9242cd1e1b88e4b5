"""``pxr cv``: cross-validate."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import ExperimentOptions
from pxr_tf.commands.option_meanings import seeds_of, variant_of
from pxr_tf.commands.running import make_console, run_seeds


@takes_options
def cv(options: OptionValues) -> None:
    """Cross-validate a backbone under a variant of a recipe and print the table beside the paper's."""
    console = make_console()
    given = options.keys_given() | {"splits.scheme": "folds"}
    asked = ExperimentOptions.of(options)
    chosen = variant_of(options.strategy, options.variant)
    seeds = seeds_of(options.seed, options.seeds)
    experiments = [asked.experiment(given | {"seed": number}, chosen) for number in seeds]
    run_seeds(asked.requests(experiments, console), console)
