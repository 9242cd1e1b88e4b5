"""Verdicts on a paper's figures: where each lies, its own interval, and why it may not be compared."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from written_runs import CLASSES, write_run

from pxr_tf.evaluation.intervals import wilson_interval
from pxr_tf.evaluation.metrics import value_of
from pxr_tf.evidence.files import read_readings, write_tables
from pxr_tf.evidence.verdicts import ABOVE, BELOW, INSIDE, paper_verdicts, read_verdicts, summarise_verdicts
from pxr_tf.runs.finished import open_run


def verdicts_of(folder, **options) -> pd.DataFrame:
    run = open_run(write_run(folder / "run", **options))
    write_tables(run)
    return read_verdicts(run)


def test_every_printed_figure_gets_a_verdict(tmp_path):
    """Table II of bozickovic2021 has an accuracy and three figures for each of four classes."""
    table = verdicts_of(tmp_path)
    assert len(table) == 1 + 3 * len(CLASSES)
    assert set(table.position) <= {INSIDE, ABOVE, BELOW}
    for row in table.itertuples():
        expected = INSIDE if row.low <= row.paper <= row.high else ABOVE if row.paper > row.high else BELOW
        assert row.position == expected


def test_the_papers_own_interval_comes_from_its_test_images(tmp_path):
    """Its sensitivities imply 136 images a class over five balanced folds, 544 in all."""
    table = verdicts_of(tmp_path).set_index(["class", "metric"])
    accuracy, sensitivity = table.loc[("all", "accuracy")], table.loc[("viral", "sensitivity")]
    assert (accuracy.images, sensitivity.images) == (544, 136)
    assert (accuracy.paper_low, accuracy.paper_high) == pytest.approx(wilson_interval(0.8786, 544))
    assert np.isnan(table.loc[("viral", "f1")].paper_low)  # no share of a known number of images


@pytest.mark.parametrize(("right", "images"), [(0, 12), (7, 12), (12, 12), (480, 544)])
def test_wilsons_interval_agrees_with_scipy(right, images):
    theirs = binomtest(right, images).proportion_ci(0.95, "wilson")
    assert wilson_interval(right / images, images) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize(("shift", "place"), [(-0.2, ABOVE), (0.0, INSIDE), (0.2, BELOW)])
def test_a_figure_is_placed_by_our_interval(tmp_path, shift, place):
    """The paper's accuracy is 87.86 %: our interval is moved around it."""
    run = open_run(write_run(tmp_path / "run"))
    write_tables(run)
    tables = {reading: table.copy() for reading, table in read_readings(run).items()}
    at = (tables["balanced"].fold == "mean") & (tables["balanced"].metric == "accuracy")
    tables["balanced"].loc[at, ["low", "high"]] = (0.87 + shift, 0.89 + shift)
    assert paper_verdicts(run, tables).position.iloc[0] == place


def test_a_figure_that_rounds_into_our_interval_is_inside(tmp_path):
    run = open_run(write_run(tmp_path / "run"))
    write_tables(run)
    table = read_readings(run)["balanced"]
    table.loc[(table.fold == "mean") & (table.metric == "accuracy"), ["low", "high"]] = (0.87866, 0.9)
    assert paper_verdicts(run, {"balanced": table}).position.iloc[0] == INSIDE  # 87.86 may be cut off from 87.869


def test_phantoms_and_another_protocol_are_no_test_of_the_paper(tmp_path):
    table = verdicts_of(tmp_path, images="synthetic")
    assert table.verdict.str.contains("cannot be compared because our images are phantoms; the protocol differs").all()
    assert "phantoms" in summarise_verdicts(table)


def test_a_run_without_a_paper_has_no_verdicts(tmp_path):
    table = verdicts_of(tmp_path, published=None)
    assert table.empty
    assert summarise_verdicts(table) == ""


def test_the_summary_counts_every_figure_once(tmp_path):
    table = verdicts_of(tmp_path)
    said = summarise_verdicts(table)
    assert said.startswith(f"Of {len(table)} figures of the paper, ")
    for place in (INSIDE, ABOVE, BELOW):
        count = int((table.position == place).sum())
        assert (f"{count} are {place}" in said or f"{count} is {place}" in said) == (count > 0)


def test_ours_are_the_figures_of_the_papers_kind_of_test_rows(tmp_path):
    run = open_run(write_run(tmp_path / "run", test_rows="all"))
    write_tables(run)
    ours = read_verdicts(run).ours.iloc[0]
    assert ours == pytest.approx(value_of(read_readings(run)["balanced"], "mean", "all", "accuracy"))
