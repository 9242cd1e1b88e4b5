"""What the intervals of a run resample: patients, or images if the data name no patients."""

import pytest
from written_runs import print_to_text, write_run

from pxr_tf import files
from pxr_tf.evidence.intervals import score_with_intervals, unit_of
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.write import complete_tables
from pxr_tf.runs.finished import open_run


@pytest.fixture
def unnamed(tmp_path):
    """A run whose images are their own patients, but for two copies of one picture."""
    folder = write_run(tmp_path / "run", role="test", test_rows="all")
    table = open_run(folder).predictions
    owners = table.image_id.where(table.image_id != "i01", "i03")
    files.write_csv(folder / "predictions.csv", table.assign(patient_id=owners))
    return folder


def test_images_whose_patients_are_unknown_are_counted_as_images(unnamed):
    run = open_run(unnamed)
    assert unit_of(run.predictions) == "image"
    assert set(score_with_intervals(run.predictions).unit) == {"image", ""}
    complete_tables(run)
    assert "interval over images, as the data name no patients" in " ".join(print_to_text(unnamed).split())
    facts = RunFacts(run)
    assert facts.counted == "40 held-out X-rays"
    assert "what other images would change" in facts.statistics


def test_one_named_patient_makes_patients_the_unit(unnamed):
    table = open_run(unnamed).predictions
    named = table.assign(patient_id=table.patient_id.where(table.index > 0, "person1"))
    assert unit_of(named) == "patient"
    assert set(score_with_intervals(named).unit) == {"patient", ""}


def test_a_table_without_patients_counts_images(unnamed):
    assert unit_of(open_run(unnamed).predictions.drop(columns="patient_id")) == "image"
