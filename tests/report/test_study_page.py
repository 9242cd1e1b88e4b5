"""The pages of a grid and of a paper: the tables of the screen, and what was run, failed and compared."""

import pandas as pd
import pytest
from reported_runs import write_reported
from written_runs import LEAK, write_run

from pxr_tf.evidence.paper import comparable_row
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.grid import GridCell
from pxr_tf.report.page.study import from_screen, grid_sections, paper_sections
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
    return [GridCell(one.info, run=one.run) for one in facts]


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
    shown = sections[2].parts[0].frame
    assert shown.state.tolist() == ["done", "done", "failed"]
    assert shown.backbone.tolist()[2] == "resnet50"
    assert len(sections[3].parts[1].frame) == 2


def test_one_finished_cell_is_compared_with_nothing(cells):
    assert "comparison" not in keys_of(grid_sections([cells[0], TO_DO]))


def test_the_page_of_a_paper_has_our_figures_the_papers_and_what_failed(tmp_path):
    runs = [paper_run(tmp_path, seed=seed, wrong_every=every) for seed, every in enumerate((4, 5))]
    runs.append(paper_run(tmp_path, "other", warnings=(LEAK,)))
    failed = PaperRun("third", "", 0, "xception", failure="a library is missing")
    sections = paper_sections([*runs, failed])
    assert keys_of(sections) == "runs warnings results verdicts comparison provenance".split()
    said = text_of(sections)
    assert "3 of 4 runs finished" in said
    assert "third, seed 0 failed: a library is missing" in said
    assert LEAK["text"] in said
    written = write_page("A paper", sections, tmp_path / "page")
    shown = pd.read_csv(written.page.parent / "tables" / "paper-1.csv", dtype=str)
    assert shown["%"].tolist() == ["plain", "the paper", "other", "the paper"]
    printed = comparable_row(runs[0].run.info).value("accuracy")
    assert shown.accuracy[1] == f"{100 * printed:.1f}"
    assert shown.accuracy[0].startswith(f"{runs_mean(runs[:2]):.1f}±")


def runs_mean(runs) -> float:
    """Return the mean accuracy in percent over the balanced rows, which are all right, fold by fold."""
    rows = [one.run.predictions.merge(one.run.splits, on=["image_id", "fold"]) for one in runs]
    counted = [table[table.role == "test_balanced"] for table in rows]
    return sum(100 * (table.label == table.predicted).mean() for table in counted) / len(counted)


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
