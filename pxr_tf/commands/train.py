"""``pxr train``: train and test on one split."""

from pathlib import Path
from typing import Annotated

import typer

from pxr_tf.commands import options as o
from pxr_tf.commands.running import make_console, run_seeds

OFFICIAL_PHANTOMS = "bacterial,normal,viral"  # the phantoms that come with an official test part


def train(
    model: o.ModelName = None,
    strategy: o.Strategy = None,
    variant: o.Variant = None,
    scheme: Annotated[str, typer.Option(help="official: the data's own test part; random: shares.")] = "official",
    validation: Annotated[float | None, typer.Option(help="Share, or number of images, that validates.")] = None,
    unit: Annotated[str | None, typer.Option(help="For random: patient, or image as papers did (leaky).")] = None,
    data: o.Data = None,
    weights: o.Weights = None,
    config: o.Config = None,
    classes: o.Classes = None,
    seed: o.Seed = None,
    seeds: o.Seeds = None,
    runs: o.Runs = Path("runs"),
    epochs: o.Epochs = None,
    skip_unreadable: o.SkipUnreadable = False,
    keep_duplicates: o.KeepDuplicates = False,
    overrides: o.Overrides = None,
) -> None:
    """Train on one split and print what its test part says; one run per seed."""
    console = make_console()
    given = {
        "model.backbone": model,
        "model.weights": weights,
        "splits.scheme": scheme,
        "splits.unit": unit,
        "splits.validation": int(validation) if validation and validation >= 1 else validation,
    }
    if scheme == "official" and data is None and classes is None:
        classes = OFFICIAL_PHANTOMS
    asked = o.Asked(data, config, runs, classes, epochs, overrides, skip_unreadable, keep_duplicates)
    chosen = o.variant_of(strategy, variant)
    experiments = [asked.experiment(given | {"seed": number}, chosen) for number in o.seeds_of(seed, seeds)]
    run_seeds(asked.requests(experiments, console), console)
