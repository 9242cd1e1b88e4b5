"""Compared runs on the screen: what is said about accuracy, and lines that fit."""

import io
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from messages import assert_tells, missing_facts
from rich.console import Console

from pxr_tf.evidence.compare import Comparison
from pxr_tf.report.compared import p_words, print_comparison
from pxr_tf.report.fitting import Screen
from pxr_tf.runs.info import RunInfo

INFO = RunInfo("practical", "xception", "strategy2", ("normal", "pneumonia"), "all", None)
ROW = {
    "first": "runs/a", "second": "runs/b", "class": "all", "metric": "accuracy", "patients": 2100, "folds": 5,
    "seeds": 1, "first_value": 0.9, "second_value": 0.912, "difference": 0.012, "low": 0.003, "high": 0.021,
    "method": "Student", "patient_test": "McNemar", "patient_p": 0.004, "patient_p_holm": 0.012, "smallest": 0.015,
    "fold_p": 0.21, "fold_p_holm": 0.42, "worse": 0.02, "equal": 0.4, "better": 0.58, "seed_sd": np.nan,
    "seed_low": np.nan, "seed_high": np.nan,
}  # fmt: skip


class Run(NamedTuple):
    info: RunInfo


class OneRun(NamedTuple):
    folder: str
    runs: dict
    first: Run = Run(INFO)


def shown(width: int = 80, **changes: object) -> str:
    rows = [ROW | changes, ROW | changes | {"metric": "log_loss", "equal": np.nan, "difference": -0.25}]
    rows.append(ROW | changes | {"metric": "sensitivity", "class": "pneumonia"})
    sides = (OneRun("runs/a", {0: 0}), OneRun("runs/b", {0: 0}))
    console = Screen(width=width, file=io.StringIO(), highlight=False)
    assert isinstance(console, Console)
    print_comparison(Comparison(("A", "B"), sides, INFO, pd.DataFrame(rows), ()), console)
    return console.file.getvalue()


def test_a_clear_difference_is_stated_with_its_interval_and_doubt_about_other_folds():
    text = shown()
    assert_tells(text, "B is more accurate than A", "+1.2 points [+0.3 to +2.1]", "p = 0.004", "0.012", "0.210")
    assert_tells(text, "2,100 patients", "under 1.5 points", "80 % power", "could reverse it")
    assert_tells(
        shown(difference=-0.012, low=-0.021, high=-0.003, fold_p=0.01), "less accurate", "also holds over folds"
    )


def test_equality_is_stated_only_if_it_is_certain():
    assert_tells(shown(equal=0.97), "practically equal", "97 %")
    assert missing_facts(shown(equal=0.94), ("practically equal",))


def test_a_difference_that_may_be_chance_is_not_stated():
    assert_tells(shown(patient_p_holm=0.2), "may be chance", "3 rows", "0.200")
    text = shown(low=-0.003)
    assert_tells(text, "No difference in accuracy is shown", "+1.2 points [-0.3 to +2.1]")
    assert missing_facts(text, ("more accurate",))


def test_percent_and_log_loss_have_their_own_digits():
    rows = {line.split("  ")[0].strip(): line for line in shown().splitlines()}
    assert_tells(rows["accuracy"], "90.0", "91.2", "+1.2", "40", "1.5")
    assert_tells(rows["log loss"], "0.900", "-0.250")
    assert "sens. pneumonia" in rows


def test_one_fold_is_explained():
    text = shown(folds=1, fold_p=np.nan, fold_p_holm=np.nan, equal=np.nan)
    assert_tells(text, "No test over folds", "one fold")
    assert missing_facts(text, ("reverse it",))


def test_seeds_have_a_table_of_their_own():
    assert "over 3 seeds" in shown(seeds=3, seed_sd=0.004, seed_low=0.002, seed_high=0.022)
    assert "+0.2 to +2.2" in shown(seeds=3, seed_sd=0.004, seed_low=0.002, seed_high=0.022)
    assert "The same differences" not in shown()


@pytest.mark.parametrize("width", [60, 80])
def test_lines_fit(width):
    assert max(map(len, shown(width, seeds=3, seed_sd=0.1, seed_low=-1, seed_high=1).splitlines())) <= width


def test_words_of_p_values():
    assert [p_words(p) for p in (0.0312, 0.0004, 0.0005, 1.0, np.nan)] == ["0.031", "<.001", "0.001", "1.000", "-"]
