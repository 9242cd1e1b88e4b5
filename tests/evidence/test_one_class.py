"""A network that gives one class to every image: named under every table; its AUC is the same in table and figure."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from written_runs import print_to_text, write_run

from pxr_tf import files
from pxr_tf.data.predictions import warn_of_one_class
from pxr_tf.evaluation import metrics, roc
from pxr_tf.evidence.seeds import summarise_runs
from pxr_tf.report.grid import GridCell, print_cells
from pxr_tf.report.reproduced import print_paper
from pxr_tf.report.results import write_results
from pxr_tf.report.roc import draw_roc
from pxr_tf.runs.finished import open_run
from pxr_tf.studies.paper_runs import PaperRun

TWO = ("normal", "pneumonia")
OPTIONS = {"classes": TWO, "published": "novokshanov2022", "variant": "plain", "model": "leaky_cnn"}
OPTIONS |= {"scheme": "random", "test_rows": "all"}


def collapse(folder, folds=(0, 1), spread=1e-4):
    """Write a finished run whose folds in `folds` predict normal and pneumonia in turn, whatever they see."""
    write_run(folder, role="test", wrong_every=3, **OPTIONS)
    table = pd.read_csv(folder / "predictions.csv")
    random = np.random.default_rng(0)
    for fold in folds:
        rows = table.fold == fold
        table.loc[rows, "predicted"] = TWO[fold % 2]
        table.loc[rows, "p_pneumonia"] = abs(1 - fold % 2 - 0.9) + spread * random.random(rows.sum())
    table["p_normal"] = 1 - table.p_pneumonia
    files.write_csv(folder / "predictions.csv", table)
    run = open_run(folder)
    write_results(run)
    return open_run(folder)


def test_a_fold_that_predicts_one_class_is_named_under_the_table(tmp_path):
    text = " ".join(print_to_text(collapse(tmp_path / "run").folder).split())
    assert "Warning: fold 0 predicts one class (normal) for all images." in text
    assert "Warning: fold 1 predicts one class (pneumonia) for all images." in text
    assert "predicts one class" not in print_to_text(write_whole(tmp_path / "other"))


def write_whole(folder):
    write_run(folder, wrong_every=3, **OPTIONS)
    write_results(open_run(folder))
    return folder


@pytest.mark.parametrize(
    ("labels", "predicted", "role", "warned"),
    [
        ("ab", "aa", "test", True),
        ("ab", "ab", "test", False),
        ("bb", "aa", "test", True),  # all wrong
        ("aa", "aa", "test", False),  # all right: the test part has one class
        ("a", "b", "test", False),  # one image says nothing
        ("ab", "aa", "test_balanced", True),
        ("ab", "aa", "val", False),
    ],
)
def test_what_counts_as_one_class(labels, predicted, role, warned):
    rows = pd.DataFrame({"label": list(labels), "predicted": list(predicted), "fold": "official", "role": role})
    found = warn_of_one_class(rows)
    assert [warning.text for warning in found] == (
        [f"fold official predicts one class ({predicted[0]}) for all images."] if warned else []
    )


def test_summaries_say_which_run_it_is(tmp_path):
    runs = [collapse(tmp_path / "a", (0,)), open_run(write_whole(tmp_path / "b"))]
    (warning,) = summarise_runs(dict(enumerate(runs))).info.warnings
    assert warning.text == "seed 0: fold 0 predicts one class (normal) for all images."
    consoles = [Console(width=200, file=io.StringIO(), highlight=False) for _ in range(2)]
    print_cells(consoles[0], [GridCell(runs[0].info, runs[0]), GridCell(runs[1].info, runs[1])])
    assert "Warning: leaky_cnn, plain: fold 0 predicts one class (normal)" in consoles[0].file.getvalue()
    print_paper([PaperRun("plain", "", seed, "leaky_cnn", run) for seed, run in enumerate(runs)], consoles[1])
    assert "Warning: seed 0: fold 0 predicts one class (normal)" in consoles[1].file.getvalue()


@pytest.mark.parametrize("spread", [0.0, 1e-4, 1e-9])
def test_the_auc_is_the_same_in_table_and_figure(tmp_path, spread):
    run = collapse(tmp_path / "run", spread=spread)
    table = metrics.read_metrics(run.folder / "metrics.csv")
    curves = pd.read_csv(run.folder / "roc.csv", dtype={"fold": str})
    figure = draw_roc(curves, roc.read_points(run.folder / "thresholds.csv"), "A title", False, TWO)
    mean, sd = (100 * metrics.value_of(table, fold, "all", "auc") for fold in ("mean", "sd"))
    assert figure.axes[0].get_title() == f"pneumonia, AUC {mean:.1f}±{sd:.1f} %"
    assert f"AUC {mean:.2f} ± {sd:.2f} %" in " ".join(print_to_text(run.folder).split())
