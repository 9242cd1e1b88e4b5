"""Figures of an audit: what their cells and curves say."""

import numpy as np
import pandas as pd
import pytest

from pxr_tf.report.audit_figures import draw_flips, draw_robustness
from pxr_tf.report.figures import SYNTHETIC_NOTE, write_figure

CLASSES = ("bacterial", "covid19", "normal")


def make_flips(classes=CLASSES):
    """Return a table in which the first class becomes the second one in its frame, and nothing else flips."""
    rows = []
    for change, of in [("shift", ""), ("marker", ""), *(("frame", name) for name in classes)]:
        for name in classes:
            hit = (change, of, name) == ("frame", classes[1], classes[0])
            share = 0.84 if hit else 0.0
            rows.append((change, of, name, "flipped", "", share))
            rows.append((change, of, name, "more flipped", "", share))
            rows += [(change, of, name, "called", to, share * (to == classes[1])) for to in classes]
    return pd.DataFrame(rows, columns=["change", "of", "class", "figure", "to", "value"])


def make_curves(kinds=("noise", "blur")):
    rows = []
    for kind in kinds:
        for strength in (0, 1, 2):
            own = (kind, strength, "grey levels", "yes" if strength == 1 else "no")
            rows.append((*own, "all", "balanced_accuracy", "", 0.9 - strength / 10, 0.8 - strength / 10, 0.95))
            rows += [(*own, name, "sensitivity", "", 0.5, 0.4, 0.6) for name in CLASSES]
    columns = ["degradation", "strength", "unit", "mild", "class", "figure", "to", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_cell_names_the_share_that_flips_and_the_class_that_gains_most(tmp_path):
    table = make_flips()
    table.to_csv(tmp_path / "flips.csv", index=False)
    for one in (table, pd.read_csv(tmp_path / "flips.csv")):  # an empty text in a file is missing when it is read
        figure = draw_flips(one, "a run", synthetic=False)
        assert words(figure).count("84 % (covid19)") == 1
        assert words(figure).count("0 %") == len(CLASSES) * (2 + len(CLASSES)) - 1
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()][2:] == [f"frame of {name}" for name in CLASSES]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(CLASSES)


def test_controls_have_no_colour_and_grey_letters():
    table = make_flips()
    control = (table.change == "frame") & (table["of"] == table["class"]) & table.figure.str.contains("flipped")
    figure = draw_flips(table.assign(value=table.value.where(~control, 0.5)), "a run", synthetic=False)
    (axes,) = figure.axes
    colours = np.asarray(axes.images[0].get_array())
    assert colours.max() == 0.84 and (colours > 0).sum() == 1
    grey = [text.get_text()[:4] for text in axes.texts if text.get_color() == "grey"]
    assert sorted(grey) == ["0 %"] * 3 + ["50 %"] * 3  # the shift, and each class's own frame


def test_changes_that_were_not_measured_have_a_dash():
    table = make_flips()
    figure = draw_flips(table.assign(value=table.value.where(table.change != "marker")), "a run", synthetic=False)
    assert words(figure).count("-") == len(CLASSES)


def test_each_degradation_has_a_panel_with_a_curve_per_class_and_its_mild_strength():
    figure = draw_robustness(make_curves(), "a run", synthetic=True)
    *panels, legend = figure.axes
    assert [axes.get_title() for axes in panels] == ["noise", "blur"]
    for axes in panels:
        balanced, mild, *of_classes = axes.get_lines()
        assert list(balanced.get_ydata()) == pytest.approx([0.9, 0.8, 0.7]) and list(mild.get_xdata()) == [1, 1]
        assert len(of_classes) == len(CLASSES)
    named = [text.get_text() for text in legend.get_legend().get_texts()]
    assert named[:2] == ["balanced accuracy", "mild strength"] and named[2:] == [f"sensitivity, {n}" for n in CLASSES]
    assert SYNTHETIC_NOTE in figure.get_suptitle()


@pytest.mark.parametrize("names", [("健康", "肺炎", "其他"), ("a_very_long_name_of_a_class_that_goes_on", "b", "c")])
def test_any_class_name_can_be_drawn(tmp_path, names):
    write_figure(tmp_path / "flips.png", draw_flips(make_flips(names), "a run", synthetic=True))
    assert (tmp_path / "flips.png").stat().st_size > 5000
