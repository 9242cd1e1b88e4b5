"""The pages of a grid and of a paper: the tables of the screen, and what was run, failed and compared."""

import pandas as pd
import pytest
from reported_runs import write_reported
from written_runs import LEAK, write_run

from pxr_tf.evaluation.metrics import value_of
from pxr_tf.evidence.comparable import Side
from pxr_tf.evidence.files import read_readings
from pxr_tf.evidence.paper import comparable_row
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.grid import GridCell
from pxr_tf.report.page.comparison import differences_of
from pxr_tf.report.page.parts import Prose, Section, from_screen
from pxr_tf.report.page.study import grid_sections, paper_sections
from pxr_tf.report.page.write import write_page
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run
from pxr_tf.runs.info import RunInfo
from pxr_tf.studies.paper_runs import PaperRun

TO_DO = GridCell(RunInfo("bozickovic2021", "resnet50", "strategy3", ("a", "b"), "all", None), failure="out of memory")


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    facts = [write_reported(folder / name, sharp=sharp) for name, sharp in (("one", 1), ("second", 3))]
    return [GridCell(one.info._replace(variant=f"strategy{n}"), run=one.run) for n, one in enumerate(facts, start=1)]


def paper_run(folder, variant="plain", seed=0, **options) -> PaperRun:
    run = open_run(write_run(folder / variant / f"seed-{seed}", **options))
    write_results(run)
    return PaperRun(variant, "", seed, "xception", run)


def text_of(sections) -> str:
    return " ".join(part.text for section in sections for part in section.parts if part.kind == "prose")


def keys_of(sections) -> list[str]:
    return [section.key for section in sections]


def test_the_page_of_a_grid_has_its_table_and_compares_its_cells(cells):
    sections = grid_sections([*cells, TO_DO])
    assert keys_of(sections) == "runs warnings grid results comparison classes provenance".split()
    shown = sections[2].parts[1].frame
    assert shown.state.tolist() == ["done", "done", "failed"]
    assert shown.backbone.tolist()[2] == "resnet50"
    assert "resnet50, strategy3 failed: out of memory" in text_of(sections)


def test_result_grid_and_comparison_have_the_same_accuracies_on_the_same_rows(tmp_path):
    """One of two equal runs has a paper, which counts other test rows than the recipe."""
    runs = [
        open_run(write_run(tmp_path / model, model=model, test_rows="all")) for model in ("xception", "mobilenet_025")
    ]
    for run in runs:
        write_results(run)
    cells = [GridCell(run.info, run=run) for run in runs]
    parts = {section.key: section.parts for section in grid_sections(cells)}
    (ours,) = set(parts["results"][1].frame["accuracy"].str.split(" %").str[0])
    assert set(parts["results"][1].frame["counted"]) == {"all"}
    (in_grid,) = set(parts["grid"][0].frame["all images"].str.split("±").str[0])
    (table,) = (part for part in parts["comparison"] if part.kind == "table")
    row = table.frame.set_index("figure").loc["accuracy"]
    accuracy = value_of(read_readings(runs[0])["all"], "mean", "all", "accuracy")
    assert {ours, in_grid, row["A"], row["B"]} == {f"{100 * accuracy:.1f}"}
    assert table.caption == "mobilenet_025, strategy2 (B) compared with xception, strategy2 (A)."


def test_one_finished_cell_is_compared_with_nothing_and_has_a_short_name(cells):
    sections = grid_sections([cells[0], TO_DO])
    assert "comparison" not in keys_of(sections)
    assert sections[0].parts[-1].pairs[0][0] == f"{cells[0].info.model}, strategy1"


def test_a_run_that_cannot_be_compared_leaves_the_others(cells, tmp_path):
    other = write_reported(tmp_path / "third").run
    other.__dict__["splits"] = other.splits.assign(fold="9")
    other.__dict__["predictions"] = other.predictions.assign(fold="9")
    named = {"one": cells[0].run, "third": other, "second": cells[1].run}
    sides = {name: Side(run.folder, {0: run}) for name, run in named.items()}
    parts = list(differences_of(sides, "differences"))
    assert parts[0].text.startswith("third cannot be compared with one: it tested the same images in other folds")
    assert [part.caption for part in parts if part.kind == "table"] == ["second (B) compared with one (A)."]
    sides["third"] = Side(sides["third"].folder, {5: other, 6: other})
    assert next(differences_of(sides, "differences")).text.startswith("third has no seed of one (seeds 5, 6, not 0)")


def test_tables_of_the_page_before_are_deleted_and_no_other_file(cells, tmp_path):
    write_page("two", grid_sections(cells), tmp_path)
    own = tmp_path / "tables" / "mine.csv"
    own.write_text("mine")
    before = {file.name for file in (tmp_path / "tables").iterdir()}
    figures = {file.name for file in (tmp_path / "figures").iterdir()}
    write_page("one", grid_sections(cells[:1]), tmp_path)
    left = {file.name for file in (tmp_path / "tables").iterdir()}
    assert before - left == {"differences-B.csv", "differences-B.tex"}
    assert own.read_text() == "mine"
    assert {file.name for file in (tmp_path / "figures").iterdir()} == figures
    write_page("text alone", [Section("a", "A", [Prose("b")])], tmp_path)
    assert [file.name for file in (tmp_path / "figures").iterdir()] == []
    assert [file.name for file in (tmp_path / "tables").iterdir()] == ["mine.csv"]


def test_the_page_of_a_paper_has_our_figures_the_papers_and_what_failed(tmp_path):
    runs = [paper_run(tmp_path, seed=seed, wrong_every=every) for seed, every in enumerate((4, 5))]
    runs.append(paper_run(tmp_path, "other", warnings=(LEAK,)))
    failed = PaperRun("third", "", 0, "xception", failure="a library is missing")
    sections = paper_sections([*runs, failed])
    assert keys_of(sections) == "runs warnings results verdicts comparison provenance".split()
    said = text_of(sections)
    assert "The command asked for 4 runs; 3 finished." in said
    assert "third, seed 0 failed: a library is missing" in said
    assert LEAK["text"] in said
    written = write_page("A paper", sections, tmp_path / "page")
    shown = pd.read_csv(written.page.parent / "tables" / "paper-1.csv", dtype=str)
    assert shown["%"].tolist() == ["plain", "the paper", "other", "the paper"]
    printed = comparable_row(runs[0].run.info).value("accuracy")
    assert shown.accuracy[1] == f"{100 * printed:.1f}"
    assert shown.accuracy[0].startswith(f"{runs_mean(runs[:2]):.1f}±")
    (drawing,) = next(part for part in sections[2].parts if part.kind == "drawings").figures
    ours, other = shown.accuracy[0].replace("±", " ± "), shown.accuracy[2].split("±")[0]
    assert drawing.alternative == f"Accuracy: plain {ours} %; other {other} %."
    assert drawing.caption == "Accuracy, mean ± sd over seeds. Crosses: the paper."


def runs_mean(runs) -> float:
    """Return the mean accuracy in percent over the balanced rows, which are all right, fold by fold."""
    rows = [one.run.predictions.merge(one.run.splits, on=["image_id", "fold"]) for one in runs]
    counted = [table[table.role == "test_balanced"] for table in rows]
    return sum(100 * (table.label == table.predicted).mean() for table in counted) / len(counted)


def test_variants_of_one_seed_have_the_interval_over_what_their_tables_say(tmp_path):
    (section,) = (one for one in paper_sections([paper_run(tmp_path)]) if one.key == "results")
    (drawing,) = next(part for part in section.parts if part.kind == "drawings").figures
    table = read_readings(open_run(tmp_path / "plain" / "seed-0"))["balanced"]
    low, high = (value_of(table, "mean", "all", "accuracy", end) for end in ("low", "high"))
    assert drawing.alternative == f"Accuracy: plain 100.0 % ({100 * low:.1f} to {100 * high:.1f})."
    assert drawing.caption == "Accuracy, with its 95 % interval over images. Crosses: the paper."


def test_tasks_with_other_classes_have_tables_of_their_own(tmp_path):
    two = {"classes": ("normal", "pneumonia"), "test_rows": "all"}
    runs = [paper_run(tmp_path, name, **options) for name, options in (("a", {}), ("b", two), ("c", {}), ("d", two))]
    sections = paper_sections(runs)
    names = [part.name for section in sections for part in section.parts if part.kind == "table"]
    assert len(set(names)) == len(names)
    assert {"paper-1", "paper-2", "comparison-1-B", "comparison-2-B"} <= set(names)


def test_a_table_of_the_screen_keeps_columns_of_one_heading_and_every_line_of_its_title():
    shown = FittedTable("first line\nsecond line.")
    for heading in ("", "paper", "paper"):
        shown.add_column(heading)
    shown.add_row("  indented", "1", "2")
    table = from_screen("name", shown, "and more")
    assert table.caption == "first line. second line. and more."
    assert table.frame.to_numpy().tolist() == [["indented", "1", "2"]]
    assert list(table.frame.columns) == ["", "paper", "paper"]
