"""``pxr compare``: the table on the screen and on disk; a refusal is one line."""

import shutil

import pandas as pd
from messages import any_of, assert_says, assert_tells

from pxr_tf import files


def test_two_runs_are_compared(pxr, own_copy, tmp_path):
    """The second run is a copy with the first image of each patient predicted wrong."""
    other = shutil.copytree(own_copy, own_copy.parent.with_name("other") / own_copy.name)
    table = pd.read_csv(other / "predictions.csv", dtype={"fold": str})
    wrong = ~table.patient_id.duplicated()
    table.loc[wrong, "predicted"] = table.label.map({"normal": "viral"}).fillna("normal")[wrong]
    files.write_csv(other / "predictions.csv", table)
    code, said, _ = pxr("compare", own_copy, other)
    assert code == 0
    assert_tells(said, "B compared with A", "2 folds", "accuracy", "phantom", str(own_copy.parent / "comparison.csv"))
    written = pd.read_csv(own_copy.parent / "comparison.csv").set_index(["class", "metric"])
    share = {folder: (t.predicted == t.label).groupby(t.fold).mean().mean() for folder, t in
             ((f, pd.read_csv(f / "predictions.csv")) for f in (own_copy, other))}  # fmt: skip
    accuracy = written.loc[("all", "accuracy")]
    assert abs(accuracy.difference - (share[other] - share[own_copy])) < 1e-6
    assert accuracy.origin == "synthetic"


def test_one_run_is_refused_and_nothing_is_written(pxr, own_copy):
    code, _, said = pxr("compare", own_copy)
    assert code == 2
    assert_says(said, str(own_copy), any_of("two or more"))
    assert not (own_copy.parent / "comparison.csv").exists()
