"""Turn pydantic's errors into one line for people."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pxr_tf.config import model as models
from pxr_tf.config import schema
from pxr_tf.errors import nearest, shown
from pxr_tf.vocabulary import augmentation
from pxr_tf.vocabulary.model import Head

# Prefix of pydantic's error type -> what is accepted; the first prefix that fits counts.
_ACCEPTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string_type": "text",
    "string_unicode": "UTF-8 text",
    "string_too_short": "text that is not empty",
    "string_pattern": "a letter or digit, then letters, digits and the signs . _ + -",
    "tuple": "a list",
    "dict": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "literal": "{expected}",
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "too_short": "a list of {min_length} or more",
    "invalid_key": "keys that are text",
}


_INNER: Mapping[str, type[BaseModel]] = {
    **{"image": schema.Image, **models.MODEL_KINDS, models.OTHER: models.OtherModel, "head": Head},
    **{"splits": schema.Splits, "balance": schema.Balance, "augmentation": augmentation.Augmentation},
    **{augmentation.MOVEMENT: augmentation.Movement, "training": schema.Training, "phases": schema.Phase},
}

# How pydantic names the branches of a union in an error's location.
_BRANCHES = ("bool", "function-", "[key]", "tuple[", "literal[", "constrained-", "dict[", "float", "int")


def explain_errors(
    errors: list[Any], model: type[BaseModel] = schema.Experiment, inner: Mapping[str, type[BaseModel]] = _INNER
) -> str:
    """Return one line for the first error of validating `model`; a union gives an error for each of its types.

    `inner` is part of an error's location -> the model of what is there.
    """
    first = errors[0]
    inside = [error for error in errors if _place(error).startswith(f"{_place(first)}.")]
    first = inside[0] if inside else first  # of a union, the branch that got furthest
    place = _place(first)
    if first["type"] == "extra_forbidden":
        known = _fields_at(first["loc"][:-1], model, inner)
        return f"unknown key {shown(place, 80)}. Known here: {', '.join(known)}.{nearest(str(first['loc'][-1]), known)}"
    if first["type"] == "missing":
        return f"the key {place!r} is missing."
    if first["type"] == "value_error":
        message = first["msg"].removeprefix("Value error, ")
        end = "" if message.endswith("?") else "."
        return f"{place}: {message}{end}" if place else f"{message}{end}"
    accepted = [accepted_value(error) for error in errors if _place(error) == place]
    return f"{place} received {shown(first['input'])}; accepted: {', or '.join(dict.fromkeys(accepted))}.{_near(first)}"


def accepted_value(error: Mapping[str, Any]) -> str:
    """Return what is accepted in place of this error's value: ``"a whole number"``, ``"2 or more"``."""
    text = next((text for kind, text in _ACCEPTED.items() if error["type"].startswith(kind)), error["msg"])
    limits = error.get("ctx", {})
    return text.format_map({name: f"{limit:.15g}" if type(limit) is float else limit for name, limit in limits.items()})


def _near(error: Mapping[str, Any]) -> str:
    """Return the nearest accepted word if other text was received; only for three words or more."""
    if error["type"] != "literal_error" or not isinstance(error["input"], str):
        return ""
    words = re.findall(r"'([^']*)'", error["ctx"]["expected"])
    return nearest(error["input"], words) if len(words) > 2 else ""


def _place(error: Any) -> str:
    """Return the dotted key, without the branch of a union (``training.xla.bool``) or ``[key]`` that pydantic adds."""
    extra = error["type"] == "extra_forbidden"
    parts = [str(part) for part in error["loc"]]
    if parts[:1] == ["model"] and parts[1:2] and parts[1] in (*models.MODEL_KINDS, models.OTHER):
        del parts[1]
    if parts[:1] == ["augmentation"] and parts[2:3] and parts[2] in (augmentation.PRESET, augmentation.MOVEMENT):
        del parts[2]
    return ".".join(part for part in parts if extra or not part.startswith(_BRANCHES))


def _fields_at(location: tuple[Any, ...], model: type[BaseModel], inner: Mapping[str, type[BaseModel]]) -> list[str]:
    for part in location:
        model = inner.get(part, model)
    return list(model.model_fields)
