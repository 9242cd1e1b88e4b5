"""Tables of what maps are worth."""

import numpy as np
import pandas as pd
import pytest

from pxr_tf.evaluation.attribution import lung_table, perturbation_gains
from pxr_tf.evaluation.bootstrap import patient_interval

CASES = pd.DataFrame(
    [
        ("normal", "a", 0.4, 0.2, True),
        ("normal", "a", 0.6, 0.3, True),
        ("normal", "b", 0.5, 0.25, True),
        ("normal", "c", np.nan, 0.25, True),  # blank
        ("viral", "d", 0.1, 0.3, True),
        ("viral", "e", 0.3, 0.3, True),
        ("viral", "f", 0.9, 0.3, False),
    ],
    columns=["label", "patient_id", "share", "area", "trusted"],
)


def test_shares_stand_beside_the_area_per_class_and_over_all():
    table = lung_table(CASES).set_index("class")
    assert list(table.index) == ["all", "normal", "viral"]
    normal, viral = table.loc["normal"], table.loc["viral"]
    assert [normal.images, normal.patients, normal.untrusted, normal.blank] == [3, 2, 0, 1]
    assert [viral.images, viral.patients, viral.untrusted, viral.blank] == [2, 2, 1, 0]
    assert [normal.share, normal.area, normal.difference, normal.ratio] == pytest.approx([0.5, 0.25, 0.25, 2])
    assert [viral.share, viral.area, viral.difference, viral.ratio] == pytest.approx([0.2, 0.3, -0.1, 2 / 3])
    assert [normal.ratio_low, normal.ratio_high] == pytest.approx([2, 2])
    assert [viral.difference_low, viral.difference_high] == pytest.approx([-0.2, 0.0])
    assert table.loc["all"].share == pytest.approx(1.9 / 5) and table.loc["all"].untrusted == 1


def test_intervals_are_over_patients():
    many = pd.concat([CASES[CASES.label == "normal"]] * 30, ignore_index=True)  # the same three patients
    rows, normal = many[many.share.notna()], lung_table(many).iloc[0]
    assert (normal.share_low, normal.share_high) == patient_interval(rows.share.to_numpy(), rows.patient_id)[1:]
    many["patient_id"] = np.arange(len(many)).astype(str)  # the fault: every image its own patient
    assert lung_table(many).iloc[0].share_high - 0.5 < 0.7 * (lung_table(CASES).set_index("class").share_high["normal"])


def test_a_class_whose_lungs_nobody_knows_has_no_share():
    row = lung_table(CASES[~CASES.trusted]).iloc[0]
    assert [row.images, row.untrusted] == [0, 1] and np.isnan([row.share, row.ratio, row.difference_low]).all()


def test_gains_are_paired_and_above_0_where_the_method_is_better():
    deletion = {"ours": np.array([0.2, 0.3]), "random": np.array([0.5, 0.6]), "centre": np.array([0.1, 0.2])}
    insertion = {"ours": np.array([0.7, 0.9]), "random": np.array([0.5, 0.5]), "centre": np.array([0.8, 0.9])}
    gains = perturbation_gains(deletion, insertion, "ours", ["a", "b"])
    assert gains["deletion_random"] == pytest.approx((0.3, 0.3, 0.3))
    assert gains["deletion_centre"] == pytest.approx((-0.1, -0.1, -0.1))
    assert gains["insertion_random"] == pytest.approx((0.3, 0.2, 0.4))
    assert gains["insertion_centre"] == pytest.approx((-0.05, -0.1, 0.0))
