"""``pxr cv``: cross-validate."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import asked_of, seeds_of, variant_of
from pxr_tf.commands.running import run_seeds


@takes_options
def cv(options: OptionValues) -> None:
    """Cross-validate a backbone with a variant of a recipe and print its table next to the paper's."""
    given = options.keys_given() | {"splits.scheme": "folds"}
    variant = variant_of(options.strategy, options.variant)
    run_seeds(asked_of(options), given, variant, seeds_of(options.seed, options.seeds))
