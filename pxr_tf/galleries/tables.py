"""The tables of a gallery: what each picture's maps show, and each method's checks, with intervals and verdicts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.errors import count_words
from pxr_tf.evaluation.bootstrap import FEWEST_NETWORKS, LEVEL, Interval, patient_interval, two_way_interval
from pxr_tf.explain.film import find_film
from pxr_tf.explain.maps import share_inside, share_of_area
from pxr_tf.explain.maps_file import MapHeader, PictureMaps, file_stem, read_maps
from pxr_tf.explain.method_table import METHODS
from pxr_tf.explain.verdicts import CHECKS as CHECKS_OF_METHODS
from pxr_tf.explain.verdicts import Measured, bound_above, counted, judge
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
MEASURED_COLUMNS = ("check", "method", "image_id", "value", "detail", "view", "network", "other", "chance")
BETWEEN_NETWORKS = [key for key, check in CHECKS_OF_METHODS.items() if check.networks]
WITH_SIGN = {*CHECKS_OF_METHODS} - {"weights", "labels"}  # values from -1 to 1; all others are from 0 to 1
# With these crops a map cannot choose between the lungs and the rest: the black part has no detail.
BLACK = {
    "lungs_only": "the run's crop blacks out all but the lungs",
    "without_lungs": "the run's crop blacks out the lungs",
}
ROUNDING = 1e-6  # of areas: float32 and a table's seven digits leave up to 1e-7 of equal ones
SEEN = 0.005  # of a probability with two digits: smaller differences are not shown
UNSEEN = {NOT_LOOKED_FOR, *BLACK.values()}  # why a gallery's maps are not compared with lungs
NONE_COUNTS = "not measured, because the models were trained on these pictures, or used them to choose epochs."

TableRow = dict[str, str | float]  # column -> value


class View(NamedTuple):
    """What a check measured of a method's maps, or of their values with and without signs."""

    found: Measured
    pictures: int  # with a value
    note: str = ""


def tabulate(explained: Explained, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return ``explained.csv``: a row per picture and method, each with `columns` (`origin_and_split`)."""
    rows = [row for case in explained.table.itertuples() for row in _rows_of(explained, case)]
    return pd.DataFrame(rows).assign(**columns)


def open_maps(folder: Path, file: str) -> PictureMaps:
    """Return the maps of a picture, which were written a moment ago."""
    found = read_maps(folder / file)
    if found is None:
        raise FileNotFoundError(f"the maps {folder / file} have disappeared")
    return found


def chance_words(count: int, what: str) -> str:
    """Return a sentence on how many of a table's verdicts or intervals chance makes wrong; "" if there are none.

    The number expected is a sum, so it holds whether the rows depend on one another or not.
    """
    each = f"{1 - LEVEL:.0%}".replace("%", " %")
    words = f"The table has {count_words(count, what)}, each wrong by chance in up to {each} of cases"
    return f"{words}: expect up to {(1 - LEVEL) * count:.1f} wrong ones." if count else ""


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
        found = _interval_of(check, part, patients)
        found = Interval(found.value, np.nan, np.nan) if np.isinf(found.low) else _clip(check, found)
        rows.append(_row(check, name, ALL, found, _pictures_of(part), detail=detail, view=view))
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
    film = find_film(found.picture)
    on_film = np.s_[:, film.rows, film.columns]
    bars = np.ones((1, *found.picture.shape), bool)
    bars[on_film] = False
    for name, values in found.large.items():
        share = np.nan if mask is None else share_inside(values[None][on_film], mask[on_film])[0]
        area = np.nan if mask is None else share_of_area(mask[on_film])[0]
        own = {"method": name, "layer": about["layers"].get(name, ""), "in_lungs": share, "lungs_of_picture": area}
        yield {**said, **own, "on_bars": share_inside(values[None], bars)[0], **more}


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


def _verdict_rows(name: str, found: Mapping[str, Mapping[str, View]], notes: Mapping[str, str]) -> Iterator[TableRow]:
    """Yield the verdicts on a method; for a signed method, the worse view decides."""
    chosen, more = {}, {}
    for check, by_view in found.items():
        sign = -1 if CHECKS_OF_METHODS[check].side == "below" else 1
        known = [view for view, one in by_view.items() if not np.isnan(one.found.value)]
        view = min(known or by_view, key=lambda view: sign * (by_view[view].found.value - by_view[view].found.bound))
        chosen[check] = by_view[view]
        others = [f"{other} values: {by_view[other].found.value:.2f}" for other in known if other != view]
        said = f"This is for {view} values; for {others[0]}." if others else ""
        more |= {check: f"{said} {chosen[check].note}".strip()}
    for verdict in judge({check: one.found for check, one in chosen.items()}, {**notes, **more}):
        pictures = chosen[verdict.check].pictures if verdict.check in chosen else 0
        own = {"state": verdict.state, "reason": verdict.reason, "pictures": pictures}
        numbers = {"value": verdict.value, "low": verdict.low, "high": verdict.high, "bound": verdict.bound}
        yield {"check": verdict.check, "method": name, "class": ALL, "detail": "", "view": "", **numbers, **own}


def _measured(
    name: str, rows: pd.DataFrame, values: pd.DataFrame, patients: Mapping[str, str]
) -> dict[str, dict[str, View]]:
    """Return check -> view -> what was measured."""
    found = {}
    if TRUSTED_LUNGS in set(rows.lungs):
        gain = (rows.in_lungs - rows.lungs_of_picture).to_numpy()
        found["in_lungs"] = {"": _of_patients("in_lungs", gain, rows.patient_id.to_numpy(), _bars_words(rows))}
    for check, sign in (("deletion", -1), ("insertion", 1)):
        part = values[values.check == check].pivot(index="image_id", columns="method", values="value")
        for order in ORDERS:
            if name in part and order in part:
                gain = sign * (part[name] - part[order])
                gain = gain.mask(gain.abs() < ROUNDING, 0.0).to_numpy()
                key = f"{check}_{order}"
                found[key] = {"": _of_patients(key, gain, part.index.map(patients).to_numpy())}
    for check in BETWEEN_NETWORKS:
        part = values[(values.check == check) & (values.method == name)]
        if len(part):
            last = part[part.detail == part.detail.iloc[-1]]  # the cascade's last step: all weights are random
            found[check] = {str(view): _of_networks(check, own, patients) for view, own in last.groupby("view")}
    return found


def _of_patients(check: str, numbers: np.ndarray, names: np.ndarray, note: str = "") -> View:
    found = _clip(check, patient_interval(numbers, names))
    return View(Measured(*found, CHECKS_OF_METHODS[check].bound), int((~np.isnan(numbers)).sum()), note)


def _of_networks(check: str, part: pd.DataFrame, patients: Mapping[str, str]) -> View:
    """Return what was measured with several networks; the bound depends on what chance would give."""
    known = part[part.value.notna()]
    if known.empty:
        return View(Measured(np.nan, np.nan, np.nan, CHECKS_OF_METHODS[check].bound), 0)
    count, chance = len({*known.network, *known.other} - {""}), float(known.chance.mean())
    note = f"Compared: {count_words(count, 'network')}"
    note += "" if count >= FEWEST_NETWORKS else f"; a verdict needs {FEWEST_NETWORKS} or more"
    note += f". Unrelated maps of this size and smoothness would have {chance:.2f}." if chance else "."
    bound = bound_above(CHECKS_OF_METHODS[check], chance)
    found = _clip(check, _interval_of(check, part, patients))  # with too few networks, any value is possible
    return View(Measured(*found, bound), _pictures_of(part), note)


def _bars_words(rows: pd.DataFrame) -> str:
    """Return how much of the maps is on empty bars around the film, which do not count; "" if there are none."""
    barred = rows.on_bars[rows.on_bars > 0]
    if barred.empty:
        return ""
    return (
        f"Even bars around the film do not count: {count_words(len(barred), 'map')} had {100 * barred.mean():.0f} % of "
        "the evidence there."
    )


def _unsigned(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, with absolute correlations for networks with random weights or permuted labels.

    A map that such a network inverts still shows the same parts, and correlations with several random networks must not
    cancel out.
    """
    untrained = measured.check.isin(["weights", "labels"])
    return measured.assign(value=measured.value.where(~untrained, measured.value.abs()))


def _interval_of(check: str, part: pd.DataFrame, patients: Mapping[str, str]) -> Interval:
    """Return the mean over pictures with its interval; the networks that a check compares are a sample, too."""
    whose = part.image_id.map(patients)
    if check in BETWEEN_NETWORKS:
        return two_way_interval(part.value, part.image_id, whose, part[["network", "other"]])
    return patient_interval(part.value, whose)


def _pictures_of(part: pd.DataFrame) -> int:
    return int(part.image_id[part.value.notna()].nunique())


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
        yield _share_row(LUNG_AREA, "", label, once.lungs_of_picture, once.patient_id)
        for name in dict.fromkeys(table.method):
            part = rows[rows.method == name]
            yield _share_row(LUNG_SHARE, name, label, part.in_lungs, part.patient_id)


def _share_row(check: str, method: str, label: str, numbers: pd.Series, names: pd.Series) -> TableRow:
    found = _clip(check, patient_interval(numbers, names))
    return _row(check, method, label, found, int(numbers.notna().sum()))


def _row(
    check: str, method: str, label: str, found: Interval, pictures: int, detail: str = "", view: str = ""
) -> TableRow:
    place = {"check": check, "method": method, "class": label, "detail": detail, "view": view}
    numbers = {"value": found.value, "low": found.low, "high": found.high}
    return {**place, **numbers, "bound": np.nan, "state": "", "reason": "", "pictures": pictures}


def _clip(check: str, found: Interval) -> Interval:
    """Return the mean with its interval, clipped to possible values: Student's interval can exceed them."""
    return Interval(found.value, *np.clip(found[1:], -1.0 if check in WITH_SIGN else 0.0, 1.0).tolist())


def method_title(name: str) -> str:
    """Return the title of a method, or of an order of deletion."""
    return METHODS[name].title[:1].upper() + METHODS[name].title[1:] if name in METHODS else f"{name} order"
