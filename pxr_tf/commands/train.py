"""``pxr train``: train and test on one split."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import seeds_of, split_of
from pxr_tf.commands.running import run_seeds


@takes_options
def train(options: OptionValues) -> None:
    """Train on one split, test on its test part and print the table; each seed is a run."""
    run_seeds(*split_of(options), seeds_of(options.seed, options.seeds))
