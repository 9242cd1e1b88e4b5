"""What every check of an audit gets, and what it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pxr_tf.data.findings import Finding
from pxr_tf.events import OnEvent
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.tasks import Executor


@dataclass(frozen=True)
class Material:
    """A finished run, or data sets without a run, as the checks see them.

    `table` has a row per image: the columns of a manifest (with view, sex and age if they are known), ``content``,
    ``picture`` (shared by copies), and ``fold``: the fold that tests it, "" if no fold does. Without a run the folds
    are five, by patient.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    cache: Path
    executor: Executor
    on_event: OnEvent
    run: FinishedRun | None = None

    @property
    def tested(self) -> pd.DataFrame:
        """The rows that a fold tests."""
        return self.table[self.table.fold != ""].reset_index(drop=True)


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    findings: Sequence[Finding]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # name of a CSV file, without its ending -> table


def material_of_run(run: FinishedRun, executor: Executor, on_event: OnEvent = lambda event: None) -> Material:
    """Return the material of a finished run; copies count as one picture only if their bytes are the same."""
    fold = run.tested.set_index("image_id").fold
    table = run.manifest.assign(fold=run.manifest.image_id.map(fold).fillna(""), picture=run.manifest.content)
    return Material(table, run.recipe.classes, run.cache, executor, on_event, run)
