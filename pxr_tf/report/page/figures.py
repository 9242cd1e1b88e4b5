"""The figures of a page: small panels that stay readable at the width of a telephone."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from pxr_tf.report.figures import draw_epochs, new_figure, wrap_name
from pxr_tf.report.fonts import show_names
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.inline import COLOURS, GRID, INK
from pxr_tf.report.page.parts import Drawing
from pxr_tf.report.page.words import NAMES, ends_of, measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 3.5, 3.1  # inches: 336 pixels
ROW = 0.34  # inches of a line of a figure with intervals
MOST_NAMED = 10  # folds in a legend
STYLES = ("-", "--", ":", "-.")  # for more lines than colours


def roc_panels(facts: RunFacts, curves: pd.DataFrame) -> list[Drawing]:
    """Return a ROC curve per class, a line per fold."""
    return [
        _curve_panel(facts, curves, name, number, "roc", ("1 - specificity", "sensitivity"), "auc")
        for number, name in enumerate(curves["class"].unique(), start=1)
    ]


def precision_recall_panels(facts: RunFacts, curves: pd.DataFrame) -> list[Drawing]:
    """Return a precision-recall curve per class, a line per fold."""
    axes = ("sensitivity (recall)", "precision")
    return [
        _curve_panel(facts, curves, name, number, "precision-recall", axes, "average_precision")
        for number, name in enumerate(curves["class"].unique(), start=1)
    ]


def learning_panels(histories: Mapping[str, pd.DataFrame], losses: Mapping[str, str]) -> list[Drawing]:
    """Return loss and accuracy over the epochs, a colour per fold."""
    found = []
    for metric in ("loss", "accuracy"):
        drawn, axes = new_panel(WIDTH + 0.5, HEIGHT + 0.3)
        draw_epochs(axes, histories, metric, losses, COLOURS)
        _name_folds(axes, [name.removeprefix("fold-") for name in histories])
        ends = [f"{fold} {history[metric].iloc[-1]:.3f}" for fold, history in histories.items()]
        words = f"{metric} over the epochs of each fold; at the end {', '.join(ends[:MOST_NAMED])}."
        validates = any(f"val_{metric}" in history for history in histories.values())
        dashed = "; dashed: validation images" if validates else ""
        caption = f"{metric.capitalize()} in training, a colour per fold{dashed}."
        found.append(Drawing(f"learning-{metric}", caption, words, drawn))
    return found


def folds_figure(facts: RunFacts) -> Drawing:
    """Return the accuracy of each fold with its interval."""
    names = [*facts.run.folds, "mean"]
    rows = [ends_of(facts.table, "all", "accuracy", fold) for fold in names]
    shown = [f"fold {name}" if name != "mean" else name for name in names]
    words = "; ".join(f"{a} {measured(facts.table, 'all', 'accuracy', b)}" for a, b in zip(shown, names, strict=True))
    return Drawing("folds", "Accuracy of each fold.", f"Accuracy: {words}.", draw_rows(shown, rows, "accuracy, %"))


def classes_figure(facts: RunFacts) -> Drawing:
    """Return the sensitivity of each class with its interval, and the paper's."""
    classes = list(facts.info.classes)
    rows = [ends_of(facts.table, name, "sensitivity") for name in classes]
    paper = [facts.paper.value("sensitivity", name) if facts.paper else None for name in classes]
    words = "; ".join(f"{name} {measured(facts.table, name, 'sensitivity')}" for name in classes)
    crosses = " Crosses: the paper." if any(value is not None for value in paper) else ""
    drawn = draw_rows(show_names(classes), rows, "sensitivity, %", paper)
    return Drawing("sensitivity", f"Sensitivity of each class.{crosses}", f"Sensitivity: {words}.", drawn)


def draw_rows(
    names: Sequence[str], rows: Sequence[tuple[float, float, float]], label: str, crosses: Sequence[float | None] = ()
) -> "Figure":
    """Return a dot with its interval per row (value, low, high: fractions), from top to bottom, in percent."""
    drawn, axes = new_panel(WIDTH, 0.9 + ROW * len(names))
    for place, (value, low, high) in enumerate(rows):
        axes.plot([100 * low, 100 * high], [place, place], color=COLOURS[0], linewidth=2)
        axes.plot([100 * value], [place], "o", color=COLOURS[0], markersize=6)
    for place, value in enumerate(crosses):
        if value is not None:
            axes.plot([100 * value], [place], "X", color=COLOURS[1], markersize=8)
    axes.set_yticks(range(len(names)), [wrap_name(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(label)
    return drawn


def _curve_panel(
    facts: RunFacts, curves: pd.DataFrame, name: str, number: int, kind: str, labels: tuple[str, str], metric: str
) -> Drawing:
    drawn, axes = new_panel(WIDTH, WIDTH)
    own = curves[curves["class"] == name]
    for line, (fold, curve) in enumerate(own.groupby("fold", sort=False)):
        style = {"color": COLOURS[line % len(COLOURS)], "linewidth": 1.3, "label": fold}
        style["linestyle"] = STYLES[line // len(COLOURS) % len(STYLES)]
        if kind == "roc":
            axes.plot(1 - curve.specificity, curve.sensitivity, **style)
        else:
            axes.plot(curve.sensitivity, curve.precision, drawstyle="steps-pre", **style)
    shares = own.groupby("fold").share.first()
    guess = ([0, 1], [0, 1]) if kind == "roc" else ([0, 1], [shares.mean()] * 2)
    axes.plot(*guess, color=GRID, linewidth=1)
    axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    _name_folds(axes, list(own.fold.unique()))
    values = measured(facts.table, name, metric)
    caption = f"{name}: {NAMES[metric]} {values}."
    kinds = {"roc": "ROC curve", "precision-recall": "Precision-recall curve"}
    alternative = f"{kinds[kind]} of {name} against the rest; {NAMES[metric]} {values}."
    return Drawing(f"{kind}-{number}", caption, alternative, drawn)


def _name_folds(axes: "Axes", folds: Sequence[str]) -> None:
    """Add a legend of the folds, if there are several; lines have the folds' order."""
    if len(folds) > 1:
        lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")][:MOST_NAMED]
        title = {"title": "fold", "title_fontsize": 8, "labelcolor": INK}
        legend = axes.legend(lines, folds[:MOST_NAMED], fontsize=8, frameon=False, **title)
        legend.get_title().set_color(INK)


def new_panel(width: float, height: float) -> "tuple[Figure, Axes]":
    """Return an empty figure with axes in the page's colours."""
    drawn = new_figure(width, height)
    axes = drawn.add_subplot()
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_color(GRID)
        spine.set_visible(side in ("left", "bottom"))
    return drawn, axes
