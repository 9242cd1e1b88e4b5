"""Calibration and operating points in a report, with the numbers of `pxr calibrate`."""

import re

import pandas as pd
from calibrated_runs import predictions_of, run_of

from pxr_tf.evidence.calibrated import read_calibration, write_calibration
from pxr_tf.evidence.files import complete_tables
from pxr_tf.report.page.decisions import calibration, operating_points
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.parts import Drawings, Prose, Table


def test_a_report_measures_calibration_itself(tmp_path):
    run = run_of(tmp_path / "run", predictions_of(60, 2, sharp=4.0))
    complete_tables(run)
    facts, again = RunFacts(run), read_calibration(run)
    written = write_calibration(run)
    pd.testing.assert_frame_equal(again.decisions[list(written.decisions)], written.decisions, rtol=1e-5)
    parts = list(calibration(facts))
    assert [part.text for part in parts if isinstance(part, Prose)] == written.calibration["sentences"]
    points, sets = (part for part in operating_points(facts) if isinstance(part, Table))
    pooled = written.decisions[written.decisions.fold == "pooled"]
    assert points.frame["threshold for new pictures"].tolist() == [f"{value:.3f}" for value in pooled.threshold]
    first = pooled.iloc[0]
    assert points.frame.PPV[points.frame.index[0]].startswith(f"{100 * first.ppv:.1f} %")
    assert set(pooled.rule[:2]) == {"youden", "sensitivity >= 0.95"}
    assert points.frame["class and rule"][:2].tolist() == [
        "covid19, Youden's index",
        "covid19, sensitivity >= 0.95",
    ]
    assert len(sets.frame) == len(written.conformal)
    figures = [part for part in [*parts, *operating_points(facts)] if isinstance(part, Drawings)]
    names = [one.name for group in figures for one in group.figures]
    assert names == ["reliability", "referral", "net-benefit-1", "net-benefit-2", "net-benefit-3"]
    counts = re.findall(r" of ([\d,]+)", figures[0].figures[0].alternative)
    assert sum(int(count.replace(",", "")) for count in counts) == written.calibration["images"]


def test_one_fold_without_validation_images_has_no_calibration(tmp_path):
    run = run_of(tmp_path / "run", predictions_of(60, 1, sharp=4.0))
    complete_tables(run)
    facts = RunFacts(run)
    (why,) = calibration(facts)
    assert why.text.startswith("Not measured. The run has one fold")
    assert list(operating_points(facts)) == []
