"""A fitted gate on the screen: how many held-out frontal films it accepts, and what else it was fitted on."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from pxr_tf.errors import count_words
from pxr_tf.inference.likeness import FAR
from pxr_tf.report.evaluated import with_ends
from pxr_tf.report.fitting import FittedTable


def print_gate(about: Mapping[str, Any], console: Console) -> None:
    """Print the share of each source's held-out films that the gate accepts, in percent."""
    shown = FittedTable("Frontal films that the gate accepts, % of held-out patients' films")
    shown.add_column("source")
    for name in ("accepted", "films"):
        shown.add_column(name, justify="right")
    for name, one in about["held_out"].items():
        share = one["accepted"] / one["films"]
        shown.add_row(name, with_ends(share, one["low"], one["high"]), f"{one['films']:,}")
    console.print(shown)
    console.print("Brackets hold the 95 % interval. Each film is judged without its patient.", style="dim")
    given = ", ".join(f"{name} ({count:,})" for name, count in about["given"].items())
    if given:
        total = count_words(sum(about["given"].values()), "picture")
        console.print(f"Also refused, as {total} of these kinds show: {given}.", markup=False)


def print_likeness(about: Mapping[str, Any], console: Console) -> None:
    """Print the share of each source's held-out pictures that would be called unlike, in percent."""
    shown = FittedTable(f"Held-out pictures beyond the {FAR:.0f}th percentile of their fold, %")
    shown.add_column("source")
    for name in ("unlike", "pictures"):
        shown.add_column(name, justify="right")
    for name, one in about["own"].items():
        shown.add_row(name, with_ends(one["far"] / one["pictures"], one["low"], one["high"]), f"{one['pictures']:,}")
    console.print(shown)
