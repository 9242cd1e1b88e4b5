"""The paper's figures next to ours, with a verdict on each: inside our interval, above it, below it, or no comparison.

Our interval is over patients (`evidence.intervals`). It leaves out what other seeds would change, so a figure just
outside it is no proof of a difference.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.evaluation import metrics
from pxr_tf.evaluation.intervals import wilson_interval
from pxr_tf.evaluation.published import consistency
from pxr_tf.evaluation.published.papers import AUC_KINDS, PRINTED_PER_CLASS, PaperRow
from pxr_tf.evaluation.published.printed import Printed
from pxr_tf.evidence.deviations import read_deviations
from pxr_tf.evidence.paper import comparable_row
from pxr_tf.runs.finished import FinishedRun

VERDICTS = "verdicts.csv"
OVERALL = ("accuracy", "balanced_accuracy", *AUC_KINDS)
INSIDE, ABOVE, BELOW = "inside our interval", "above our interval", "below our interval"
NOT_COMPARED = "cannot be compared"
POSITIONS = (INSIDE, ABOVE, BELOW)
COLUMNS = (
    "class",
    "metric",
    "paper",
    "paper_low",
    "paper_high",
    "images",
    "ours",
    "low",
    "high",
    "position",
    "verdict",
)


def paper_verdicts(run: FinishedRun, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row for every figure that the paper prints for this run's model and variant; none without such figures.

    `tables` are the run's metrics tables by reading: ``balanced`` or ``all`` test rows.
    ``paper`` is the printed figure as a fraction. ``paper_low, paper_high`` are its own 95 % interval (Wilson) if it
    is a share of ``images`` test images, which the paper states or its figures imply: NaN if neither. ``ours, low,
    high`` come from the metrics table of the same kind of test rows. ``position`` says whether the figure is inside our
    interval, above it or below it; ``verdict`` says the same, or why the two cannot be compared.
    """
    row = comparable_row(run.info)
    if row is None or row.paper.test_rows not in tables:
        return pd.DataFrame(columns=list(COLUMNS))
    reasons, table = _reasons(run, row), tables[row.paper.test_rows]
    found = [_judge(row, name, metric, printed, table, reasons) for name, metric, printed in _figures(row)]
    return pd.DataFrame(found, columns=list(COLUMNS))


def read_verdicts(run: FinishedRun) -> pd.DataFrame:
    """Return the table in ``verdicts.csv``; without rows if the run has no paper."""
    path = run.folder / VERDICTS
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    return files.read_csv(path, COLUMNS, COLUMNS[2:9].__contains__)


def summarise_verdicts(table: pd.DataFrame) -> str:
    """Return how many of the paper's figures are where, in a sentence or two; "" without figures."""
    if table.empty:
        return ""
    parts = [_count(table[table.position == position], position) for position in POSITIONS]
    said = f"Of {len(table)} figures of the paper, {'; '.join(filter(None, parts))}."
    return f"{said} But they {NOT_COMPARED}{_because(table)}." if _because(table) else said


def _because(table: pd.DataFrame) -> str:
    """Return " because ..." with what differs, if anything does."""
    found = [verdict.removeprefix(NOT_COMPARED) for verdict in table.verdict if verdict.startswith(NOT_COMPARED)]
    return found[0] if found else ""


def _count(rows: pd.DataFrame, position: str) -> str:
    names = [
        metric if name == "all" else f"{metric} {name}" for name, metric in zip(rows["class"], rows.metric, strict=True)
    ]
    listed = ", ".join(name.replace("_", " ") for name in names)
    return f"{len(rows)} {'is' if len(rows) == 1 else 'are'} {position} ({listed})" if names else ""


def _figures(row: PaperRow) -> Iterator[tuple[str, str, Printed]]:
    """Yield class, metric and figure of everything that the row prints and we compute."""
    pairs = [("all", metric) for metric in OVERALL]
    pairs += [
        (name, metric) for name in row.table.classes for metric in PRINTED_PER_CLASS if metric in metrics.CLASS_METRICS
    ]
    for name, metric in pairs:
        printed = row.printed(metric, name)
        if printed is not None:
            yield name, metric, printed


def _judge(
    row: PaperRow, name: str, metric: str, printed: Printed, table: pd.DataFrame, reasons: Sequence[str]
) -> tuple:
    ours, low, high = (metrics.value_of(table, "mean", name, metric, part) for part in ("value", "low", "high"))
    images = _images(row, name, metric)
    own = wilson_interval(printed.value, images) if images else (np.nan, np.nan)
    place = _place(printed, low, high)
    verdict = f"{NOT_COMPARED} because {'; '.join(reasons)}" if reasons else place
    return name, metric, printed.value, *own, images or np.nan, ours, low, high, place, verdict


def _place(printed: Printed, low: float, high: float) -> str:
    """Return where a figure is, allowing for its rounding; "" without an interval."""
    if np.isnan(low):
        return ""
    if printed.range.high <= low:
        return BELOW
    return ABOVE if printed.range.low > high else INSIDE


def _images(row: PaperRow, name: str, metric: str) -> int:
    """Return how many of the paper's test images a figure is a share of; 0 if it is not a share, or unknown."""
    counts = _tested(row)
    if not counts or metric not in ("accuracy", "sensitivity", "specificity"):
        return 0
    total = sum(counts.values())
    return {"accuracy": total, "sensitivity": counts.get(name, 0)}.get(metric, total - counts.get(name, 0))


def _tested(row: PaperRow) -> dict[str, int]:
    """Return class -> test images: as the paper states them, or the fewest that its balanced folds imply; else none."""
    if row.table.test_counts:
        return dict(row.table.test_counts)
    if row.table.images:
        return {name: round(number * row.table.test_share) for name, number in row.table.images.items()}
    figures = [one.printed("sensitivity", name) for one in row.siblings for name in row.table.classes]
    known = [figure for figure in figures if figure]
    if row.paper.test_rows != "balanced" or not known:
        return {}
    return dict.fromkeys(row.table.classes, consistency.smallest_count(known, row.paper.folds))


def _reasons(run: FinishedRun, row: PaperRow) -> list[str]:
    """Return why the run is no test of the paper's figures: phantoms, another kind of split, another protocol."""
    found = ["our images are phantoms"] if run.info.origin == "synthetic" else []
    if row.paper.unit not in (None, run.info.unit):
        found.append(f"the paper splits by {row.paper.unit} and we split by {run.info.unit}")
    changes = read_deviations(run)
    return found + ([f"the protocol differs in {', '.join(change.key for change in changes)}"] if changes else [])
