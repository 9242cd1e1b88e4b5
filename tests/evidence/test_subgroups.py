"""Subgroups of test images, and labels to look at."""

import pytest
from scipy.stats import chi2_contingency
from two_sources import write_two_sources

from pxr_tf import files
from pxr_tf.evidence.label_quality import Agreement, find_candidates, measure_agreement
from pxr_tf.evidence.subgroups import FEW_PATIENTS, subgroup_table
from pxr_tf.runs.finished import open_run


def listed_with(run, **columns):
    files.write_csv(run.folder / "manifest.csv", run.manifest.assign(**columns))
    return open_run(run.folder)


def test_a_weak_source_is_found_within_each_class(tmp_path):
    table = subgroup_table(write_two_sources(tmp_path))
    assert set(table.property) == {"source"}  # the files are gone, so nothing is said of their size
    assert table.group.tolist() == ["a", "a"]
    assert table.sensitivity.tolist() == pytest.approx([0.9, 0.9])
    assert table.difference.tolist() == pytest.approx([0.4, 0.4])
    assert (table.low < table.sensitivity).all() and (table.sensitivity < table.high).all()
    assert (table.p_holm < 0.05).all()


def test_of_two_groups_the_smaller_is_compared_once(tmp_path):
    """With two classes Holm's correction doubles the smaller p: each class is one comparison, not two."""
    run = write_two_sources(tmp_path)
    sexes = (["female", "male", "male"] * len(run.manifest))[: len(run.manifest)]
    table = subgroup_table(listed_with(run, source="s", sex=sexes))
    assert table.group.tolist() == ["female", "female"]
    assert table.p_holm.max() == pytest.approx(min(1, max(table.p.max(), 2 * table.p.min())))
    table = subgroup_table(listed_with(run, source="s", sex=[sex if sex == "male" else "" for sex in sexes]))
    assert table.empty


def test_groups_that_are_too_small_do_not_hide_that_two_are_one_comparison(tmp_path):
    """Of 60 images a class, 29 are ap, 30 pa and 1 lateral: pa against its rest would be nearly ap against its own."""
    run = write_two_sources(tmp_path)
    views = [*["ap"] * 29, *["pa"] * 30, "lateral"] * (len(run.manifest) // 60)
    table = subgroup_table(listed_with(run, source="s", view=views))
    assert table.group.tolist() == ["ap", "ap"]
    assert table.images.tolist() == [29, 29]
    rows = run.predictions[run.predictions.label == "normal"]
    right = (rows.predicted == rows.label).to_numpy()
    assert table.difference[0] == pytest.approx(right[:29].mean() - right[29:].mean())


def test_with_one_image_a_patient_p_is_that_of_the_chi_square_test(tmp_path):
    """27 of 30 against 15 of 30 right; the jackknife's design effect is n / (n - 1)."""
    p = subgroup_table(write_two_sources(tmp_path)).p.iloc[0]
    theirs = chi2_contingency([[27, 3], [15, 15]], correction=False).pvalue
    assert p == pytest.approx(theirs, rel=0.15)


def test_images_of_one_patient_are_no_independent_proof(tmp_path):
    """The same images of a third of the patients: p grows."""
    single = subgroup_table(write_two_sources(tmp_path / "single"))
    grouped = subgroup_table(write_two_sources(tmp_path / "grouped", per_patient=3))
    assert grouped.p.iloc[0] > 5 * single.p.iloc[0]


def test_view_sex_and_age_bands_are_groups(tmp_path):
    run = write_two_sources(tmp_path)
    count = len(run.manifest)
    ages = (["17", "18", "39.5", "80", "120"] * count)[:count]
    table = subgroup_table(listed_with(run, view=["pa", "ap"] * (count // 2), sex="female", age=ages))
    assert table.group[table.property == "view"].tolist() == ["ap", "ap"]  # pa is as large, and its rest
    assert "sex" not in set(table.property)  # there is no other sex to compare with
    ages = table[(table.property == "age") & (table["class"] == "normal")]
    assert ages.set_index("group").images.to_dict() == {"0-17": 12, "18-39": 24, "80+": 24}


def test_images_of_unknown_group_do_not_count(tmp_path):
    run = write_two_sources(tmp_path)
    count = len(run.manifest)
    ages = (["30", "50", "70", "", "", ""] * count)[:count]
    table = subgroup_table(listed_with(run, age=ages))
    ages = table[(table.property == "age") & (table["class"] == "normal")].set_index("group")
    assert ages.images.to_dict() == {"18-39": 10, "40-59": 10, "60-79": 10}
    rows = run.predictions[run.predictions.label == "normal"].reset_index(drop=True)
    right = (rows.predicted == rows.label).to_numpy()
    assert ages.difference["18-39"] == pytest.approx(right[0::6].mean() - (right[1::6].mean() + right[2::6].mean()) / 2)


def test_a_small_group_is_left_out(tmp_path):
    run = write_two_sources(tmp_path, images=2 * (FEW_PATIENTS - 1))
    assert subgroup_table(run).empty


def test_perfect_classes_differ_in_nothing(tmp_path):
    assert subgroup_table(write_two_sources(tmp_path, right=(1, 1))).p.tolist() == [1.0] * 2


def test_a_confident_contradiction_is_listed_first(tmp_path):
    run = write_two_sources(tmp_path, right=(1, 1))
    table = run.predictions.copy()
    table.loc[3, ["predicted", "p_normal", "p_pneumonia"]] = ["pneumonia", 0.02, 0.98]
    table.loc[7, ["predicted", "p_normal", "p_pneumonia"]] = ["pneumonia", 0.05, 0.95]
    table.loc[9, ["predicted", "p_normal", "p_pneumonia"]] = ["pneumonia", 0.45, 0.55]  # below the class's threshold
    files.write_csv(run.folder / "predictions.csv", table)
    found = find_candidates(open_run(run.folder))
    assert found.image_id.tolist() == ["i003", "i007"]
    assert found.suggested.tolist() == ["pneumonia"] * 2
    assert found.p_suggested.tolist() == pytest.approx([0.98, 0.95])


def test_patients_whose_images_are_predicted_differently_are_counted(tmp_path):
    """Three images a patient: of the 10 patients of each source and class, one has both predictions at 50 %."""
    found = measure_agreement(write_two_sources(tmp_path, right=(1, 0.5), per_patient=3))
    assert found == Agreement(patients=40, disagree=0)  # 15 right images are five whole patients
    found = measure_agreement(write_two_sources(tmp_path / "uneven", right=(1, 16 / 30), per_patient=3))
    assert found == Agreement(patients=40, disagree=2)
