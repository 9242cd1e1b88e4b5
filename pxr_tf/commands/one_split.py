"""What ``train`` and ``tune`` share: the split that their options, or else the recipe, name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pxr_tf.commands.experiment_options import ExperimentOptions
from pxr_tf.errors import PxrError

OFFICIAL_PHANTOMS = "bacterial,normal,viral"  # the phantoms that come with an official test part
WITHOUT_TEST = "covid19"  # and the one that does not


def choose_split(
    asked: ExperimentOptions, given: Mapping[str, Any], variant: str | None
) -> tuple[ExperimentOptions, dict[str, Any]]:
    """Return (what was asked for, the keys that were given) with the split that the options or the recipe name.

    `given` is dotted key -> value, None where an option was not given. Without data, the scheme ``official`` leaves out
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
