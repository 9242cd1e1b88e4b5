"""The runs of a paper, by variant and setting: the results over seeds, and the effect of a setting."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.evaluation import metrics
from pxr_tf.evaluation.differences import Difference, find_difference, same_tests
from pxr_tf.evaluation.published import PaperRow
from pxr_tf.evidence.files import read_metrics_table
from pxr_tf.evidence.paper import SENS_SPEC, comparable_row
from pxr_tf.evidence.seeds import mixed_environments
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import LEAKY, RunInfo


class PaperRun(NamedTuple):
    """One run of a paper and its state."""

    variant: str
    setting: str  # of the settings that are compared; empty if none are
    seed: int
    model: str
    run: FinishedRun | None = None  # once it is finished
    failure: str = ""

    @property
    def title(self) -> str:
        """Which run it is."""
        return ", ".join(filter(None, (self.variant, self.setting, f"seed {self.seed}")))


class Measure(NamedTuple):
    """A column: its heading, and the class and metric that it shows."""

    words: str
    name: str  # a class, or all
    metric: str


AUC = Measure("AUC", "all", "auc")
NO_AREA = Measure("(se+sp)/2", "all", SENS_SPEC)  # what some papers call AUC


def measures_of(classes: Sequence[str]) -> list[Measure]:
    """Return the columns: for two classes, the second's metrics as in papers; for more, the sensitivity of each."""
    overall = [Measure("accuracy", "all", "accuracy"), Measure("balanced", "all", "balanced_accuracy"), AUC]
    if len(classes) == 2:
        named = (("prec.", "precision"), ("recall", "sensitivity"), ("spec.", "specificity"))
        return overall + [Measure(words, classes[1], metric) for words, metric in named]
    return overall + [Measure(name, name, "sensitivity") for name in classes]


class Group(NamedTuple):
    """The finished runs of one variant under one setting: they differ in their seeds."""

    variant: str
    setting: str
    model: str
    info: RunInfo  # with the warnings of all seeds
    runs: dict[int, FinishedRun]  # by seed
    warnings: dict[int, tuple[RunWarning, ...]]  # by seed
    tables: dict[int, pd.DataFrame]  # seed -> metrics table
    summary: pd.DataFrame  # class, metric, mean, sd, seeds
    minutes: float  # of one seed, on average
    row: PaperRow | None  # the paper's figures for the same task

    @property
    def title(self) -> str:
        """The variant and the setting."""
        return ", ".join(filter(None, (self.variant, self.setting)))


class Pair(NamedTuple):
    """The two settings of a variant: the first is compared with the second."""

    first: Group
    second: Group
    paired: bool  # whether they tested the same images, seed by seed

    def difference(self, measure: Measure) -> Difference:
        """Return the effect of the setting on one metric: first minus second."""
        first, second = (
            {seed: metrics.value_of(table, "mean", measure.name, measure.metric) for seed, table in one.tables.items()}
            for one in (self.first, self.second)
        )
        return find_difference(first, second, paired=self.paired)


def group_runs(runs: Sequence[PaperRun]) -> list[Group]:
    """Return the finished runs by variant and setting, in the order of the variants."""
    found: dict[tuple[str, str], list[PaperRun]] = {}
    for run in runs:
        if run.run is not None:
            found.setdefault((run.variant, run.setting), []).append(run)
    order = list(dict.fromkeys(run.variant for run in runs))
    return [_group(some) for some in sorted(found.values(), key=lambda some: order.index(some[0].variant))]


def _group(some: Sequence[PaperRun]) -> Group:
    first, runs = some[0], {one.seed: one.run for one in some}
    warnings = {seed: run.warnings for seed, run in runs.items()}
    every = tuple(dict.fromkeys(warning for own in warnings.values() for warning in own))
    info = runs[first.seed].info._replace(warnings=every)
    tables = {seed: read_metrics_table(run) for seed, run in runs.items()}
    minutes = float(np.mean([run.minutes() for run in runs.values()]))
    summary, row = metrics.summarise_seeds(tables), comparable_row(info)
    return Group(first.variant, first.setting, first.model, info, runs, warnings, tables, summary, minutes, row)


def pair_groups(groups: Sequence[Group]) -> list[Pair]:
    """Return the two settings of each variant for which both were run."""
    by_variant: dict[str, list[Group]] = {}
    for group in groups:
        by_variant.setdefault(group.variant, []).append(group)
    return [Pair(*some, same_tests(*map(_tests, some))) for some in by_variant.values() if len(some) == 2]


def _tests(group: Group) -> dict[int, list[tuple[str, str]]]:
    """Return seed -> (image, fold) of the held-out rows that its metrics count."""
    found = {}
    for seed, run in group.runs.items():
        splits = run.splits
        reading, *_ = metrics.possible_readings(splits, group.info.test_rows)
        rows = splits[splits.role.isin(TEST_ROLES if reading == "all" else ("test_balanced",))]
        found[seed] = list(zip(rows.image_id, rows.fold, strict=True))
    return found


def name_groups(some: Iterable[Group], everybody: Sequence[Group]) -> str:
    """Return names of some groups: "" for all; variants or settings if the groups are all of these; else each title."""
    some = list(some)
    if len(some) == len(everybody):
        return ""
    for part in ("variant", "setting"):
        names = list(dict.fromkeys(getattr(group, part) for group in some))
        if len(some) == sum(getattr(group, part) in names for group in everybody):
            return ", ".join(names)
    return "; ".join(group.title for group in some)


def name_leaky(groups: Sequence[Group]) -> str:
    """Return a line for a title that says which groups have a leaky split; "" if none has."""
    leaky = [group for group in groups if group.info.leaky]
    return ": ".join(filter(None, (LEAKY, name_groups(leaky, groups)))) if leaky else ""


def warn_of(groups: Sequence[Group]) -> list[RunWarning]:
    """Return each different warning once, preceded by its runs unless it applies to all.

    A last warning follows if means or differences cover several environments.
    """
    found: dict[RunWarning, dict[str, list[int]]] = {}
    for group in groups:
        for seed, warnings in group.warnings.items():
            for warning in warnings:
                found.setdefault(warning, {}).setdefault(group.title, []).append(seed)
    named = [_with_names(warning, seeds, groups) for warning, seeds in found.items()]
    return named + mixed_environments([run for group in groups for run in group.runs.values()])


def _with_names(warning: RunWarning, seeds: Mapping[str, list[int]], groups: Sequence[Group]) -> RunWarning:
    some = {group.title: group for group in groups if group.title in seeds}
    words = {title: _name_seeds(seeds[title], group) for title, group in some.items()}
    if len(set(words.values())) == 1:
        names = ", ".join(filter(None, (name_groups(some.values(), groups), next(iter(words.values())))))
    else:
        names = "; ".join(", ".join(filter(None, pair)) for pair in words.items())
    return warning._replace(text=f"{names}: {warning.text}" if names else warning.text)


def _name_seeds(seeds: Sequence[int], group: Group) -> str:
    if len(seeds) == len(group.tables):
        return ""
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
