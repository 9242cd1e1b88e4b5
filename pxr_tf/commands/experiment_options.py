"""From the options of an experiment's command to its experiment options, variant, seeds and split."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from pxr_tf.commands.command_options import OptionValues
from pxr_tf.errors import PxrError, shown

if TYPE_CHECKING:
    from pxr_tf.studies.experiments import ExperimentOptions

OFFICIAL_PHANTOMS = "bacterial,normal,viral"  # phantoms with an official test part
WITHOUT_TEST = "covid19"  # phantoms without one


def asked_of(options: OptionValues) -> "ExperimentOptions":
    """Return the experiment options of a command, without keys of the recipe; options that it lacks have defaults."""
    from pxr_tf.studies.experiments import ExperimentOptions

    names = [field.name for field in fields(ExperimentOptions) if field.name in options.by_name]
    return ExperimentOptions(**{name: options.by_name[name] for name in names}, command=command_line())


def cross_validation_of(options: OptionValues) -> "tuple[ExperimentOptions, dict[str, Any], str | None]":
    """Return (experiment options, keys given, variant) of a cross-validation. Raises `PxrError`."""
    given = options.keys_given() | {"splits.scheme": "folds"}
    return asked_of(options), given, variant_of(options.strategy, options.variant)


def split_of(options: OptionValues) -> "tuple[ExperimentOptions, dict[str, Any], str | None]":
    """Return (experiment options, keys given, variant) of training on one split. Raises `PxrError`."""
    variant = variant_of(options.strategy, options.variant)
    return *choose_split(asked_of(options), options.keys_given(), variant), variant


def command_line() -> str:
    """Return the command line as typed, for the provenance."""
    return shlex.join(["pxr", *sys.argv[1:]])


def variant_of(strategy: int | None, variant: str | None) -> str | None:
    """Return the variant's name; ``--strategy 2`` means ``strategy2``. Raises `PxrError` if both are given."""
    if strategy is not None and variant is not None:
        raise PxrError(f"Received --strategy {strategy} and --variant {variant}; accepted: one of the two.")
    return variant if strategy is None else f"strategy{strategy}"


def seeds_of(seed: int | None, seeds: str | None) -> list[int | None]:
    """Return the seeds to run, ``[None]`` for the recipe's own. Raises `PxrError`."""
    if seeds is None:
        return [seed]
    if seed is not None:
        raise PxrError(f"Received --seed {seed} and --seeds {seeds}; accepted: one of the two.")
    from pxr_tf.config.comma_lists import whole_numbers

    numbers = whole_numbers(seeds)
    if not numbers:
        raise PxrError(f"--seeds received {shown(seeds)}; accepted: whole numbers, comma-separated, e.g. 0,1,2.")
    return list(dict.fromkeys(numbers))


def choose_split(
    asked: "ExperimentOptions", given: Mapping[str, Any], variant: str | None
) -> "tuple[ExperimentOptions, dict[str, Any]]":
    """Return (experiment options, keys given) with the split that the options or the recipe name.

    `given` is dotted key -> value, None if an option was not given. Without data, the scheme ``official`` leaves out
    the phantoms that have no test part. Raises `PxrError`.
    """
    recipe = asked.recipe(variant)
    validation, unit = given["splits.validation"], given["splits.unit"]
    scheme = given["splits.scheme"] or (recipe.splits.scheme if recipe.splits.scheme != "folds" else "official")
    _check_used(scheme, validation=validation, unit=unit)
    if scheme == "official" and asked.data is None and asked.classes is None and WITHOUT_TEST in recipe.classes:
        asked = replace(asked, classes=OFFICIAL_PHANTOMS)
    return asked, {**given, "splits.scheme": scheme, "splits.validation": _amount(validation)}


def _check_used(scheme: str, **given: Any) -> None:
    """Raise `PxrError` if a given option has no effect under this scheme."""
    from pxr_tf.data.schemes import SCHEMES, options_of

    used = options_of(scheme)
    for name, value in given.items():
        if value is not None and name not in used:
            users = " or ".join(f"--scheme {other}" for other in SCHEMES if name in options_of(other))
            raise PxrError(
                f"--{name} received {value}, but the scheme {scheme} does not use it; accepted: with {users}."
            )


def _amount(validation: float | None) -> float | int | None:
    """Return a share unchanged and a number of images as an int; raise `PxrError` for anything else."""
    if validation is None or 0 < validation < 1:
        return validation
    if validation < 1 or not validation.is_integer():
        raise PxrError(
            f"--validation received {validation:g}; accepted: a share between 0 and 1 such as 0.15, or a whole number "
            "of images such as 800."
        )
    return int(validation)
