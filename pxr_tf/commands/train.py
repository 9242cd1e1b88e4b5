"""``pxr train``: train and test on one split."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from pxr_tf.commands import options as o
from pxr_tf.commands.running import make_console, run_seeds
from pxr_tf.errors import PxrError

OFFICIAL_PHANTOMS = "bacterial,normal,viral"  # the phantoms that come with an official test part
WITHOUT_TEST = "covid19"  # and the one that does not


def train(
    model: o.ModelName = None,
    strategy: o.Strategy = None,
    variant: o.Variant = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            help="official: the data's own test part; random: random shares of each class. Default: the recipe's, or "
            "official where that is folds."
        ),
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help="What validates: a share (0.15) or a number of images (800).")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="What random splits: patient, or image as some papers did (a leaky split).")
    ] = None,
    data: o.Data = None,
    weights: o.Weights = None,
    config: o.Config = None,
    classes: o.Classes = None,
    seed: o.Seed = None,
    seeds: o.Seeds = None,
    runs: o.Runs = Path("runs"),
    epochs: o.Epochs = None,
    skip_unreadable: o.SkipUnreadable = False,
    duplicates: o.Duplicates = "drop",
    mix_environments: o.MixEnvironments = False,
    overrides: o.Overrides = None,
) -> None:
    """Train on one split, test on its test part and print the table; one run per seed."""
    console = make_console()
    beside = (skip_unreadable, duplicates, mix_environments)
    asked = o.Asked(data, config, runs, classes, epochs, overrides, *beside)
    chosen = o.variant_of(strategy, variant)
    recipe = asked.recipe(chosen)
    scheme = scheme or (recipe.splits.scheme if recipe.splits.scheme != "folds" else "official")
    _check_used(scheme, validation=validation, unit=unit)
    given = {
        "model.backbone": model,
        "model.weights": weights,
        "splits.scheme": scheme,
        "splits.unit": unit,
        "splits.validation": _amount(validation),
    }
    if scheme == "official" and data is None and classes is None and WITHOUT_TEST in recipe.classes:
        asked = replace(asked, classes=OFFICIAL_PHANTOMS)
    experiments = [asked.experiment(given | {"seed": number}, chosen) for number in o.seeds_of(seed, seeds)]
    run_seeds(asked.requests(experiments, console), console)


def _check_used(scheme: str, **given: Any) -> None:
    """Raise `PxrError` where an option was given that the scheme does not use; it would do nothing."""
    from pxr_tf.data.schemes import SCHEMES, options_of

    used = options_of(scheme)
    for name, value in given.items():
        if value is not None and name not in used:
            users = " or ".join(f"--scheme {other}" for other in SCHEMES if name in options_of(other))
            raise PxrError(
                f"--{name} received {value}, but the scheme {scheme} does not use it; accepted: with {users}."
            )


def _amount(validation: float | None) -> float | int | None:
    """Return a share as it is and a number of images as a whole number; raise `PxrError` for anything else."""
    if validation is None or 0 < validation < 1:
        return validation
    if validation < 1 or not validation.is_integer():
        raise PxrError(
            f"--validation received {validation:g}; accepted: a share between 0 and 1 such as 0.15, or a whole number "
            "of images such as 800."
        )
    return int(validation)
