"""``pxr train``: train and test on one split."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import ExperimentOptions
from pxr_tf.commands.one_split import choose_split
from pxr_tf.commands.option_meanings import seeds_of, variant_of
from pxr_tf.commands.running import make_console, run_seeds


@takes_options
def train(options: OptionValues) -> None:
    """Train on one split, test on its test part and print the table; one run per seed."""
    console = make_console()
    chosen = variant_of(options.strategy, options.variant)
    asked, given = choose_split(ExperimentOptions.of(options), options.keys_given(), chosen)
    seeds = seeds_of(options.seed, options.seeds)
    experiments = [asked.experiment(given | {"seed": number}, chosen) for number in seeds]
    run_seeds(asked.requests(experiments, console), console)
