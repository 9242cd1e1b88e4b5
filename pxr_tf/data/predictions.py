"""Predictions as in ``predictions.csv``: a row per image and fold, with the probability of every class."""

from pathlib import Path

import pandas as pd


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a ``predictions.csv``; probabilities ``p_<class>`` are numbers, everything else is text."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)  # a class may be called NA
    numbers = {column: pd.to_numeric(table[column]) for column in table if column.startswith("p_")}
    return table.assign(**numbers)
