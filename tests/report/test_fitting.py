"""Tables and lines in narrow terminals: no word is broken, nothing is lost, and a path stays in one line."""

import io
import shutil

import pandas as pd
import pytest
from rich.console import Console
from written_runs import LEAK, SOURCES, write_run

from pxr_tf import files
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.evaluation.roc import MeanPoints
from pxr_tf.evidence.seeds import summarise_runs
from pxr_tf.evidence.summary import summarise_folder
from pxr_tf.pictures.survey import DuplicateCounts, Survey
from pxr_tf.report.data_tables import print_survey
from pxr_tf.report.fitting import FittedTable, Screen, print_indented, print_paths
from pxr_tf.report.grid import GridCell, print_cells, print_estimates
from pxr_tf.report.reproduced import print_paper
from pxr_tf.report.results import print_points, print_results, print_seeds, write_results
from pxr_tf.report.runs_table import print_runs
from pxr_tf.report.tuning import print_ranking
from pxr_tf.runs.finished import open_run
from pxr_tf.runs.info import RunInfo
from pxr_tf.studies.estimate import Estimate
from pxr_tf.studies.paper_runs import PaperRun
from pxr_tf.studies.ranking import TuningPoint

LONG = "a_long_name_of_a_class_without_spaces"
WIDTHS = (60, 80)


@pytest.fixture
def finished(tmp_path):
    def make(name: str = "run", **options):
        folder = write_run(tmp_path / name, warnings=(LEAK, SOURCES), **options)
        files.write_json(folder / "fold-0" / "timing.json", {"seconds": 90.0})
        table = pd.read_csv(folder / "predictions.csv").assign(role="test")
        files.write_csv(folder / "predictions.csv", table)
        run = open_run(folder)
        write_results(run)
        return run

    return make


def words_of(show, width: int) -> list[str]:
    """Return the printed words, each as often as it is printed, without the rules of tables."""
    console = Screen(width=width, file=io.StringIO(), highlight=False)
    show(console)
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if len(line) > width and not line.lstrip().startswith("/")] == []  # but a path
    return sorted(word.strip(",:") for word in " ".join(lines).split() if set(word) != {"─"})


def assert_fits(show) -> None:
    """Assert that narrow terminals show every word that a wide one shows, and as often, unless rows became lines."""
    wide = words_of(show, 400)
    assert wide
    for width in WIDTHS:
        assert set(wide) - set(words_of(show, width)) == set()


@pytest.mark.parametrize("kind", [{}, {"model": "inception_resnet_v2"}, {"classes": ("normal", LONG)}])
def test_the_table_of_a_run_fits(finished, kind):
    run = finished(**kind)
    assert_fits(lambda console: print_results(run, console))


def test_the_table_of_seeds_fits(finished):
    seeds = summarise_runs({seed: finished(f"{seed}", wrong_every=4 + seed) for seed in range(6)})
    assert_fits(lambda console: print_seeds(seeds, console))


def test_the_table_of_thresholds_fits():
    keys = [(LONG, "validation", "test"), ("normal", "validation", "test"), ("viral", "validation", "test")]
    index = pd.MultiIndex.from_tuples(keys, names=["class", "rule", "role"])
    rates = ["threshold", "sensitivity", "specificity", "precision", "accuracy"]
    table = pd.DataFrame(0.8765, index, rates)
    assert_fits(lambda console: print_points(MeanPoints(table, table / 10), "folds", console))


def test_the_tables_of_a_grid_fit(finished):
    info = RunInfo("bozickovic2021", "inception_resnet_v2", "a_variant_of_my_own", ("a", "b"), "balanced", None)
    cells = [GridCell(info), GridCell(info, failure="no luck"), GridCell(info, run=finished())]
    assert_fits(lambda console: print_cells(console, cells))
    estimate = Estimate(123_456, 2e9, 5e8, True)
    shown = {("inception_resnet_v2", "a_variant_of_my_own_recipe"): estimate}
    assert_fits(lambda console: print_estimates(console, shown))


@pytest.mark.parametrize("classes", [("normal", "pneumonia"), ("bacterial", "covid19", "normal", "viral")])
def test_the_tables_of_a_paper_fit(finished, classes):
    runs = [
        PaperRun("attention_cnn", setting, seed, "xception", finished(f"{setting}{seed}", classes=classes))
        for setting in ("by image", "by patient")
        for seed in (0, 1)
    ]
    assert_fits(lambda console: print_paper(runs, console))


def test_the_table_of_a_tuning_fits(finished):
    values = {"model.temperature": 0.1, "phases.0.learning_rate": 0.003, "training.batch_size": [16, 32]}
    folder = finished(scheme="official", folds=1).folder
    for name in ("predictions.csv", "splits.csv"):
        files.write_csv(folder / name, pd.read_csv(folder / name).assign(fold="official", role="val"))
    (folder / "official").mkdir()
    shutil.copy(folder / "predictions.csv", folder / "official")
    points = [TuningPoint(values, "a", open_run(folder)), TuningPoint(values, "b", failure="no luck")]
    assert_fits(lambda console: print_ranking(points, console))


def test_the_list_of_runs_fits(finished, tmp_path):
    finished("a folder with spaces/of a very long name/that does not fit/in a narrow terminal/run")
    assert_fits(lambda console: print_runs(summarise_folder(tmp_path), console))


def test_the_tables_of_a_data_set_fit():
    key = {"label": LONG, "source": "synthetic-covid-chestxray-dataset", "official_split": "train"}
    sizes = {f"{side}_{how}": 1024.0 for side in ("width", "height") for how in ("median", "min")}
    sizes |= {f"{side}_max": 4096.0 for side in ("width", "height")}
    encoding = {"formats": "JPEG 96 %, PNG 4 %", "modes": "grey 96 %, RGB 4 %"}
    bytes_per_pixel = {f"bytes_per_pixel_{how}": 0.5 for how in ("median", "p5", "p95")}
    groups = pd.DataFrame([{**key, "images": 12_345, "patients": 6_789, **sizes, **encoding, **bytes_per_pixel}])
    images = pd.DataFrame([{**key, "patient_id": "one", "image_id": "one"}])
    no_copies = DuplicateCounts(0, 0, 0, 0, 0)
    unreadable = pd.DataFrame({"path": ["/a folder/with spaces/picture.png"], "reason": ["empty file"]})
    labels = [LONG, *(f"class-number-{number}" for number in range(8))]
    found = Survey(
        images,
        groups,
        no_copies,
        no_copies,
        1,
        unreadable,
        unreadable.drop(columns="reason").assign(levels=2.0),
        pd.DataFrame([("encoding", 3, 0.5)], columns=["property", "categories", "cramers_v"]),
        pd.DataFrame({"property": "encoding", "label": labels, "images": 9, "balanced_accuracy": 0.9}),
        [RunWarning(**SOURCES)],
    )
    assert_fits(lambda console: print_survey(console, found))


@pytest.mark.parametrize("width", [30, *WIDTHS])
def test_columns_narrow_to_their_words_before_rows_become_lines(width):
    table = FittedTable("A title that is longer than its table")
    for heading in ("class", "bytes per pixel", "paper"):
        table.add_column(heading)
    table.add_row("normal [x]", "0.41 (0.38-0.45)", "97.2")
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    said = console.file.getvalue()
    assert max(map(len, said.splitlines())) <= width
    assert ("─" in said) == (width >= 30)
    assert sorted(said.replace("─", "").split()) == sorted(
        "A title that is longer than its table class bytes per pixel paper normal [x] 0.41 (0.38-0.45) 97.2".split()
    )


def test_if_the_words_are_too_wide_each_row_becomes_lines():
    table = FittedTable("")
    for heading in ("class", "images", "patients"):
        table.add_column(heading)
    table.add_row(LONG, "12,345", "6,789")
    console = Screen(width=40, file=io.StringIO())
    console.print(table)
    assert console.file.getvalue().splitlines() == ["class", LONG, "  images 12,345, patients 6,789"]


def test_a_path_is_alone_on_its_line_and_unbroken():
    path = "/a folder/with spaces/and/a/name/that/is/longer/than/the/line"
    console = Screen(width=40, file=io.StringIO())
    print_paths(console, "Some words that are longer than a line of this terminal:", path)
    print_indented(console, f"Warning: see {path.replace(' ', '_')} and 31.0 ± 5.8 % of it.")
    *words, alone, warning, inner, end = console.file.getvalue().splitlines()
    assert (len(words), alone) == (2, path)
    assert (warning, inner, end) == (
        "  Warning: see",
        f"  {path.replace(' ', '_')}",
        "  and 31.0 ± 5.8 % of it.",
    )
