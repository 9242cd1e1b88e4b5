"""Write the tables of a whole paper: our figures next to the paper's, and the effects of its settings."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import locks
from pxr_tf.evaluation.published import PaperRow
from pxr_tf.evidence.merge import merge_rows
from pxr_tf.runs.info import origin_and_split
from pxr_tf.studies.paper_runs import Group, Pair, PaperRun, group_runs, measures_of, pair_groups

REPRODUCED, DIFFERENCES = "reproduced.csv", "differences.csv"


class Written(NamedTuple):
    """What `write_paper` wrote."""

    files: list[Path]
    kept: int = 0  # variants whose rows stayed because they cover more seeds than these runs


def write_paper(folder: Path, runs: Sequence[PaperRun]) -> Written:
    """Write ``reproduced.csv``, and ``differences.csv`` if settings are compared; return what was written.

    Rows of a variant, model and setting stay as they are if these runs have fewer finished seeds for them, or none.
    """
    groups = group_runs(runs)
    if not groups:
        return Written([])
    written = [folder / REPRODUCED]
    differences = [row for pair in pair_groups(groups) for row in _difference_rows(pair)]
    with locks.hold(locks.lock_of(folder / REPRODUCED)):
        rows = pd.concat([_summary_rows(group) for group in groups])
        kept = merge_rows(folder / REPRODUCED, rows, ["variant", "model", "setting"], more=["seeds"])
        if differences:
            more, key = ["first_seeds", "second_seeds"], ["variant", "model", "minus"]
            merge_rows(folder / DIFFERENCES, pd.DataFrame(differences), key, more=more)
            written.append(folder / DIFFERENCES)
    return Written(written, kept)


def _summary_rows(group: Group) -> pd.DataFrame:
    names = zip(group.summary["class"], group.summary.metric, strict=True)
    rows = group.summary.assign(
        variant=group.variant,
        model=group.model,
        setting=group.setting,
        paper=[printed_value(group.row, name, metric) for name, metric in names],
        **origin_and_split(group.info),
    )
    return rows[["variant", "model", "setting", "class", "metric", "mean", "sd", "seeds", "paper", "origin", "split"]]


def _difference_rows(pair: Pair) -> list[dict[str, object]]:
    values = [origin_and_split(group.info) for group in pair[:2]]
    said = {key: " minus ".join(dict.fromkeys(value[key] for value in values)) for key in values[0]}
    return [
        {"variant": pair.first.variant, "model": pair.first.model}
        | {"minus": f"{pair.first.setting} minus {pair.second.setting}"}
        | {"class": measure.name, "metric": measure.metric}
        | pair.difference(measure)._asdict()
        | said
        for measure in measures_of(pair.first.info.classes)
    ]


def printed_value(row: PaperRow | None, name: str, metric: str) -> float | None:
    """Return the paper's figure of a class (or ``all``) as a fraction; None if it has none."""
    return None if row is None else row.value(metric, name)
