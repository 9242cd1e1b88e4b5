"""The report of an audited and evaluated run: each finding once, the worst first, and the figures on other data."""

import numpy as np
import pandas as pd
from written_runs import CLASSES, write_run

from pxr_tf import files
from pxr_tf.data.findings import Finding, findings_as_json
from pxr_tf.evidence.external import compare_with_internal, count_called
from pxr_tf.report.page.closer import evaluations, findings
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.parts import Prose, Table
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run

FOUND = [
    Finding("leaks", "passed", "patients", "share", 0.0, text="None is."),
    Finding("controls", "critical", "covid19", "share", 0.98, 0.9, 1.0, "Most are.", "Do not use it."),
]


def facts_of(tmp_path):
    run = open_run(write_run(tmp_path / "runs" / "a" / "b" / "c" / "seed-0"))
    write_results(run)
    return RunFacts(run)


def test_each_finding_is_on_the_page_once_the_worst_first(tmp_path):
    facts = facts_of(tmp_path)
    about = {"identity": facts.run.predictions_digest, "checks": ["leaks", "controls"]}
    files.write_json(facts.run.folder / "audit.json", about | {"findings": findings_as_json(FOUND[::-1])})
    words, table = findings(facts)
    assert "1 critical, 0 warning, 0 note, 1 passed" in words.text
    assert list(table.frame.grade) == ["critical", "passed"]
    assert list(table.frame.finding) == ["Most are.", "None is."]
    assert any("Most are." in warning.text for warning in open_run(facts.run.folder).warnings)


def test_a_run_without_audit_and_evaluation_has_neither_section(tmp_path):
    facts = facts_of(tmp_path)
    assert list(findings(facts)) == []
    assert list(evaluations(facts)) == []


def test_figures_on_other_data_are_beside_the_runs_own(tmp_path):
    facts = facts_of(tmp_path)
    rows = np.arange(40)
    other = pd.DataFrame({"image_id": rows, "patient_id": rows, "source": "adults", "predicted": "covid19"})
    other = other.assign(label="normal", group="normal", fold="ensemble", role="test")
    other = other.assign(**{f"p_{name}": 0.7 if name == "covid19" else 0.1 for name in CLASSES})
    folder, run = facts.run.folder / "evaluated" / "adults", facts.run
    files.write_csv(folder / "called.csv", count_called(other, run.tested))
    files.write_csv(folder / "beside.csv", compare_with_internal(other, run.tested, "patient"))
    about = {"predictions_of_run": run.predictions_digest, "folds": ["0", "1"], "images": 40, "patients": 40}
    files.write_json(folder / "evaluation.json", about | {"unit": "patient", "origin": "real"})
    parts = list(evaluations(facts))
    assert [part.name for part in parts if isinstance(part, Table)] == ["beside-adults", "called-adults"]
    said = " ".join(part.text for part in parts if isinstance(part, Prose))
    assert "40 images of 40 patients that no model learned from" in said
    assert "% of 40 images with another finding were called covid19" in said
