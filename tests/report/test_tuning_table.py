"""A tuning's table: the order of its points, their marks, and warnings about the choice."""

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_tells, tells
from rich.console import Console
from written_runs import COUNT, LEAK, write_run

from pxr_tf import files
from pxr_tf.report.tuning import print_ranking
from pxr_tf.runs.finished import open_run
from pxr_tf.studies import ranking
from pxr_tf.studies.ranking import TuningPoint, find_cautions, rank_points, write_points


def make_point(folder: Path, wrong_every: int = 4, images: int = COUNT, epochs: dict | None = None, **values):
    """Return a finished point; one prediction in `wrong_every` is wrong."""
    write_run(folder, wrong_every=wrong_every, scheme="official", warnings=(LEAK,))
    table = pd.read_csv(folder / "predictions.csv").assign(role="val")
    table = pd.concat([table] * (images // COUNT + 1)).head(images)
    test = table.head(9).assign(role="test", predicted="covid19", p_bacterial=0)  # test rows must not count
    files.write_csv(folder / "predictions.csv", pd.concat([test, table]))
    splits = pd.read_csv(folder / "splits.csv").assign(fold="official", role="val")
    files.write_csv(folder / "splits.csv", splits)
    (folder / "official").mkdir()
    shutil.copy(folder / "predictions.csv", folder / "official")
    if epochs:
        files.write_json(folder / "official" / "epochs.json", {"epochs": epochs})
        files.write_csv(
            folder / "official" / "history.csv", pd.DataFrame({"phase": "all", "loss": 1.0, "seconds": [1.25, 2.5]})
        )
    return TuningPoint({key.replace("__", "."): value for key, value in values.items()}, folder.name, open_run(folder))


def printed(points: list[TuningPoint], width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_ranking(points, console)
    return console.file.getvalue()


def test_points_are_ranked_by_loss_and_ties_stay_in_order(tmp_path):
    points = [
        make_point(tmp_path / "a", 4, model__l2=1, phases__0__l2=0.1),
        TuningPoint({"model.l2": 2, "phases.0.l2": 0.1}, "b", failure="diverged"),
        make_point(tmp_path / "c", 8, epochs={"head": 5, "all": 12}, model__l2=3, phases__0__l2=0.1),
        make_point(tmp_path / "d", 8, model__l2=[4, 5], phases__0__l2=0.1),
    ]
    table = rank_points(points)
    assert table["rank"].tolist() == ["1", "2", "3", ""]
    assert table["model.l2"].tolist() == ["3", "[4, 5]", "1", "2"]
    assert table.accuracy.tolist()[:3] == [7 / 8, 7 / 8, 3 / 4]
    assert table.images.tolist() == [str(COUNT)] * 3 + [""]
    assert (table.epochs[0], table.seconds[0], table.epochs[1]) == ("5+12", "3.8", "")
    scores, rest = ["val_loss", "accuracy", "balanced_accuracy"], ["images", "epochs", "seconds", "path", "failure"]
    assert list(table) == ["rank", "model.l2", "phases.0.l2", *scores, *rest]
    assert table.loc[3, rest].tolist() == ["", "", "", "b", "diverged"] and table.loc[3, scores].isna().all()
    written = write_points(tmp_path, points)
    assert written.equals(table)
    assert set(pd.read_csv(tmp_path / "tuning.csv").split) == {"leaky split"}
    text = printed(points)
    assert_tells(text, any_of("test rows"), any_of("left out", "dropped"))
    assert f"Warning: {LEAK['text']}" in text
    assert "diverged" not in text  # it was printed when the point failed
    lines = [line.split() for line in text.splitlines()]
    assert next(line[:4] for line in lines if line[:1] == ["best"])[1:3] == ["3", "0.1"]
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("keys", "headings"),
    [
        ({"model__l2": 1, "image__size": 2}, ["l2", "size", "val."]),
        ({"model__l2": 1, "phases__0__l2": 2}, ["model.l2", "phases.0.l2", "val."]),
    ],
)
def test_keys_are_shortened_if_that_is_unambiguous(tmp_path, keys, headings):
    lines = [line.split() for line in printed([make_point(tmp_path / "a", **keys)], width=120).splitlines()]
    assert next(line for line in lines if "val." in line)[:3] == headings


@pytest.mark.parametrize(
    ("tried", "best", "facts"),
    [
        ([0.1, 0.2, 0.3], 1, []),
        ([0.1, 0.2, 0.3], 0, ["x.y=0.1", any_of("smallest", "lowest")]),
        ([0.1, 0.2, 0.3], 2, ["x.y=0.3", any_of("largest", "highest")]),
        ([0.0, 0.1, 0.2], 0, []),
        ([0.1], 0, []),
        ([0.1, 0.2], 0, []),
        ([0.1, 0.2, 0.1, 0.2], 1, []),
        (["a", "b"], 0, []),
        ([True, False], 0, []),
        ([None, 3, 5], 2, []),
    ],
)
def test_a_best_value_at_the_edge_of_the_grid_is_reported(tmp_path, tried, best, facts):
    points = [TuningPoint({"x.y": value}, "other", failure="failed") for value in tried]
    points[best] = make_point(tmp_path / "best", images=60, x__y=tried[best])
    cautions = find_cautions(points, points[best])
    assert len(cautions) == bool(facts)
    assert all(tells([text], any_of("best"), any_of("edge"), *facts) for text in cautions)


@pytest.mark.parametrize(("images", "few"), [(49, True), (50, False)])
def test_few_validation_images_are_reported(tmp_path, images, few):
    point = make_point(tmp_path / "a", images=images, x__y=1)
    cautions = find_cautions([point], point)
    assert len(cautions) == few
    assert all(tells([text], "49 images", any_of("standard error"), "4 percentage points") for text in cautions)


@pytest.mark.parametrize(("wrong_every", "expected"), [(20, True), (5, False)])  # 57 of 60 right, or 48, against 45
def test_a_point_far_more_accurate_than_the_best_by_loss_is_reported(tmp_path, wrong_every, expected):
    best = make_point(tmp_path / "a", wrong_every=4, images=60, x__y=1)
    other = make_point(tmp_path / "b", wrong_every=wrong_every, images=60, x__y=2)
    table = pd.read_csv(tmp_path / "b" / "predictions.csv")
    shares = table.filter(like="p_")
    table[shares.columns] = np.where(shares == 0.7, 0.26, 0.74 / 3)  # as accurate as before, but never confident
    files.write_csv(tmp_path / "b" / "predictions.csv", table)
    other = other._replace(run=open_run(tmp_path / "b"))
    points = [other, best, TuningPoint({"x.y": 3}, "c", failure="failed")]
    assert rank_points(points)["x.y"].tolist() == ["1", "2", "3"]
    facts = (any_of("best"), "75.0 %", any_of("validation"), "x.y=2", "95.0 %")
    assert tells(find_cautions(points, best), *facts) == expected
    assert any("95.0 %" in text for text in find_cautions(points, best)) == expected


@pytest.mark.parametrize(("gained", "lost", "far"), [(4, 0, False), (5, 0, True), (12, 4, False), (13, 4, True)])
def test_far_more_accurate_is_more_than_two_standard_errors(monkeypatch, gained, lost, far):
    right = {
        "best": np.repeat([True, False], [lost + 9, gained]),
        "other": np.repeat([False, True], [lost, gained + 9]),
    }
    monkeypatch.setattr(ranking, "_are_right", lambda point: right[point.name])
    points = [TuningPoint({}, name, run="a run") for name in right]
    assert bool(ranking._more_accurate(points, points[0])) == far


def test_many_equally_good_points_keep_their_order(monkeypatch):
    monkeypatch.setattr(ranking, "_row", lambda point: {"val_loss": float(point % 2), "failure": "", "path": point})
    assert rank_points(range(100)).path.tolist() == [*range(0, 100, 2), *range(1, 100, 2)]


def test_a_tuning_without_a_finished_point_has_a_table(tmp_path):
    failed = [TuningPoint({"x.y": 3}, "c", failure="failed")]
    assert write_points(tmp_path, failed).failure.tolist() == ["failed"]
    assert list(pd.read_csv(tmp_path / "tuning.csv").columns)[-1] == "failure"
