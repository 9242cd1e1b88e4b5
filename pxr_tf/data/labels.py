"""Which classes an experiment tells apart."""

from collections.abc import Sequence

import pandas as pd

from pxr_tf.errors import PxrError, shorten


def keep_classes(table: pd.DataFrame, classes: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (kept, left out) by label; raise `PxrError` where one of the classes has no image."""
    counts = table.label.value_counts()
    empty = [name for name in classes if name not in counts]
    if empty:
        found = ", ".join(f"{name} ({count})" for name, count in counts.items()) or "none"
        raise PxrError(
            f"No image of class {shorten(empty)} in the data; classes found: {found}. The experiment needs "
            f"{', '.join(classes)}: add a data set that has them (DATA=a,b)."
        )
    kept = table.label.isin(classes)
    return table[kept].reset_index(drop=True), table[~kept].reset_index(drop=True)
