"""A tuning's grid: the values to try for each key, from a recipe's ``tuning`` or the command line.

A grid is dotted key -> values. In a recipe, or in one of its variants::

    tuning: {over: {training.learning_rate: [0.003, 0.01, 0.03]}}
"""

from collections.abc import Mapping, Sequence
from itertools import product

from pxr_tf.config.plain_yaml import Plain, read_yaml
from pxr_tf.errors import PxrError, nearest, shown

Grid = dict[str, list[Plain]]

# Other keys decide which rows train and test.
SECTIONS = ("image", "model", "balance", "augmentation", "training", "phases")
EXAMPLE = "over: {training.learning_rate: [0.003, 0.01, 0.03]}"


def read_grid(tuning: Plain, origin: str) -> Grid:
    """Return the grid of a recipe's ``tuning``, {} for none; `origin` names the recipe in a `PxrError`."""
    if tuning is None:
        return {}
    if not isinstance(tuning, dict):
        raise PxrError(f"{origin}: tuning received {shown(tuning)}; accepted: {EXAMPLE}.")
    for key in tuning:
        if key != "over":
            raise PxrError(f"{origin}: unknown key 'tuning.{key}'. Known here: over.{nearest(key, ['over'])}")
    over = tuning.get("over")
    if not isinstance(over, dict) or not over:
        raise PxrError(f"{origin}: tuning.over received {shown(over)}; accepted: {EXAMPLE}.")
    return {key: _check_values(key, values, f"{origin}: tuning.over") for key, values in over.items()}


def parse_over(texts: Sequence[str]) -> Grid:
    """Return the grid of several ``key=value,value``; values are YAML, also lists. Raises `PxrError`."""
    grid: Grid = {}
    for text in texts:
        key, equals, values = (part.strip() for part in text.partition("="))
        received = f"--over received {shown(text, 80)}"
        if not equals or not all(part.strip() for part in key.split(".")):
            raise PxrError(f"{received}; accepted: key=value,value, e.g. --over training.learning_rate=0.003,0.01.")
        if key in grid:
            raise PxrError(f"{received}, but {key} was given before. Give all of its values at once, comma-separated.")
        grid[key] = _check_values(key, read_yaml(f"[{values}]", received), "--over")
    return grid


def make_points(grid: Mapping[str, Sequence[Plain]]) -> list[dict[str, Plain]]:
    """Return the points of a grid, each key -> value: all combinations of the values."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def _check_values(key: str, values: Plain, origin: str) -> list[Plain]:
    """Return the values, each once; raise `PxrError` if there are none, or if the key cannot be tuned."""
    section = key.split(".")[0]
    if section not in SECTIONS:
        raise PxrError(
            f"{origin} names {shown(key)}, which cannot be tuned: all points must train and be ranked on the same "
            f"rows. Keys that can be tuned begin with {', '.join(SECTIONS)}.{nearest(section, SECTIONS)}"
        )
    if not isinstance(values, list) or not values:
        raise PxrError(f"{origin} gives {key} {shown(values)}; accepted: one value or more, such as 0.003,0.01,0.03.")
    kept = []
    for value in values:
        if not any(value == other and type(value) is type(other) for other in kept):
            kept.append(value)
    return kept
