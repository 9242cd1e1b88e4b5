"""``pxr cv``: cross-validate."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import cross_validation_of, seeds_of
from pxr_tf.commands.running import run_seeds


@takes_options
def cv(options: OptionValues) -> None:
    """Cross-validate a backbone with a variant of a recipe and print its table next to the paper's."""
    run_seeds(*cross_validation_of(options), seeds_of(options.seed, options.seeds))
