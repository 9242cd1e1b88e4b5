"""``pxr check-published FILE``: what it shows, and wrong files refused in one line."""

import pytest
import yaml
from messages import ACCEPTED, UNREADABLE, any_of, assert_says, assert_tells, nearest

from pxr_tf.evaluation.published.papers import PAPERS_FOLDER

ROW = {"model": "net", "accuracy": "90.0", "sensitivity": {"sick": "90.0", "well": "90.0"}}


def write(path, row=ROW, **more):
    table = {"classes": ["sick", "well"], "test_counts": {"sick": "10", "well": "20"}, "rows": [row]}
    values = {"title": "A paper", "scheme": "official", "test_rows": "all", "tables": [table | more]}
    path.write_text(yaml.safe_dump(values))
    return path


def test_a_paper_is_shown_with_an_example(pxr, tmp_path):
    code, said, _ = pxr("check-published", write(tmp_path / "paper.yaml"))
    assert code == 0
    assert_tells(said, "A paper", "net", any_of("possible"), "sick 9 1; well 2 18", "30 test images")


def test_a_paper_is_shown_with_its_proof(pxr):
    code, said, _ = pxr("check-published", PAPERS_FOLDER / "chen2021.yaml")
    assert code == 0
    assert_tells(said, "resnet18", any_of("impossible"), "99.359 %", "99.5726 %", "624", "normal 83 0 151")


@pytest.mark.parametrize(
    ("row", "more", "facts"),
    [
        (ROW | {"recall": {"sick": "90"}}, {}, ["tables.0.rows.0.recall", any_of("unknown key"), "sensitivity"]),
        (ROW | {"sensitivty": {"sick": "90"}}, {}, [nearest("sensitivity")]),
        (ROW | {"accuracy": "101"}, {}, ["accuracy", "101", "100 or less"]),
        (ROW | {"accuracy": "high"}, {}, ["accuracy", "high", ACCEPTED]),
        (ROW, {"test_counts": {"sick": "10"}}, ["sick", any_of("needed"), "well"]),
        (ROW, {"test_counts": {"sick": "10", "well": "0"}}, ["well", "more than 0"]),
        (ROW, {"images": {"sick": "10", "well": "20"}}, ["test_share", any_of("missing")]),
        ({"model": "net"}, {}, ["net", any_of("no figure"), "accuracy", "sensitivity"]),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(pxr, tmp_path, row, more, facts):
    code, _, said = pxr("check-published", write(tmp_path / "paper.yaml", row, **more))
    assert code == 2
    assert_says(said, *facts)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (None, [UNREADABLE]),
        ("title: [", ["line", any_of("not valid YAML")]),
        ("a: 1\na: 2\n", ["line 2"]),
        ("5", [ACCEPTED]),
    ],
)
def test_a_file_that_is_not_a_paper_is_refused_in_one_line(pxr, tmp_path, text, facts):
    if text is not None:
        (tmp_path / "paper.yaml").write_text(text)
    code, _, said = pxr("check-published", tmp_path / "paper.yaml")
    assert code == 2
    assert_says(said, "paper.yaml", *facts)
