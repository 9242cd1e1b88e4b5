"""The sections that look closer: the paper's figures, groups of test images, labels to look at."""

from two_sources import write_two_sources
from written_runs import write_run

from pxr_tf import files
from pxr_tf.evidence.files import write_tables
from pxr_tf.report.page.closer import labels, paper, subgroups
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.write import write_report
from pxr_tf.runs.finished import open_run


def facts_of(run):
    write_tables(run)
    return RunFacts(run)


def test_groups_that_differ_most_are_named(tmp_path):
    words, table = subgroups(facts_of(write_two_sources(tmp_path)))
    assert words.text.startswith("2 of 2 groups differ from the rest of their class")
    assert "source a: +40.0 points" in words.text
    assert table.frame.group.tolist() == ["source a"] * 2
    assert table.frame.difference.tolist() == ["+40.0"] * 2


def test_views_sexes_and_ages_are_named_in_words(tmp_path):
    run = write_two_sources(tmp_path)
    half = len(run.manifest) // 2
    columns = {"source": "s", "view": ["ap", "pa"] * half, "sex": ["male", "female"] * half, "age": ["30", "81"] * half}
    files.write_csv(run.folder / "manifest.csv", run.manifest.assign(**columns))
    _, table = subgroups(facts_of(open_run(run.folder)))
    assert set(table.frame.group) == {"view ap", "female", "18-39 years"}


def test_groups_that_do_not_differ_are_said_to(tmp_path):
    words, _ = subgroups(facts_of(write_two_sources(tmp_path, right=(0.9, 0.9))))
    assert words.text.startswith("No group differs")


def test_labels_to_look_at_are_listed_and_all_are_in_a_file(tmp_path):
    """30 of 60 images of each class are confidently predicted as the other class."""
    facts = facts_of(write_two_sources(tmp_path, right=(1, 0), per_patient=3))
    agreement, doubted, table = labels(facts)
    assert agreement.text == "Of 40 patients with several images of one class, 0 get more than one prediction."
    assert doubted.text.startswith("For 60 images a model that did not train on it is confident of another class")
    assert len(table.frame) == 20 and "label_candidates.csv has all" in table.caption
    written = write_report([facts], tmp_path / "report")
    listed = files.read_csv(written.page.parent / "tables" / "label_candidates.csv", ["image_id"])
    assert len(listed) == 60


def test_the_papers_figures_stand_next_to_ours_with_a_verdict(tmp_path):
    words, table = paper(facts_of(open_run(write_run(tmp_path / "run"))))
    assert words.text.startswith("Of 13 figures of the paper, ")
    first = table.frame.iloc[0]
    assert first.figure == "accuracy" and first.paper.startswith("87.9 % (84.8 to 90.3)")
    assert first["the paper's figure"] in ("inside", "above", "below") and first.images == "544"


def test_a_run_without_a_paper_has_no_such_section(tmp_path):
    assert list(paper(facts_of(open_run(write_run(tmp_path / "run", published=None))))) == []
