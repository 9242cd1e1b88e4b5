"""Tables that several commands add to: rows with the same key are replaced, unless the old ones rest on more."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pxr_tf import files


def merge_rows(path: Path, rows: pd.DataFrame, key: Sequence[str], *, more: Sequence[str]) -> int:
    """Write the rows in place of those with the same key; all others stay, and so does the order.

    Rows in the file also stay if their columns `more` (``seeds``, say) add up to more than those of the new rows with
    the same key; returns for how many keys that is so. Without a key, the whole table counts as one.
    """
    before = _read_before(path, rows, more)
    old, new = _groups(before, key), _groups(rows, key)
    kept = {one for one in old.keys() & new.keys() if _amount(old[one], more) > _amount(new[one], more)}
    merged = {one: old.get(one) if one in kept or one not in new else new[one] for one in dict.fromkeys([*old, *new])}
    files.write_csv(path, pd.concat(merged.values()))
    return len(kept)


def _groups(table: pd.DataFrame, key: Sequence[str]) -> dict[tuple, pd.DataFrame]:
    """Return the rows by key, in the order in which keys appear."""
    if table.empty:
        return {}
    if not key:
        return {(): table}
    return dict(list(table.groupby(list(key), sort=False)))


def _amount(rows: pd.DataFrame, more: Sequence[str]) -> float:
    return float(rows[list(more)].sum(axis=1).max())


def _read_before(path: Path, rows: pd.DataFrame, more: Sequence[str]) -> pd.DataFrame:
    """Return the table that is there; none of its rows if it cannot be read, was edited, or has other columns."""
    text = [name for name in rows if not pd.api.types.is_numeric_dtype(rows[name]) and name != "paper"]
    numbers = {name: [""] for name in rows if name not in text}
    try:
        kinds = dict.fromkeys(text, str) | dict.fromkeys(more, float)
        before = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=numbers)
    except (OSError, ValueError):
        return rows.iloc[:0]
    whole = isinstance(before.index, pd.RangeIndex)  # a row with one value too many makes an index of the first column
    if not whole or list(before) != list(rows) or before[list(more)].isna().any(axis=None):
        return rows.iloc[:0]
    return before.astype({name: rows[name].dtype for name in more})
