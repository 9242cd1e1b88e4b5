"""``pxr cv``: cross-validate."""

from pathlib import Path

from pxr_tf.commands import options as o
from pxr_tf.commands.running import make_console, run_seeds


def cv(
    model: o.ModelName = None,
    strategy: o.Strategy = None,
    variant: o.Variant = None,
    data: o.Data = None,
    weights: o.Weights = None,
    crop: o.Crop = None,
    atlas: o.Atlas = None,
    config: o.Config = None,
    classes: o.Classes = None,
    folds: o.Folds = None,
    seed: o.Seed = None,
    seeds: o.Seeds = None,
    runs: o.Runs = Path("runs"),
    epochs: o.Epochs = None,
    test_rows: o.TestRows = None,
    nested: o.Nested = False,
    skip_unreadable: o.SkipUnreadable = False,
    duplicates: o.Duplicates = None,
    mix_environments: o.MixEnvironments = False,
    overrides: o.Overrides = None,
) -> None:
    """Cross-validate a backbone under a variant of a recipe and print the table beside the paper's."""
    console = make_console()
    given = {
        "model.backbone": model,
        "model.weights": weights,
        "image.crop": crop,
        "image.atlas": atlas,
        "splits.scheme": "folds",
        "splits.folds": folds,
        "splits.test_rows": test_rows,
        "splits.nested": nested or None,
        "duplicates": duplicates,
    }
    beside = (skip_unreadable, mix_environments)
    asked = o.Asked(data, config, runs, classes, epochs, overrides, *beside)
    chosen = o.variant_of(strategy, variant)
    experiments = [asked.experiment(given | {"seed": number}, chosen) for number in o.seeds_of(seed, seeds)]
    run_seeds(asked.requests(experiments, console), console)
