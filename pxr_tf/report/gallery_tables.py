"""The tables of a gallery: what each picture's maps show; what each method is worth, with intervals and verdicts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pxr_tf.evaluation.bootstrap import patient_interval
from pxr_tf.experiments.explain_run import Explained
from pxr_tf.explain.in_lungs import share_inside, share_of_area
from pxr_tf.explain.maps_file import PictureMaps, file_stem, read_maps
from pxr_tf.explain.method_table import METHODS
from pxr_tf.explain.verdicts import judge

TABLE, CHECKS = "explained.csv", "checks.csv"
SHEETS, THUMBS = "sheets", "thumbs"
ALL = "all"  # pictures of every class
SHARE, AREA = "share in the lungs", "the lungs' share of the picture"
TRUSTED = "trusted"
NOT_LOOKED_FOR = "not looked for"
ORDERS = ("random", "centre")  # what deletion and insertion are compared with
CHECK_COLUMNS = ("check", "method", "class", "detail", "value", "low", "high", "bound", "state", "reason", "pictures")


def tabulate(explained: Explained, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return ``explained.csv``: a row per picture and method; `columns` say in each what the run is worth."""
    rows = [row for case in explained.table.itertuples() for row in _rows_of(explained, case)]
    return pd.DataFrame(rows).assign(**columns)


def open_maps(folder: Path, file: str) -> PictureMaps:
    """Return the maps of a picture; they were written a moment ago."""
    found = read_maps(folder / file)
    if found is None:
        raise FileNotFoundError(f"the maps {folder / file} went away")
    return found


def check_table(table: pd.DataFrame, measured: pd.DataFrame | None) -> pd.DataFrame:
    """Return ``checks.csv``: verdicts on each method first, then every mean that they and the page stand on.

    `table` is from `tabulate`, `measured` from the task ``explain_checks``; None where that was not asked for.
    """
    patients = dict(zip(table.image_id, table.patient_id, strict=True))
    values = pd.DataFrame(columns=["check", "method", "image_id", "detail", "value"]) if measured is None else measured
    methods = list(dict.fromkeys(table.method))
    rows = [row for name in methods for row in _verdict_rows(name, table[table.method == name], values, patients)]
    rows += _share_rows(table)
    for (check, name, detail), part in values.groupby(["check", "method", "detail"], sort=False):
        names = part.image_id.map(patients)
        rows.append(_row(check, name, ALL, part.value.to_numpy(), names.to_numpy(), detail=detail))
    return pd.DataFrame(rows, columns=CHECK_COLUMNS)


def failed_words(checks: pd.DataFrame) -> dict[str, str]:
    """Return method -> how many of the checks that were measured it failed, in words; "" for none."""
    words = {}
    for name, rows in checks[checks.state != ""].groupby("method"):
        failed, measured = (rows.state == "failed").sum(), (rows.state != "not measured").sum()
        words[str(name)] = f"failed {failed} of {measured} checks" if failed else ""
    return words


def _rows_of(explained: Explained, case: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of one picture, a method each."""
    found = open_maps(explained.folder, case.file)
    about, classes = found.about, found.about["classes"]
    predicted = case.predicted or classes[int(np.argmax(about["probabilities"]))]
    stem = file_stem(case.image_id)
    lungs, mask = explained.lungs, None
    why_not = NOT_LOOKED_FOR if lungs is None else lungs.why_not(case.image_id)
    if lungs is not None and not why_not:
        mask = lungs.mask_of(case.image_id)[None]
    said = {
        "image_id": case.image_id,
        "group": case.group,
        "label": case.label,
        "predicted": predicted,
        "p_predicted": about["probabilities"][classes.index(predicted)],
        "explained": classes[about["target"]],
        "p_explained": about["probabilities"][about["target"]],
        "fold": case.fold,
        "role": case.role,
    }
    more = {
        "lungs": why_not or TRUSTED,
        "sheet": f"{SHEETS}/{stem}.png",
        "thumbnail": f"{THUMBS}/{stem}.jpg",
        "maps": case.file,
        "patient_id": case.patient_id,
        "source": case.source,
    }
    for name, values in found.large.items():
        share = np.nan if mask is None else share_inside(values[None], mask)[0]
        area = np.nan if mask is None else share_of_area(mask)[0]
        own = {"method": name, "layer": about["layers"].get(name, ""), "in_lungs": share, "lungs_of_picture": area}
        yield {**said, **own, **more}


def _verdict_rows(
    name: str, rows: pd.DataFrame, values: pd.DataFrame, patients: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    measured, counts = {}, {}
    for check, (numbers, names) in _measured(name, rows, values, patients).items():
        measured[check] = patient_interval(numbers, names)
        counts[check] = int((~np.isnan(numbers)).sum())
    for verdict in judge(measured):
        own = {"state": verdict.state, "reason": verdict.reason, "pictures": counts.get(verdict.check, 0)}
        numbers = {"value": verdict.value, "low": verdict.low, "high": verdict.high, "bound": verdict.bound}
        yield {"check": verdict.check, "method": name, "class": ALL, "detail": "", **numbers, **own}


def _measured(
    name: str, rows: pd.DataFrame, values: pd.DataFrame, patients: Mapping[str, str]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return check -> (numbers as `judge` wants them, patients), a row per picture, of what was measured."""
    found = {}
    if (rows.lungs != NOT_LOOKED_FOR).any():
        found["in_lungs"] = ((rows.in_lungs - rows.lungs_of_picture).to_numpy(), rows.patient_id.to_numpy())
    for check, sign in (("deletion", -1), ("insertion", 1)):
        part = values[values.check == check].pivot(index="image_id", columns="method", values="value")
        for order in ORDERS:
            if name in part and order in part:
                gain = sign * (part[name] - part[order])
                found[f"{check}_{order}"] = (gain.to_numpy(), part.index.map(patients).to_numpy())
    for check in ("weights", "folds"):
        part = values[(values.check == check) & (values.method == name)]
        part = part.drop_duplicates("image_id", keep="last")  # of the cascade: all weights are random
        if len(part):
            found[check] = (part.value.to_numpy(), part.image_id.map(patients).to_numpy())
    return found


def _share_rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the mean shares in the lungs, of all pictures and of each true class, beside the lungs' own."""
    if (table.lungs == NOT_LOOKED_FOR).all():
        return
    labels = [label for label in dict.fromkeys(table.label) if label]
    for label in (ALL, *labels):
        rows = table if label == ALL else table[table.label == label]
        once = rows.drop_duplicates("image_id")
        yield _row(AREA, "", label, once.lungs_of_picture.to_numpy(), once.patient_id.to_numpy())
        for name in dict.fromkeys(table.method):
            part = rows[rows.method == name]
            yield _row(SHARE, name, label, part.in_lungs.to_numpy(), part.patient_id.to_numpy())


def _row(
    check: str, method: str, label: str, numbers: np.ndarray, names: np.ndarray, detail: str = ""
) -> dict[str, Any]:
    value, low, high = patient_interval(numbers, names)
    nothing = {"bound": np.nan, "state": "", "reason": "", "pictures": int((~np.isnan(numbers)).sum())}
    return {"check": check, "method": method, "class": label, "detail": detail} | {
        "value": value,
        "low": low,
        "high": high,
        **nothing,
    }


def method_title(name: str) -> str:
    """Return how people call a method, or an order of deletion."""
    return METHODS[name].title[:1].upper() + METHODS[name].title[1:] if name in METHODS else f"{name} order"
