"""Does an audit find what is planted, and nothing in clean data? Phantoms of which the truth is known.

    python scripts/audit_truth.py OUT [SEEDS [POWER_SEEDS]]

Draws phantoms of 96 pixels, 40 patients per class of four classes, each class from both hospitals, and audits them as
data. Clean sets get every check that needs no run; planted sets the check ``properties``, which names what it finds.
The shortcut is planted in covid19. Writes ``OUT/audit_truth.csv`` (a row per set) and ``OUT/audit_power.png``.
Thresholds were chosen on seeds from 100 on; the seeds here begin at 0.
"""

import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from pxr_tf.audit.checks import CHECKS, find_check
from pxr_tf.audit.gather import material_of_data
from pxr_tf.executors.inline import Inline
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import write_phantoms
from pxr_tf.phantoms.shortcuts import SHORTCUTS

PLANTED_IN, PATIENTS, SIZE = "covid19", 40, 96
NAMES = {"quality": "encoding", "resolution": "sharpness", "body_size": "body size"}  # as findings call them
STRENGTHS, SHARES = (1.0, 0.5, 0.25), (1.0, 0.8, 0.5, 0.2)


class Planted(NamedTuple):
    """One set to draw and audit."""

    seed: int
    shortcut: str  # "" for a clean set
    strength: float = 1.0
    share: float = 1.0


def main() -> None:
    """Audit all sets, two at a time; print the table, write it and the figure."""
    out, *numbers = sys.argv[1:]
    seeds, power = (int(number) for number in (*numbers, *("20", "10")[len(numbers) :]))
    sets = list(plan(seeds, power))
    with ProcessPoolExecutor(2) as pool:
        rows = []
        for number, row in enumerate(pool.map(audit_set, sets), start=1):
            rows.append(row)
            if number % 20 == 0:
                print(f"{number} of {len(sets)} sets", flush=True)
    table = pd.DataFrame(rows)
    Path(out).mkdir(parents=True, exist_ok=True)
    table.to_csv(Path(out) / "audit_truth.csv", index=False)
    print(summarise(table).to_string())
    draw_power(table).savefig(Path(out) / "audit_power.png", dpi=110)


def plan(seeds: int, power: int) -> Iterator[Planted]:
    """Yield the clean sets, those at full strength in all patients, then weaker ones, then rarer ones."""
    yield from (Planted(seed, "") for seed in range(seeds))
    for shortcut in SHORTCUTS:
        yield from (Planted(seed, shortcut) for seed in range(seeds))
        yield from (Planted(seed, shortcut, strength=one) for one in STRENGTHS[1:] for seed in range(power))
        yield from (Planted(seed, shortcut, share=one) for one in SHARES[1:] for seed in range(power))


def audit_set(planted: Planted) -> dict[str, object]:
    """Return the set with ``critical`` findings, ``found`` (one about the class), ``named`` (with the property)."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_phantoms(
            place / "phantoms",
            patients=dict.fromkeys(PHANTOM_CLASSES, PATIENTS),
            images_per_patient=(1, 2),
            size=SIZE,
            seed=planted.seed,
            every_source=True,
            shortcuts={PLANTED_IN: frozenset([planted.shortcut])} if planted.shortcut else None,
            strength=planted.strength,
            share=planted.share,
        )
        material = material_of_data([place / "phantoms" / "every-source"], place / "cache", Inline())
        checks = ["properties"] if planted.shortcut else [name for name, check in CHECKS.items() if not check.needs_run]
        findings = [finding for name in checks for finding in find_check(name)(material).findings]
    critical = [finding.subject for finding in findings if finding.grade == "critical"]
    name = f"{PLANTED_IN}, {NAMES.get(planted.shortcut, planted.shortcut)}"
    about = [subject for subject in critical if subject.startswith(PLANTED_IN)]
    others = [subject for subject in critical if not subject.startswith(PLANTED_IN)]
    return planted._asdict() | {
        "critical": "; ".join(critical),
        "found": bool(about),
        "named": name in critical,
        "others": len(others),
    }


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Return how many sets of each kind were found and named, and how often another class was accused."""
    grouped = table.groupby(["shortcut", "strength", "share"], sort=False)
    return grouped.agg(sets=("seed", "size"), found=("found", "sum"), named=("named", "sum"), others=("others", "sum"))


def draw_power(table: pd.DataFrame) -> Figure:
    """Return the share of sets in which each shortcut is found and named, by strength and by share of the patients."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, column, other, words in (
        (axes[0], "strength", "share", "strength, in all patients of the class"),
        (axes[1], "share", "strength", "share of the class's patients, at full strength"),
    ):
        for shortcut in SHORTCUTS:
            rows = table[(table.shortcut == shortcut) & (table[other] == 1)]
            axis.plot(rows.groupby(column).named.mean(), marker="o", label=NAMES.get(shortcut, shortcut))
        axis.set_xlabel(words)
        axis.set_xlim(0, 1.05)
        axis.set_ylim(-0.05, 1.05)
    axes[0].set_ylabel("found and named, share of sets")
    axes[1].legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    main()
