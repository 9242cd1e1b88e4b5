"""The page of a finished run: what it says, in which order, and its files."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pytest
from reported_runs import copy_run, write_reported
from written_runs import LEAK, write_run

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.evaluation.metrics import value_of
from pxr_tf.evidence.calibrated import read_calibration
from pxr_tf.evidence.files import complete_tables, read_metrics_table
from pxr_tf.galleries.report_cases import find_cases
from pxr_tf.report.page.checklists import ANSWERS, OPEN, read_checklist
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.headline import headline
from pxr_tf.report.page.latex import to_latex
from pxr_tf.report.page.paper_texts import model_card
from pxr_tf.report.page.parts import Table
from pxr_tf.report.page.write import check_runs, write_report
from pxr_tf.runs.finished import open_run


class Page(HTMLParser):
    """The headings, ids, images and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.sections, self.addresses, self.alternatives, self.words = [], [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.sections += [found["id"]] if tag == "section" else []
        self.addresses += [found[name] for name in ("src", "href", "xlink:href") if name in found]
        self.alternatives += [found["alt"]] if tag == "img" else []

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def report(finished_run, tmp_path_factory):
    """(run, folder of its report, the page)."""
    folder = tmp_path_factory.mktemp("report")
    run = copy_run(finished_run, folder / "run")
    complete_tables(run)
    written = write_report([RunFacts(run, find_cases(run))], folder)
    return run, folder, Page(written.page.read_text())


def with_tables(folder, *arguments, **options):
    run = open_run(write_run(folder, *arguments, **options))
    complete_tables(run)
    return RunFacts(run)


def test_sections_come_in_order_and_say_first_that_data_are_synthetic(report):
    run, _, page = report
    order = (
        "run warnings result classes folds confusion curves calibration decisions learning cases labels data "
        "provenance card claim tripod methods"
    )
    assert page.sections == order.split()
    words = page.words[page.words.index("What was run", page.words.index("Methods and citation")) :]
    assert words.index("Synthetic phantoms, not patients") < words.index("two_layers")
    assert all(warning.text in page.words for warning in run.warnings)


def test_nothing_is_fetched_and_every_link_has_its_target(report):
    _, _, page = report
    outside = [address for address in page.addresses if not address.startswith(("#", "data:"))]
    assert outside == []
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_the_model_card_has_the_temperature_for_new_pictures(tmp_path):
    facts = write_reported(tmp_path / "run", sharp=4.0)
    complete_tables(facts.run)
    (card,) = model_card(facts)
    temperature = read_calibration(facts.run).calibration["temperature"]
    assert temperature > 2
    assert f"For new pictures: {temperature:.2f}" in dict(card.pairs)["probabilities"]


def test_pictures_name_predicted_and_true_class(report):
    run, _, page = report
    assert len(page.alternatives) > 4
    assert all(re.search(r"predicted \w+ \d\.\d\d, true class \w+", words) for words in page.alternatives)
    wrong = run.tested[run.tested.label != run.tested.predicted]
    assert sum("✗" in words for words in re.findall(r"[✓✗] \w+", page.words)) == min(len(wrong), 16)


def test_tables_and_figures_are_files_too(report):
    run, folder, _ = report
    table = pd.read_csv(folder / "tables" / "classes.csv")
    assert table["class"].tolist() == list(run.recipe.classes)
    latex = (folder / "tables" / "confusion-shares.tex").read_text()
    assert r"\toprule" in latex and r"\bottomrule" in latex
    assert not re.search(r"(?<!\\)[%_&](?![^\n]*(?:\\\\|\{))", latex.split(r"\midrule")[0].split("tabular")[0])
    names = {file.name for file in (folder / "figures").iterdir()}
    for kind in ("png", "pdf", "svg"):
        assert {f"folds.{kind}", f"sensitivity.{kind}", f"roc-1.{kind}", f"learning-loss.{kind}"} <= names


def test_the_sentence_has_the_images_the_figure_and_its_interval(report):
    run, _, _ = report
    facts = RunFacts(run)
    table = read_metrics_table(run)
    sentence = headline(facts)
    for column in ("value", "low", "high"):
        assert f"{100 * value_of(table, 'mean', 'all', 'accuracy', column):.1f}" in sentence
    rows = run.tested
    assert f"{len(rows)} held-out synthetic images of {rows.patient_id.nunique()} patients" in sentence


def test_the_papers_figure_is_next_to_ours_on_its_own_test_rows(tmp_path):
    facts = with_tables(tmp_path / "run")
    assert facts.reading == "balanced"
    printed = facts.paper.printed("accuracy").words
    assert f"the paper printed {printed}" in headline(facts)
    folder = tmp_path / "report"
    page = Page(write_report([facts], folder).page.read_text())
    assert "deviations" in page.sections
    assert pd.read_csv(folder / "tables" / "overall.csv").set_index("figure")["paper"]["accuracy"] == printed


def test_a_leak_is_a_warning_of_the_page_and_an_answer_of_the_checklists(tmp_path):
    facts = with_tables(tmp_path / "run", warnings=(LEAK,))
    page = Page(write_report([facts], tmp_path / "report").page.read_text())
    warned = page.words.index(LEAK["text"])
    assert warned < page.words.index("the network was right")
    assert ANSWERS["disjoint"](facts) != ANSWERS["disjoint"](with_tables(tmp_path / "other"))


@pytest.mark.parametrize(("name", "items"), [("claim2024", 44), ("tripod_ai", 52)])
def test_every_item_of_a_checklist_is_there_and_has_a_known_answer_or_none(name, items):
    found = [item for group in read_checklist(name)["groups"].values() for item in group]
    assert len(found) == items == len({number for number, *_ in found})
    assert {key for _, _, *keys in found for key in keys} <= set(ANSWERS)
    assert any(not keys for _, _, *keys in found)


def test_items_that_only_a_person_knows_stay_open(report):
    _, folder, _ = report
    answers = pd.read_csv(folder / "tables" / "claim2024.csv", dtype=str).set_index("item").answer
    assert answers["44"] == OPEN and answers["23"] != OPEN


def test_two_runs_are_compared_on_one_page(tmp_path):
    runs = [write_reported(tmp_path / "base" / "folds" / f"seed-{seed}", seed, sharp=1 + seed) for seed in (0, 1)]
    written = write_report(runs, tmp_path / "report")
    page = Page(written.page.read_text())
    assert page.sections == ["runs", "warnings", "results", "comparison", "classes", "provenance"]
    assert pd.read_csv(tmp_path / "report" / "tables" / "runs.csv").run.tolist() == ["seed-0", "seed-1"]
    differences = pd.read_csv(tmp_path / "report" / "tables" / "differences-B.csv", dtype=str).set_index("figure")
    assert differences["B - A"]["accuracy"] == "+0.0" and differences["B - A"]["log loss"] != "+0.000"
    single = Page(write_report(runs[:1], tmp_path / "single").page.read_text())
    assert "seeds" in single.sections
    seeds = pd.read_csv(tmp_path / "single" / "tables" / "seeds.csv")
    assert list(seeds)[2:] == ["seed 0", "seed 1"]


def test_runs_that_tested_other_images_are_shown_with_the_reason(tmp_path):
    runs = [write_reported(tmp_path / "one"), with_tables(tmp_path / "two")]
    page = Page(write_report(runs, tmp_path / "report").page.read_text())
    assert "cannot be compared" in page.words and "its classes are" in page.words


def test_a_run_named_twice_and_an_edited_run_are_refused(own_copy):
    run = open_run(own_copy)
    check_runs([run])
    with pytest.raises(PxrError, match="twice"):
        check_runs([run, open_run(own_copy)])
    splits = own_copy / "splits.csv"
    files.write_text(splits, splits.read_text() + "\n")
    with pytest.raises(PxrError, match=r"splits\.csv was changed"):
        check_runs([open_run(own_copy)])


def test_without_a_cache_the_page_has_no_pictures(own_copy):
    run = open_run(own_copy)
    assert find_cases(run).successes
    shutil.rmtree(run.cache)
    cases = find_cases(open_run(own_copy, own_copy.parents[4]))
    assert not cases.successes and not cases.mistakes


def test_latex_escapes_what_it_would_read_as_a_command():
    frame = pd.DataFrame({"a_b": ["5 % & more", "c\\d"], "n": ["1", "±2"]})
    latex = to_latex(Table("t", "50 % of_all", frame))
    for words in (r"a\_b", r"5 \% \& more", r"c\textbackslash{}d", r"$\pm$2", r"50 \% of\_all"):
        assert words in latex


AWKWARD = ["a_b & 5 %", "#1 {x} ~ ^ \\", "–±×≥→−²·…", "grün, Café", "[x]", "*", "< 0.001 | > 2", "-40.0"]  # noqa: RUF001


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex (Debian: texlive-latex-recommended)")
@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("columns", [2, 6])
def test_a_table_of_awkward_characters_compiles_and_fits_the_page(tmp_path, words, columns):
    texts = [*AWKWARD, *["long texts of several words and/of/a_long_path.png"] * (60 if words else 1)]
    frame = pd.DataFrame({f"{name} {number}": texts for number, name in enumerate(AWKWARD[:columns])})
    (tmp_path / "t.tex").write_text(to_latex(Table("t", f"Of {' '.join(AWKWARD)}", frame, words=words)))
    packages = r"\documentclass{article}\usepackage{array,booktabs,longtable}"
    (tmp_path / "all.tex").write_text(rf"{packages}\begin{{document}}\input{{t.tex}}\end{{document}}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = (tmp_path / "all.log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert not re.search("too large|Missing character", log)
    assert all(float(points) < 10 for points in re.findall(r"Overfull .hbox .([0-9.]+)pt", log))  # widths are estimates
