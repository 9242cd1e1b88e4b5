"""The curves of a run: lines, marks, legend and title."""

import numpy as np
import pandas as pd
import pytest

from pxr_tf.report.figures import MOST_NAMED_FOLDS, draw_curves
from pxr_tf.vocabulary.training import Phase


def history(head: int, whole: int, *, validates: bool = False, start: float = 1.0) -> pd.DataFrame:
    count = head + whole
    table = pd.DataFrame(
        {"phase": ["head"] * head + ["all"] * whole, "epoch": [*range(1, head + 1), *range(1, whole + 1)]}
    )
    table["loss"] = start / np.arange(1, count + 1)
    table["accuracy"] = 1 - table.loss / 2
    return table.assign(val_loss=table.loss + 0.5, val_accuracy=table.accuracy - 0.25) if validates else table


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_epochs_are_numbered_across_phases_and_validation_is_dashed():
    figure = draw_curves({"official": history(2, 3, validates=True)}, "A title", synthetic=False)
    loss, accuracy = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    training, validation, *marks = loss.get_lines()
    assert list(training.get_xdata()) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(validation.get_ydata() - training.get_ydata(), 0.5)
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert training.get_color() == validation.get_color()
    np.testing.assert_allclose(accuracy.get_lines()[1].get_ydata() - accuracy.get_lines()[0].get_ydata(), -0.25)
    assert [mark.get_xdata()[0] for mark in marks] == [0.5, 2.5]
    assert [text.get_text() for text in loss.texts] == ["head", "all"]
    assert legend(figure) == ["training", "validation", "official"]


def test_each_fold_has_a_colour_and_only_the_hold_out_validates():
    folds = {f"fold-{number}": history(1, 2, start=number + 1) for number in range(3)}
    figure = draw_curves(folds | {"holdout": history(2, 2, validates=True)}, "A title", synthetic=False)
    lines = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) > 2]
    assert [len(line.get_xdata()) for line in lines] == [3, 3, 3, 4, 4]
    assert len({line.get_color() for line in lines}) == 4
    assert legend(figure) == ["training", "validation", *folds, "holdout"]


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_single_phase_has_no_mark_and_the_title_names_phantoms(synthetic):
    figure = draw_curves({"official": history(0, 1)}, "A title", synthetic)
    assert not figure.axes[0].texts
    assert legend(figure) == ["training", "official"]
    title = figure.get_suptitle()
    assert title.startswith("A title")
    assert ("synthetic" in title.lower()) == synthetic


def test_the_legend_names_only_the_first_of_very_many_folds():
    folds = {f"fold-{number}": history(0, 1) for number in range(MOST_NAMED_FOLDS + 5)}
    assert len(legend(draw_curves(folds, "A title", synthetic=False))) == MOST_NAMED_FOLDS + 1


def test_a_phase_with_another_loss_is_marked_on_the_loss_only():
    losses = {"head": "", "all": "label smoothing 0.1"}
    figure = draw_curves({"official": history(2, 3)}, "A title", False, losses)
    loss, accuracy = figure.axes
    assert [text.get_text() for text in loss.texts] == ["head", "all", "new loss:\nlabel smoothing 0.1"]
    assert loss.texts[2].get_position()[0] == pytest.approx(2.55)
    assert [text.get_text() for text in accuracy.texts] == ["head", "all"]
    back = draw_curves({"official": history(2, 3)}, "A title", False, {"head": "L2 0.1 of the head", "all": ""})
    assert back.axes[0].texts[2].get_text() == "new loss:\ncross-entropy"
    same = draw_curves({"official": history(2, 3)}, "A title", False, dict.fromkeys(losses, "label smoothing 0.1"))
    assert len(same.axes[0].texts) == 2


def test_phases_that_begin_at_other_epochs_are_marked_in_the_folds_colours():
    figure = draw_curves({"fold-0": history(1, 2), "fold-1": history(3, 1)}, "A title", False)
    marks = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == ":"]
    assert [(mark.get_xdata()[0], mark.get_color()) for mark in marks] == [
        (0.5, "C0"),
        (1.5, "C0"),
        (0.5, "C1"),
        (3.5, "C1"),
    ]
    assert [text.get_text() for text in figure.axes[0].texts] == ["head", "all"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ""),
        ({"label_smoothing": 0.1}, "label smoothing 0.1"),
        ({"l2": 1e-4}, "L2 0.0001 of all layers"),
        ({"l2": 1e-4, "train": "head", "label_smoothing": 0.2}, "label smoothing 0.2, L2 0.0001 of the head"),
    ],
)
def test_a_phase_says_what_its_loss_adds(values, words):
    assert Phase(**{"name": "a", "train": "all", "max_epochs": 1, **values}).loss_words == words
