"""A tuning as one table: its points, ranked by their predictions on the validation rows."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from pxr_tf.errors import count_words
from pxr_tf.report.figures import SYNTHETIC_NOTE
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.results import print_warnings
from pxr_tf.studies.ranking import SCORES, TuningPoint, rank_points


def print_ranking(points: Sequence[TuningPoint], console: Console) -> None:
    """Print the ranking with the best point marked, then the warnings."""
    table, keys = rank_points(points), list(points[0].values)
    finished = [point for point in points if point.run]
    title = "Ranked on validation rows; test rows are left out"
    info = finished[0].run.info if finished else None
    if info:
        title = f"{info.title} ({info.name}), {count_words(int(table.images[0]), 'validation image')}\n{title}"
        title += f"\n{SYNTHETIC_NOTE}: these figures say nothing about medicine" if info.origin == "synthetic" else ""
    shown = FittedTable(title)
    effort = ["epochs", "seconds"] if (table.epochs != "").any() else []  # learners without epochs have neither
    for name in ("", *_headings(keys), "val. loss", "acc. %", "bal. %", *effort):
        shown.add_column(name, justify="right")
    for row in table.to_dict("records"):
        shown.add_row(*_cells(row, keys, effort), style="bold" if row["rank"] == "1" else None)
    console.print(shown)
    print_warnings(info.warnings if info else (), console)


def _headings(keys: Sequence[str]) -> list[str]:
    """Return the last part of each key, or the whole key if two end alike."""
    ends = [key.rpartition(".")[2] for key in keys]
    return [end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True)]


def _cells(row: Mapping[str, object], keys: Sequence[str], effort: Sequence[str]) -> list[str]:
    start = ["best" if row["rank"] == "1" else str(row["rank"]), *(str(row[key]) for key in keys)]
    if row["failure"]:
        return [*start, "failed"]
    loss, *shares = (row[name] for name in SCORES)
    return [*start, f"{loss:.4f}", *(f"{100 * share:.1f}" for share in shares), *(str(row[name]) for name in effort)]
