"""The tables of a gallery: what each picture's maps show, and each method's checks, with intervals and verdicts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.errors import count_words
from pxr_tf.evaluation.bootstrap import Interval, patient_interval
from pxr_tf.explain.maps import share_inside, share_of_area
from pxr_tf.explain.maps_file import MapHeader, PictureMaps, file_stem, read_maps
from pxr_tf.explain.method_table import METHODS
from pxr_tf.explain.verdicts import CHECKS as CHECKS_OF_METHODS
from pxr_tf.explain.verdicts import counted, judge
from pxr_tf.galleries.run import Explained

EXPLAINED_TABLE, CHECKS_TABLE = "explained.csv", "checks.csv"
SHEETS, THUMBS = "sheets", "thumbs"
ALL = "all"  # pictures of every class
LUNG_SHARE, LUNG_AREA = "share in the lungs", "the lungs' share of the picture"
TRUSTED_LUNGS = "trusted"
NOT_LOOKED_FOR = "not looked for"
ORDERS = ("random", "centre")  # what deletion and insertion are compared with
CHECK_COLUMNS = (
    "check", "method", "class", "detail", "view", "value", "low", "high", "bound", "state", "reason", "pictures",
)  # fmt: skip
MEASURED_COLUMNS = ("check", "method", "image_id", "value", "detail", "view", "draw")
WITH_SIGN = {*CHECKS_OF_METHODS} - {"weights", "labels"}  # values from -1 to 1; all others are from 0 to 1
# With these crops a map cannot choose between the lungs and the rest: the black part has no detail.
BLACK = {
    "lungs_only": "the run's crop blacks out all but the lungs",
    "without_lungs": "the run's crop blacks out the lungs",
}
SEEN = 0.005  # of a probability with two digits: smaller differences are not shown
UNSEEN = {NOT_LOOKED_FOR, *BLACK.values()}  # why a gallery's maps are not compared with lungs
NONE_COUNTS = "not measured, because the models were trained on these pictures, or used them to choose epochs."

TableRow = dict[str, str | float]  # column -> value
Numbers = tuple[np.ndarray, np.ndarray]  # each picture's value, and its patient


def tabulate(explained: Explained, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return ``explained.csv``: a row per picture and method, each with `columns` on what the run is worth."""
    rows = [row for case in explained.table.itertuples() for row in _rows_of(explained, case)]
    return pd.DataFrame(rows).assign(**columns)


def open_maps(folder: Path, file: str) -> PictureMaps:
    """Return the maps of a picture, which were written a moment ago."""
    found = read_maps(folder / file)
    if found is None:
        raise FileNotFoundError(f"the maps {folder / file} have disappeared")
    return found


def check_table(
    table: pd.DataFrame, measured: pd.DataFrame | None, notes: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return ``checks.csv``: verdicts on each method first, then all means that they and the page use.

    `table` is from `tabulate`, `measured` from the task ``explain_checks``, or None if it did not run. `notes` has
    check -> why it was not measured. Only pictures that `counted` accepts count.
    """
    known, notes = table[counted(table.role)], dict(notes or {})
    values = pd.DataFrame(columns=MEASURED_COLUMNS) if measured is None else _unsigned(measured)
    values = values[values.image_id.isin(known.image_id)]
    black = [why for why in BLACK.values() if why in set(known.lungs)]
    notes |= {"in_lungs": f"not measured, because {black[0]}."} if black else _untrusted(known)
    notes |= {} if len(known) else dict.fromkeys(CHECKS_OF_METHODS, NONE_COUNTS)
    patients = dict(zip(known.image_id, known.patient_id, strict=True))
    rows = []
    for name in dict.fromkeys(table.method):
        rows += _verdict_rows(name, _measured(name, known[known.method == name], values, patients), notes)
    rows += _share_rows(known)
    for names, part in values.groupby(["check", "method", "detail", "view"], sort=False):
        check, name, detail, view = map(str, names)
        numbers, whose = _per_picture(part, patients)
        rows.append(_row(check, name, ALL, numbers, whose, detail=detail, view=view))
    return pd.DataFrame(rows, columns=CHECK_COLUMNS)


def _rows_of(explained: Explained, case: NamedTuple) -> Iterator[TableRow]:
    """Yield the rows of one picture, one per method."""
    found = open_maps(explained.folder, case.file)
    about = found.about
    stem = file_stem(case.image_id)
    lungs, mask = explained.lungs, None
    why_not = NOT_LOOKED_FOR if lungs is None else BLACK.get(lungs.preparation.crop) or lungs.why_not(case.image_id)
    if lungs is not None and not why_not:
        mask = lungs.mask_of(case.image_id)[None]
    said = {name: getattr(case, name) for name in ("image_id", "group", "label")} | _predictions(about, case)
    said |= {"fold": case.fold, "role": case.role, "copy_of": case.copy_of}
    more = {"lungs": why_not or TRUSTED_LUNGS, "sheet": f"{SHEETS}/{stem}.png", "thumbnail": f"{THUMBS}/{stem}.jpg"}
    more |= {"maps": case.file, "patient_id": case.patient_id, "source": case.source}
    for name, values in found.large.items():
        share = np.nan if mask is None else share_inside(values[None], mask)[0]
        area = np.nan if mask is None else share_of_area(mask)[0]
        own = {"method": name, "layer": about["layers"].get(name, ""), "in_lungs": share, "lungs_of_picture": area}
        yield {**said, **own, **more}


def _predictions(about: MapHeader, case: NamedTuple) -> TableRow:
    """Return the run's prediction of a picture, that of ``predictions.csv`` if it has one, and the explained pass's."""
    classes, explained, alone = about["classes"], about["target"], about["probabilities"]
    run = case.prediction or about["prediction"]
    predicted = classes.index(case.predicted) if case.predicted else int(np.argmax(run))
    of_pass = int(np.argmax(alone))
    return {
        **{"predicted": classes[predicted], "p_predicted": run[predicted]},
        **{"explained": classes[explained], "p_explained": run[explained]},
        **{"pass_predicted": classes[of_pass], "pass_p_predicted": alone[of_pass]},
        "pass_p_explained": alone[explained],
    }


def describe_pass(row: NamedTuple) -> str:
    """Return what the pass that a map explains gives, if that is not the run's prediction; else ""."""
    other = row.pass_predicted != row.predicted
    if not other and abs(row.pass_p_explained - row.p_explained) < SEEN:
        return ""
    said = f"the map explains one pass: {row.explained} {row.pass_p_explained:.2f}"
    return f"{said}, predicted {row.pass_predicted} {row.pass_p_predicted:.2f}" if other else said


def _verdict_rows(
    name: str, found: Mapping[str, Mapping[str, Numbers]], notes: Mapping[str, str]
) -> Iterator[TableRow]:
    """Yield the verdicts on a method; for a signed method, the worse view decides."""
    measured, counts, more = {}, {}, {}
    for check, by_view in found.items():
        intervals = {view: _interval(check, *numbers) for view, numbers in by_view.items()}
        worst = max if CHECKS_OF_METHODS[check].side == "below" else min
        views = [view for view, one in intervals.items() if not np.isnan(one.value)] or list(intervals)
        view = worst(views, key=lambda view: intervals[view].value)
        measured[check], counts[check] = intervals[view], int((~np.isnan(by_view[view][0])).sum())
        others = [f"{other} values: {one.value:.2f}" for other, one in intervals.items() if other != view]
        more |= {check: f"This is for {view} values; for {others[0]}."} if others else {}
    for verdict in judge(measured, {**notes, **more}):
        own = {"state": verdict.state, "reason": verdict.reason, "pictures": counts.get(verdict.check, 0)}
        numbers = {"value": verdict.value, "low": verdict.low, "high": verdict.high, "bound": verdict.bound}
        yield {"check": verdict.check, "method": name, "class": ALL, "detail": "", "view": "", **numbers, **own}


def _measured(
    name: str, rows: pd.DataFrame, values: pd.DataFrame, patients: Mapping[str, str]
) -> dict[str, dict[str, Numbers]]:
    """Return check -> view -> what was measured, as `judge` takes it."""
    found = {}
    if TRUSTED_LUNGS in set(rows.lungs):
        found["in_lungs"] = {"": ((rows.in_lungs - rows.lungs_of_picture).to_numpy(), rows.patient_id.to_numpy())}
    for check, sign in (("deletion", -1), ("insertion", 1)):
        part = values[values.check == check].pivot(index="image_id", columns="method", values="value")
        for order in ORDERS:
            if name in part and order in part:
                gain = sign * (part[name] - part[order])
                found[f"{check}_{order}"] = {"": (gain.to_numpy(), part.index.map(patients).to_numpy())}
    for check in ("weights", "labels", "folds"):
        part = values[(values.check == check) & (values.method == name)]
        if len(part):
            last = part[part.detail == part.detail.iloc[-1]]  # the cascade's last step: all weights are random
            found[check] = {str(view): _per_picture(own, patients) for view, own in last.groupby("view")}
    return found


def _unsigned(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, with absolute correlations for networks with random weights or permuted labels.

    A map that such a network inverts still shows the same parts, and correlations with several random networks must not
    cancel out.
    """
    untrained = measured.check.isin(["weights", "labels"])
    return measured.assign(value=measured.value.where(~untrained, measured.value.abs()))


def _per_picture(part: pd.DataFrame, patients: Mapping[str, str]) -> Numbers:
    """Return each picture's mean over the random networks, and its patient."""
    means = part.groupby("image_id", sort=False).value.mean()
    return means.to_numpy(), means.index.map(patients).to_numpy()


def _untrusted(known: pd.DataFrame) -> dict[str, str]:
    """Return a note if lungs were looked for, and no picture that counts has lungs found reliably."""
    reasons = known.drop_duplicates("image_id").lungs.value_counts()
    if known.empty or TRUSTED_LUNGS in reasons or set(reasons.index) <= UNSEEN:
        return {}
    named = ", ".join(f"{reason}: {count_words(count, 'picture')}" for reason, count in reasons.items())
    return {"in_lungs": f"not measured, because no picture that counts has lungs found reliably ({named})."}


def _share_rows(table: pd.DataFrame) -> Iterator[TableRow]:
    """Yield the mean shares in the lungs, for all pictures and each true class, and the lungs' share of the picture."""
    if set(table.lungs) <= UNSEEN:
        return
    labels = [label for label in dict.fromkeys(table.label) if label]
    for label in (ALL, *labels):
        rows = table if label == ALL else table[table.label == label]
        once = rows.drop_duplicates("image_id")
        yield _row(LUNG_AREA, "", label, once.lungs_of_picture.to_numpy(), once.patient_id.to_numpy())
        for name in dict.fromkeys(table.method):
            part = rows[rows.method == name]
            yield _row(LUNG_SHARE, name, label, part.in_lungs.to_numpy(), part.patient_id.to_numpy())


def _row(
    check: str, method: str, label: str, numbers: np.ndarray, names: np.ndarray, detail: str = "", view: str = ""
) -> TableRow:
    value, low, high = _interval(check, numbers, names)
    place = {"check": check, "method": method, "class": label, "detail": detail, "view": view}
    nothing = {"bound": np.nan, "state": "", "reason": "", "pictures": int((~np.isnan(numbers)).sum())}
    return {**place, "value": value, "low": low, "high": high, **nothing}


def _interval(check: str, numbers: np.ndarray, names: np.ndarray) -> Interval:
    """Return the mean with its interval, clipped to possible values: Student's interval can exceed them."""
    found = patient_interval(numbers, names)
    return Interval(found.value, *np.clip(found[1:], -1.0 if check in WITH_SIGN else 0.0, 1.0).tolist())


def method_title(name: str) -> str:
    """Return the title of a method, or of an order of deletion."""
    return METHODS[name].title[:1].upper() + METHODS[name].title[1:] if name in METHODS else f"{name} order"
