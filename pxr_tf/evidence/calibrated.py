"""The calibration and the decisions of a finished run, as tables and files in its directory."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.evaluation.decisions import Rule
from pxr_tf.evidence.calibration import calibrate, describe
from pxr_tf.evidence.crossfit import FEWEST_TO_FIT, CrossFit, cross_fit
from pxr_tf.evidence.decisions import ALL, RULES, cover, decide, refer, weigh_benefit
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import origin_and_split

CALIBRATION = "calibration.json"
_TEXT = ("fold", "class", "state", "rule", "policy", "method", "origin", "split")  # all other columns are numbers


class CalibrationTables(NamedTuple):
    """What `write_calibration` found; `docs/outputs.md` has the columns."""

    calibration: dict[str, Any]  # the figures of ``calibration.json``
    bins: pd.DataFrame  # ``calibration.csv``
    decisions: pd.DataFrame
    net_benefit: pd.DataFrame
    risk_coverage: pd.DataFrame
    conformal: pd.DataFrame


def write_calibration(
    run: FinishedRun, rules: Sequence[Rule] = RULES, prevalences: Mapping[str, float] | None = None
) -> CalibrationTables:
    """Write ``calibration.json`` and five tables into the run directory; return them.

    `prevalences`: class -> prevalence for predictive values and net benefit. Raises `PxrError`: see `cross_fit`.
    """
    rows, prevalences = cross_fit(run), prevalences or {}
    found = calibrate(rows)
    covered = cover(rows)
    words = [*describe(found.figures), *_describe_sets(covered), *_describe_few(rows)]
    tables = CalibrationTables(
        found.figures | {"sentences": words, "predictions": run.predictions_digest},
        found.bins,
        decide(rows, rules, prevalences),
        weigh_benefit(rows, found.calibrated, prevalences),
        refer(rows),
        covered,
    )
    columns = origin_and_split(run.info)
    for name, table in tables._asdict().items():
        if isinstance(table, pd.DataFrame):
            file = "calibration" if name == "bins" else name
            files.write_csv(run.folder / f"{file}.csv", table.assign(**columns))
    files.write_json(run.folder / CALIBRATION, _without_nan(tables.calibration | columns))
    return tables


def read_calibration(run: FinishedRun) -> CalibrationTables | None:
    """Return what `write_calibration` wrote; None if a file is missing, or predictions have changed since.

    Raises `PxrError` for a damaged file; it names the command that writes all of them again.
    """
    fields = [name for name in CalibrationTables._fields if name != "calibration"]
    places = {name: run.folder / f"{'calibration' if name == 'bins' else name}.csv" for name in fields}
    remedy = f"This command writes it again: pxr calibrate {shlex.quote(str(run.folder))}"
    figures = files.read_json(run.folder / CALIBRATION, remedy)
    if figures is None or not all(place.exists() for place in places.values()):
        return None
    if figures.get("predictions") != run.predictions_digest:
        return None
    tables = {
        name: files.read_csv(place, (), lambda column: column not in _TEXT, remedy) for name, place in places.items()
    }
    return CalibrationTables(figures, **tables)


def read_cutoffs(tables: CalibrationTables, classes: Sequence[str]) -> dict[float, np.ndarray]:
    """Return promised coverage -> the least probability at which each class is in a conformal set, float64 [classes].

    They are about the probabilities that the models give, before the temperature.
    """
    return {
        float(promised): rows.set_index("class").cutoff.loc[list(classes)].to_numpy(np.float64)
        for promised, rows in tables.conformal.groupby("promised")
    }


def _describe_sets(covered: pd.DataFrame) -> list[str]:
    """Say where conformal sets cover less than promised, beyond chance."""
    short = covered[(covered["class"] != ALL) & (covered.high < covered.promised)]
    if len(short):
        named = (f"{row[2]} ({100 * row[5]:.0f} % of a promised {100 * row[1]:.0f} %)" for row in short.itertuples())
        return [f"Conformal sets cover less than they promise: {', '.join(named)}."]
    unknown = dict.fromkeys(covered["class"][covered.high.isna() | ~np.isfinite(covered.cutoff.fillna(0))])
    exception = f", but nothing is known about {', '.join(unknown)}" if unknown else ""
    return [f"No class is covered less than promised, beyond chance{exception}."]


def _describe_few(rows: CrossFit) -> list[str]:
    """Say which classes have few patients to choose on."""
    classes = rows.judged.classes
    few = {
        name
        for one in rows.fitting
        for k, name in enumerate(classes)
        if len(np.unique(one.patients[one.truth == k])) < FEWEST_TO_FIT
    }
    if not few:
        return []
    names = ", ".join(name for name in classes if name in few)
    return [f"Fewer than {FEWEST_TO_FIT} patients to choose on: {names}. Their thresholds and sets are unreliable."]


def _without_nan(value: Any) -> Any:
    """Return a value for JSON, which has no NaN: None takes its place."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
