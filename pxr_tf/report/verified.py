"""The verification of a bundle on the screen."""

from pathlib import Path

from rich.console import Console

from pxr_tf.errors import count_words
from pxr_tf.inference.samples import TOLERANCE, Verified
from pxr_tf.report.fitting import FittedTable, print_paths


def print_verified(found: Verified, place: Path, console: Console) -> None:
    """Print each sample's class as packed and as predicted now, and whether the bundle is as it was."""
    shown = FittedTable("Sample pictures: as packed, and now")
    for name in ("sample", "as packed", "now"):
        shown.add_column(name)
    shown.add_column("largest difference of a probability", justify="right")
    for row in found.table.itertuples():
        shown.add_row(row.file, row.expected, row.predicted, f"{row.difference:.1g}")
    console.print(shown)
    samples = count_words(len(found.table), "sample")
    if found.same:
        print_paths(console, f"All files have the bytes, and the models give the answers to {samples}, of:", place)
    else:
        console.print(
            f"The files have the bytes that were packed, but the answers to {samples} differ (accepted: the same "
            f"class, and {TOLERANCE:g} of a probability). Install the versions in provenance.json.",
            markup=False,
        )
    console.print("Research use only, not a medical device.")
