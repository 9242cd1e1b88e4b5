"""A file of a run that was damaged or edited is named in one line, with what to do."""

import pytest
from messages import any_of, refused

from pxr_tf import files
from pxr_tf.evidence.deviations import read_deviations
from pxr_tf.evidence.files import read_metrics_table, read_run_points
from pxr_tf.report.results import write_results
from pxr_tf.runs.directory import read_history
from pxr_tf.runs.finished import open_run

DAMAGED = any_of("damaged")
READERS = {
    "metrics.csv": read_metrics_table,
    "thresholds.csv": read_run_points,
    "deviations.csv": read_deviations,
    "predictions.csv": lambda run: run.predictions,
    "splits.csv": lambda run: run.splits,
    "samples.csv": lambda run: run.samples,
    "manifest.csv": lambda run: run.manifest,
    "fold-0/history.csv": lambda run: read_history(run.folder / "fold-0/history.csv"),
    "fold-0/epochs.json": lambda run: run.chosen_epochs("0"),
}


@pytest.mark.parametrize("damage", [b"", b"x\n1,2,3\n1\n", b"\xff\xfe\x00", b"x\n1\n"])
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_refused_in_one_line(own_copy, name, damage):
    (own_copy / name).write_bytes(damage)
    run = open_run(own_copy)
    with refused(str(run.folder / name), DAMAGED, any_of("delete")):
        READERS[name](run)


@pytest.mark.parametrize(
    ("name", "column"), [("metrics.csv", "value"), ("predictions.csv", "p_normal"), ("samples.csv", "copy")]
)
def test_a_word_in_place_of_a_number_is_refused(own_copy, name, column):
    write_results(open_run(own_copy))
    table = files.read_csv(own_copy / name, [column])
    files.write_csv(own_copy / name, table.assign(**{column: "high"}))
    with refused(name, DAMAGED, "high"):
        READERS[name](open_run(own_copy))


def test_a_row_that_is_too_long_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2,3\n")
    with refused("a.csv", DAMAGED, any_of("longer")):
        files.read_csv(tmp_path / "a.csv", ["a", "b"])
