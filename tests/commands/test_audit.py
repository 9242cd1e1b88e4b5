"""``pxr audit``: findings as a file and a table, ``--strict``, and a line under every later table."""

import json
from pathlib import Path

import pandas as pd
import pytest
from messages import ACCEPTED, assert_says, assert_tells, nearest

from pxr_tf import files


@pytest.fixture
def leaky(own_copy):
    """A finished run whose patients are on both sides of the split."""
    table = pd.read_csv(own_copy / "manifest.csv", dtype=str, keep_default_na=False)
    table.assign(patient_id=table.label).to_csv(own_copy / "manifest.csv", index=False)
    return own_copy


def test_a_clean_run_ends_well_even_if_it_is_strict(pxr, own_copy):
    code, said, wrong = pxr("audit", own_copy, "--checks", "leaks", "--strict")
    assert (code, wrong) == (0, "")
    about = json.loads((own_copy / "audit.json").read_text())
    assert about["checks"] == ["leaks"]
    assert_tells(said, "0 critical", "Research use only")


def test_strict_fails_at_a_critical_finding_and_the_run_says_so_from_then_on(pxr, leaky):
    assert pxr("audit", leaky, "--checks", "leaks")[0] == 0
    code, said, _ = pxr("audit", leaky, "--checks", "leaks", "--strict")
    assert code == 1
    assert_tells(said, "patients", "Split by patient")
    assert (leaky / "audit" / "leaks.csv").exists()
    assert_tells(pxr("runs", leaky)[1], "An audit found")
    image = pd.read_csv(leaky / "manifest.csv", dtype=str).image_id[0]
    assert pxr("predict", leaky, image, "--out", "answer.csv")[0] == 0
    assert "training" in pd.read_csv("answer.csv").caution[0]


def test_an_answer_has_the_caution_of_its_class(pxr, own_copy):
    finding = {"check": "controls", "grade": "critical", "subject": "covid19", "figure": "x", "text": "Most are not."}
    about = {"identity": files.digest_file(own_copy / "predictions.csv"), "checks": ["controls"], "findings": [finding]}
    files.write_json(own_copy / "audit.json", about)
    images = pd.read_csv(own_copy / "manifest.csv", dtype=str).image_id
    assert pxr("predict", own_copy, *images, "--out", "answer.json")[0] == 0
    answers = json.loads(Path("answer.json").read_text())["predictions"]
    assert {one["predicted"] == "covid19" for one in answers} == {True, False}
    assert all((one["caution"] == "Most are not.") == (one["predicted"] == "covid19") for one in answers)


def test_an_audit_of_other_predictions_no_longer_counts(pxr, leaky):
    assert pxr("audit", leaky, "--checks", "leaks")[0] == 0
    table = pd.read_csv(leaky / "predictions.csv", dtype=str)
    table.iloc[::-1].to_csv(leaky / "predictions.csv", index=False)
    assert "An audit found" not in pxr("runs", leaky)[1]


def test_data_are_audited_into_a_folder_of_their_own(pxr, data, tmp_path):
    code, said, wrong = pxr("audit", data, "--checks", "leaks")
    assert (code, wrong) == (0, "")
    assert said.splitlines()[-2].endswith("runs/audits/chest_xray+covid-chestxray-dataset/audit.json")


def test_unknown_checks_and_targets_are_refused(pxr, own_copy, tmp_path):
    code, _, wrong = pxr("audit", own_copy, "--checks", "leak")
    assert code == 2
    assert_says(wrong, "leak", ACCEPTED, nearest("leaks"))
    code, _, wrong = pxr("audit", tmp_path / "nothing")
    assert code == 2
    assert_says(wrong, "nothing", "does not exist")


def test_an_audit_needs_the_pictures_of_the_run(pxr, own_copy, tmp_path):
    table = pd.read_csv(own_copy / "manifest.csv", dtype=str, keep_default_na=False)
    table.assign(path="gone/" + table.image_id).to_csv(own_copy / "manifest.csv", index=False)
    code, _, wrong = pxr("audit", own_copy)
    assert code == 2
    assert_says(wrong, "no longer there", "restore")


def test_robustness_is_drawn_next_to_its_table(pxr, own_copy):
    assert pxr("audit", own_copy, "--checks", "robustness")[0] == 0
    assert (own_copy / "audit" / "robustness.csv").exists()
    assert (own_copy / "audit" / "robustness.png").read_bytes().startswith(b"\x89PNG")


def test_an_edited_audit_is_refused_by_the_next(pxr, own_copy):
    (own_copy / "audit.json").write_text("[]")
    code, _, wrong = pxr("audit", own_copy, "--checks", "leaks")
    assert code == 2
    assert_says(wrong, "audit.json", "edited", "delete")
