"""Findings of an audit: sorted by grade, written as JSON and read back."""

import numpy as np
import pytest

from pxr_tf import files
from pxr_tf.data.findings import Finding, findings_as_json, read_findings, sort_findings
from pxr_tf.errors import PxrError

PASSED = Finding("leaks", "passed", "folds", "patients on both sides", 0.0, text="No patient is on both sides.")
CRITICAL = Finding("probes", "critical", "covid19", "AUC", 0.98, 0.97, 0.99, "It keeps its skill.", "Use other data.")


def test_the_worst_grade_comes_first():
    assert sort_findings([PASSED, CRITICAL]) == [CRITICAL, PASSED]


def test_findings_survive_a_file(tmp_path):
    files.write_json(tmp_path / "audit.json", {"findings": findings_as_json([CRITICAL, PASSED])})
    critical, passed = read_findings(tmp_path / "audit.json")
    assert critical == CRITICAL
    assert passed.value == 0
    assert np.isnan([passed.low, passed.high]).all()


def test_a_missing_file_has_no_findings(tmp_path):
    assert read_findings(tmp_path / "audit.json") is None


@pytest.mark.parametrize(
    "entry",
    [
        {"grade": "terrible"},
        {"grade": "note"},
        {},
        *({**CRITICAL._asdict(), **change} for change in ({"more": 1}, {"subject": None}, {"text": 3}, {"low": "x"})),
    ],
)
def test_an_edited_file_is_refused(tmp_path, entry):
    files.write_json(tmp_path / "audit.json", {"findings": [entry]})
    with pytest.raises(PxrError, match="Delete it and audit again"):
        read_findings(tmp_path / "audit.json")
