"""``pxr train``: train and test on one split."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import asked_of, choose_split, seeds_of, variant_of
from pxr_tf.commands.running import run_seeds


@takes_options
def train(options: OptionValues) -> None:
    """Train on one split, test on its test part and print the table; each seed is a run."""
    variant = variant_of(options.strategy, options.variant)
    asked, given = choose_split(asked_of(options), options.keys_given(), variant)
    run_seeds(asked, given, variant, seeds_of(options.seed, options.seeds))
