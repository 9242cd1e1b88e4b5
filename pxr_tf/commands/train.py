"""``pxr train``: train and test on one split."""

from pathlib import Path

from pxr_tf.commands import one_split as split
from pxr_tf.commands import options as o
from pxr_tf.commands.running import make_console, run_seeds


def train(
    model: o.ModelName = None,
    strategy: o.Strategy = None,
    variant: o.Variant = None,
    scheme: split.Scheme = None,
    validation: split.Validation = None,
    unit: split.Unit = None,
    data: o.Data = None,
    weights: o.Weights = None,
    crop: o.Crop = None,
    atlas: o.Atlas = None,
    config: o.Config = None,
    classes: o.Classes = None,
    seed: o.Seed = None,
    seeds: o.Seeds = None,
    runs: o.Runs = Path("runs"),
    epochs: o.Epochs = None,
    skip_unreadable: o.SkipUnreadable = False,
    duplicates: o.Duplicates = None,
    mix_environments: o.MixEnvironments = False,
    overrides: o.Overrides = None,
) -> None:
    """Train on one split, test on its test part and print the table; one run per seed."""
    console = make_console()
    beside = (skip_unreadable, mix_environments)
    asked = o.Asked(data, config, runs, classes, epochs, overrides, *beside)
    chosen = o.variant_of(strategy, variant)
    asked, chosen_split = split.choose_split(asked, chosen, scheme, validation, unit)
    given = {"model.backbone": model, "model.weights": weights, "duplicates": duplicates} | chosen_split
    given |= {"image.crop": crop, "image.atlas": atlas}
    experiments = [asked.experiment(given | {"seed": number}, chosen) for number in o.seeds_of(seed, seeds)]
    run_seeds(asked.requests(experiments, console), console)
