"""What the intervals of a run resample: patients, or images if the data name no patients."""

import io

import pandas as pd
import pytest
from calibrated_runs import predictions_of, run_of
from rich.console import Console
from written_runs import print_to_text, write_run

from pxr_tf import files
from pxr_tf.evidence.calibrated import write_calibration
from pxr_tf.evidence.files import complete_tables, read_metrics_table, read_readings
from pxr_tf.evidence.intervals import unit_of
from pxr_tf.report.calibration import print_calibration
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.runs.finished import open_run


@pytest.fixture
def unnamed(tmp_path):
    """A run whose images are their own patients, but for two copies of one picture."""
    folder = write_run(tmp_path / "run", role="test", test_rows="all")
    table = open_run(folder).predictions
    owners = table.image_id.where(table.image_id != "i01", "i03")
    files.write_csv(folder / "predictions.csv", table.assign(patient_id=owners))
    return folder


def with_owner(folder, owner):
    """Return the run in a folder with another patient for its first image."""
    table = open_run(folder).predictions
    files.write_csv(folder / "predictions.csv", table.assign(patient_id=table.patient_id.where(table.index > 0, owner)))
    return open_run(folder)


def test_images_whose_patients_are_unknown_are_counted_as_images(unnamed):
    run = open_run(unnamed)
    assert unit_of(run) == "image"
    complete_tables(run)
    assert set(read_metrics_table(run).unit) == {"image", ""}
    screen = " ".join(print_to_text(unnamed).split())
    assert "interval over images, as the data name no patients" in screen and "over patients" not in screen
    facts = RunFacts(run)
    assert facts.counted == "40 held-out X-rays"
    assert "what other images would change" in facts.statistics


def test_page_and_screen_take_the_unit_from_the_table(unnamed):
    """A table that an earlier version wrote has another unit than the run today."""
    run = open_run(unnamed)
    complete_tables(run)
    file = unnamed / "metrics.csv"
    files.write_csv(file, files.read_csv(file, ()).replace({"unit": {"image": "patient"}}))
    assert "interval over patients" in " ".join(print_to_text(unnamed).split())
    facts = RunFacts(run)
    assert facts.counted == "40 held-out X-rays of 39 patients"
    assert "what other patients would change" in facts.statistics


def test_one_named_patient_makes_patients_the_unit(unnamed):
    named = with_owner(unnamed, "person1")
    assert unit_of(named) == "patient"
    complete_tables(named)
    assert set(read_metrics_table(named).unit) == {"patient", ""}


def test_a_table_without_patients_counts_images(unnamed):
    files.write_csv(unnamed / "predictions.csv", open_run(unnamed).predictions.drop(columns="patient_id"))
    assert unit_of(open_run(unnamed)) == "image"


def test_a_copy_that_is_not_tested_names_no_patient(unnamed):
    """Copies are one patient, by the id that comes first: also if that copy was dropped, or only trains."""
    assert unit_of(with_owner(unnamed, "a/train/copy 1.JPG")) == "image"
    run = open_run(unnamed)
    files.write_csv(unnamed / "manifest.csv", pd.concat([run.manifest, run.manifest[:1].assign(image_id="a01")]))
    assert unit_of(with_owner(unnamed, "a01")) == "image"


@pytest.mark.parametrize("owner", ["kermany/normal-IM-0001", "ward/7.2", "scan.png"])
def test_an_id_unlike_an_image_id_is_a_patient(unnamed, owner):
    assert unit_of(with_owner(unnamed, owner)) == "patient"


def test_both_readings_of_a_run_have_one_unit(tmp_path):
    """The balanced rows are right, and every fourth row is not one of them; one such row has a named patient."""
    run = open_run(write_run(tmp_path / "run"))
    table = run.predictions
    files.write_csv(
        run.folder / "predictions.csv", table.assign(patient_id=table.image_id.where(table.index != 3, "p"))
    )
    run = open_run(run.folder)
    complete_tables(run)
    assert {name: set(table.unit) for name, table in read_readings(run).items()} == {
        "balanced": {"patient", ""},
        "all": {"patient", ""},
    }


def test_calibration_on_the_screen_has_the_unit_of_the_run(tmp_path):
    table = predictions_of(90, 3)
    run = run_of(tmp_path, table.assign(patient_id="b/" + table.image_id + ".png"))
    console = Console(width=80, file=io.StringIO())
    print_calibration(run, write_calibration(run), console)
    assert "intervals over images, as the data name no patients" in " ".join(console.file.getvalue().split())
