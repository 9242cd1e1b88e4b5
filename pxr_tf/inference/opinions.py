"""What the models of a run say about pictures, as columns of a table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.inference.ensemble import Opinion, ask_models
from pxr_tf.inference.likeness import UNLIKE

SETS = "set_"  # begins the names of the columns with conformal sets


class Heard(NamedTuple):
    """What models say about n pictures."""

    opinion: Opinion  # calibrated, if there is a temperature
    given: np.ndarray  # float64 [n, classes], the mean probabilities before that: conformal sets are about these
    far: np.ndarray | None  # float64 [n], the mean percentile of unlikeness, 0 to 100; None if the models give none


def hear_models(each: np.ndarray, used: np.ndarray, classes: int, temperature: float | None) -> Heard:
    """Return what the models `used` say; the arguments are those of `add_opinion`, with the number of classes."""
    shares = each[..., :classes]
    far = np.where(used, each[..., -1], 0).sum(1) / used.sum(1) if each.shape[2] > classes else None
    opinion, given = ask_models(shares, used, temperature), ask_models(shares, used).probabilities
    return Heard(opinion, given, None if far is None else far.round(1))


def add_opinion(
    table: pd.DataFrame,
    each: np.ndarray,
    used: np.ndarray,
    classes: Sequence[str],
    temperature: float | None,
    cutoffs: Mapping[float, np.ndarray],
) -> pd.DataFrame:
    """Return the rows with the class, the probabilities, the sets and the agreement of the models `used`.

    `each` is float [rows, models, classes], perhaps with one more column: how unlike the picture is to those that the
    model knows. `used` is bool [rows, models]: which were asked. `cutoffs` are those of `read_cutoffs`.
    """
    opinion, given, far = hear_models(each, used, len(classes), temperature)
    if far is not None:
        table = table.assign(**{UNLIKE: far})
    return table.assign(
        predicted=np.array(classes, object)[opinion.predicted],
        **{f"p_{name}": opinion.probabilities[:, number] for number, name in enumerate(classes)},
        **{set_column(promised): _name_sets(given >= ends, classes) for promised, ends in cutoffs.items()},
        agreement=opinion.agreement,
        models=opinion.models,
    )


def set_column(promised: float) -> str:
    """Return the name of the column with the conformal sets of a promised coverage."""
    return f"{SETS}{100 * promised:g}"


def _name_sets(inside: np.ndarray, classes: Sequence[str]) -> list[str]:
    """Return sets of classes, bool [n, classes], as text: ``{bacterial, viral}``; ``{}`` has none."""
    return [f"{{{', '.join(np.array(classes, object)[row])}}}" for row in inside]
