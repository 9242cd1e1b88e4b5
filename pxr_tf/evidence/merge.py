"""Tables that several commands add to: new rows replace old rows of the same key, unless the old rest on more."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError


def merge_rows(path: Path, rows: pd.DataFrame, key: Sequence[str], *, more: Sequence[str]) -> int:
    """Replace the rows in the file that have the same key; all other rows stay, and so does the order.

    Old rows also stay if their columns `more` (such as ``seeds``) add up to more than in the new rows with the same
    key. Return the number of keys that stay for this reason. Without a key, the whole table is one group.
    """
    before = _read_before(path, rows, more)
    old, new = _groups(before, key), _groups(rows, key)
    kept = {one for one in old.keys() & new.keys() if _amount(old[one], more) > _amount(new[one], more)}
    merged = {one: old.get(one) if one in kept or one not in new else new[one] for one in dict.fromkeys([*old, *new])}
    files.write_csv(path, pd.concat(merged.values()))
    return len(kept)


def _groups(table: pd.DataFrame, key: Sequence[str]) -> dict[tuple, pd.DataFrame]:
    """Return key -> rows, in the order in which keys appear."""
    if table.empty:
        return {}
    if not key:
        return {(): table}
    return dict(list(table.groupby(list(key), sort=False)))


def _amount(rows: pd.DataFrame, more: Sequence[str]) -> float:
    return float(rows[list(more)].sum(axis=1).max())


def _read_before(path: Path, rows: pd.DataFrame, more: Sequence[str]) -> pd.DataFrame:
    """Return the table in the file; without rows if it cannot be read, was edited or has other columns."""
    numbers = {"paper", *(name for name in rows if rows[name].dtype.kind in "if")}  # a paper may have no figure
    try:
        before = files.read_csv(path, rows, numbers.__contains__)
    except PxrError:
        return rows.iloc[:0]
    if list(before) != list(rows) or before[list(more)].isna().any(axis=None):
        return rows.iloc[:0]
    return before.astype({name: rows[name].dtype for name in more})
