"""Figures of ROC curves, and a small table of operating points over folds or over seeds."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf.evaluation.roc import AS_PREDICTED, FROM_VALIDATION, TEST_OPTIMISTIC, MeanPoints
from pxr_tf.report.figures import CARD, SYNTHETIC_NOTE, new_figure, wrap_name
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.fonts import show_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTHING_CHOSEN = "No threshold was chosen: validation needs images both inside and outside the class."
RULE_WORDS = {FROM_VALIDATION: "validation", TEST_OPTIMISTIC: "test: optimistic", AS_PREDICTED: "as predicted"}
MARKS = {FROM_VALIDATION: ("o", "full"), TEST_OPTIMISTIC: ("o", "none"), AS_PREDICTED: ("X", "full")}  # (marker, fill)
POINT_COLUMNS = {"Sens.": "sensitivity", "Spec.": "specificity", "Prec.": "precision", "Acc.": "accuracy"}
MOST_NAMED = 5  # folds in the legend
WIDTH = 3.7  # inches per panel


def draw_roc(
    curves: pd.DataFrame, points: pd.DataFrame, title: str, synthetic: bool, classes: Sequence[str] = ()
) -> "Figure":
    """Return a figure: a panel per class, a colour per fold; test rows are solid, validation rows dashed.

    Marks show each threshold on the test rows. A class without a curve has an empty panel. `classes`: all classes, in
    order, of which the panels may show some.
    """
    names = list(points["class"].unique())
    figure = new_figure(max(2, len(names)) * WIDTH, WIDTH + 1.4)
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.24, top=0.84, wspace=0.25)
    lines = max(wrap_name(name).count("\n") for name in show_names(names))  # of the panels' titles, above one
    head = f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title
    figure.suptitle(head, fontsize=11, y=0.89 + 0.04 * lines, va="bottom")
    classes = classes or names
    shown = dict(zip(classes, show_names(classes), strict=True))
    folds = [fold for fold in points.fold.unique() if fold not in ("mean", "sd")]
    for place, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, len(names), place, xlabel="1 - specificity", aspect="equal")
        axes.plot([0, 1], [0, 1], color="lightgrey", linewidth=1)
        for number, fold in enumerate(folds):
            _draw_fold(axes, curves[_at(curves, fold, name)], points[_at(points, fold, name)], f"C{number}")
        axes.set_title(_panel_title(shown[name], curves[curves["class"] == name]), fontsize=10)
        axes.grid(alpha=0.25)
    figure.axes[0].set_ylabel("sensitivity")
    _add_legend(figure, folds, set(curves.role), list(dict.fromkeys(points.rule)))
    return figure


def draw_roc_card(curves: pd.DataFrame, points: pd.DataFrame, name: str, synthetic: bool) -> "Figure":
    """Return `draw_roc` of one class (`name`, as shown) and fold at the size of a card, which has its own title."""
    figure = new_figure(CARD, CARD + 1)
    figure.subplots_adjust(left=0.16, right=0.97, bottom=0.33, top=0.9)
    axes = figure.add_subplot(xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
    axes.plot([0, 1], [0, 1], color="lightgrey", linewidth=1)
    _draw_fold(axes, curves, points, "C0")
    title = _panel_title(name, curves)
    axes.set_title(f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title, fontsize=9)
    axes.grid(alpha=0.25)
    _add_legend(figure, [], set(curves.role), list(dict.fromkeys(points.rule)), columns=1)
    return figure


def points_table(found: MeanPoints, over: str) -> FittedTable | None:
    """Return the operating points as a table in percent; None if no threshold was chosen.

    With two classes, all rules are shown. With more, only each class's threshold from validation rows, on test rows:
    the run's own table has the predictions, ``thresholds.csv`` the rest. `over`: what mean and sd are over.
    """
    shown = [key for key in found.mean.index if _is_shown(key, found)]
    if not any(rule == FROM_VALIDATION for _, rule, _ in shown):
        return None
    names = list(dict.fromkeys(name for name, _, _ in shown))
    spread = f", mean ± sd over {over}" if found.sd.notna().any(axis=None) else ""
    whose = names[0] if len(names) == 1 else "each class against the rest"
    table = FittedTable(f"Thresholds of {whose}\nthat balance both error rates{spread}")
    table.add_column("% chosen on" if len(names) == 1 else "%")
    for words in ("images", "threshold", *POINT_COLUMNS):
        table.add_column(words, justify="left" if words == "images" else "right")
    for key in shown:
        table.add_row(*_cells(key, found, alone=len(names) == 1))
    return table


def _is_shown(key: tuple[str, str, str], found: MeanPoints) -> bool:
    _, rule, role = key
    if found.mean.index.get_level_values("class").nunique() > 1:
        return (rule, role) == (FROM_VALIDATION, "test")
    return (rule, role) != (TEST_OPTIMISTIC, "val")


def _cells(key: tuple[str, str, str], found: MeanPoints, alone: bool) -> Iterator[str]:
    """Yield the cells of a row; `alone`: the title names the class."""
    name, rule, role = key
    mean, sd = found.mean.loc[key], found.sd.loc[key]
    yield RULE_WORDS[rule] if alone else name
    yield role
    yield _number(mean.threshold, sd.threshold, 4)
    for rate in POINT_COLUMNS.values():
        yield _number(100 * mean[rate], 100 * sd[rate], 1)


def _number(mean: float, sd: float, digits: int) -> str:
    if np.isnan(mean):
        return "-"
    digits = min(digits, 2) if not np.isnan(sd) else digits  # with a spread, more digits mean nothing
    return f"{mean:.{digits}f}" + ("" if np.isnan(sd) else f"±{sd:.{digits}f}")


def _at(table: pd.DataFrame, fold: str, name: str) -> pd.Series:
    return (table.fold == fold) & (table["class"] == name)


def _draw_fold(axes: "Axes", curves: pd.DataFrame, points: pd.DataFrame, colour: str) -> None:
    for role, style in (("val", "--"), ("test", "-")):
        curve = curves[curves.role == role]
        axes.plot(1 - curve.specificity, curve.sensitivity, style, color=colour, linewidth=1.3)
    for point in points[points.role == "test"].itertuples():
        marker, fill = MARKS[point.rule]
        axes.plot(1 - point.specificity, point.sensitivity, marker, fillstyle=fill, color=colour, markersize=7)


def _panel_title(name: str, curves: pd.DataFrame) -> str:
    """Return the class and its area under the curve on the test rows, in percent, mean ± sd over folds."""
    from sklearn.metrics import auc

    name, tested = wrap_name(name), curves[curves.role == "test"]
    areas = pd.Series([auc(1 - one.specificity, one.sensitivity) for _, one in tested.groupby("fold")], dtype=float)
    return f"{name}, AUC {_number(100 * areas.mean(), 100 * areas.std(), 1)} %" if len(areas) else name


def _add_legend(figure: "Figure", folds: list[str], roles: set[str], rules: list[str], columns: int = 3) -> None:
    from matplotlib.lines import Line2D

    styles = {"test": ("test", "-"), "val": ("validation", "--")}
    handles = [Line2D([], [], color="grey", linestyle=styles[role][1], label=styles[role][0]) for role in sorted(roles)]
    for rule in rules:
        marker, fill = MARKS[rule]
        options = {"color": "grey", "linestyle": "", "marker": marker, "fillstyle": fill}
        label = RULE_WORDS[rule] if rule == AS_PREDICTED else f"threshold chosen on {RULE_WORDS[rule]}"
        handles.append(Line2D([], [], label=label, **options))
    if len(folds) > 1:
        named = folds[:MOST_NAMED]
        handles += [Line2D([], [], color=f"C{number}", label=f"fold {fold}") for number, fold in enumerate(named)]
    figure.legend(handles=handles, loc="lower center", ncols=columns, fontsize=8, frameon=False)
