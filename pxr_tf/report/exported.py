"""Exports on the screen: how each compares with the run's own models."""

from collections.abc import Sequence

import pandas as pd
from rich.console import Console

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.results import print_warnings

TOLERANCE = 1e-4  # of a probability: float32 rounds by a tenth of this
COLUMNS = ("largest difference", "changed labels", "MB", "start, s", "pictures/s", "x")


def print_exported(
    table: pd.DataFrame, pictures: int, what: str, warnings: Sequence[RunWarning], console: Console
) -> None:
    """Print a row per engine (`deploy.export.compare`), and what limits the worth of the answers."""
    shown = FittedTable(f"The exports on {pictures:,} {what}, beside the run's own models")
    shown.add_column("engine")
    for name in COLUMNS:
        shown.add_column(name, justify="right")
    for row in table.itertuples():
        first = row.Index == 0
        shown.add_row(
            row.engine,
            "" if first else f"{row.difference:.1e}",
            "" if first else str(row.changed),
            f"{row.bytes / 1e6:.1f}",
            f"{row.start:.2f}",
            f"{row.per_second:,.0f}",
            f"{row.ratio:.2f}",
        )
    console.print(shown)
    console.print("Seconds are processor time, each engine in a process of its own; x compares with the first row.")
    other = table.engine[(table.changed > 0) | ~(table.difference <= TOLERANCE)]
    if len(other):
        console.print(
            f"These answer otherwise than the run's own models, so their figures are not the run's: {', '.join(other)}."
        )
    print_warnings(warnings, console)
    console.print("Research use only, not a medical device.")
