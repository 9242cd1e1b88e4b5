"""Which pictures of a run are explained, and by which fold's model."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import any_of, nearest, refused, tells
from PIL import Image
from tiny import CLASSES

from pxr_tf.galleries.cases import LEAST, RIGHT, WRONG, choose_cases
from pxr_tf.inference.pictures import ASKED, find_asked
from pxr_tf.runs.finished import open_run


@pytest.fixture
def run(finished_run, tmp_path) -> Path:
    """The tables of a finished run, without its models."""
    for file in finished_run.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    return tmp_path


def predict(run: Path, rows: list[tuple[str, str, str, str, float]]) -> None:
    """Write predictions of a run's images: (image, fold, role, label, probability of normal, else of viral)."""
    table = pd.DataFrame(rows, columns=["image_id", "fold", "role", "label", "p_normal"])
    table["p_viral"] = 1 - table.p_normal
    table["predicted"] = np.where(table.p_normal > 0.5, "normal", "viral")
    table.to_csv(run / "predictions.csv", index=False)


def cases_of(run: Path, number: int, fold: str | None = None) -> pd.DataFrame:
    """Return the cases of a run of two classes."""
    opened = open_run(run)
    opened.__dict__["recipe"] = opened.recipe.model_copy(update={"classes": ("normal", "viral")})
    return choose_cases(opened, number, fold)


def images_of(run: Path) -> list[str]:
    return list(pd.read_csv(run / "manifest.csv", dtype=str).image_id)


def test_the_most_telling_cases_of_each_class_are_chosen_in_order(run):
    a, b, c, d, e, f, g = images_of(run)[:7]
    normal = [(a, 0.9), (b, 0.99), (c, 0.6), (d, 0.45), (e, 0.02), (f, 0.9)]
    predict(run, [(name, "0", "test", "normal", p) for name, p in normal] + [(g, "1", "test", "viral", 0.2)])
    cases = cases_of(run, 1)
    assert list(zip(cases.group, cases.image_id, cases.fold, strict=True)) == [
        (RIGHT, b, "0"),
        (WRONG, e, "0"),
        (LEAST, d, "0"),
        (RIGHT, g, "1"),
    ]
    more = cases_of(run, 3)
    assert list(more.image_id[more.group == RIGHT])[:3] == [b, *sorted([a, f])]  # ties are sorted by image id
    assert more.image_id.is_unique


def test_validation_rows_do_not_count(run):
    a, b = images_of(run)[:2]
    predict(run, [(a, "0", "val", "normal", 1.0), (b, "0", "test", "normal", 0.6)])
    assert list(cases_of(run, 5).image_id) == [b]
    assert list(open_run(run).tested.image_id) == [b]


def test_cases_of_a_run_come_from_the_fold_that_tested_them(finished_run):
    cases = choose_cases(open_run(finished_run), 2)
    splits = pd.read_csv(finished_run / "splits.csv", dtype=str)
    for row in cases.itertuples():
        roles = splits[(splits.image_id == row.image_id) & (splits.fold == row.fold)].role
        assert list(roles.str.startswith("test")) == [True]
    assert set(cases.fold) == {"0", "1"}
    assert set(choose_cases(open_run(finished_run), 2, "1").fold) == {"1"}


def test_a_fold_that_tests_nothing_has_no_cases(run):
    predict(run, [(images_of(run)[0], "0", "test", "normal", 0.9)])
    with refused("--fold", "'holdout'", any_of("name images", "images")):
        cases_of(run, 1, "holdout")
    predict(run, [(images_of(run)[0], "0", "val", "normal", 0.9)])
    with refused("RUN", any_of("test"), "predictions.csv", any_of("name images", "images")):
        cases_of(run, 1)


def test_a_copy_of_a_runs_image_is_explained_by_the_fold_that_tested_it(finished_run, tmp_path):
    manifest = pd.read_csv(finished_run / "manifest.csv", dtype=str)
    splits = pd.read_csv(finished_run / "splits.csv", dtype=str)
    tested = splits[(splits.fold == "1") & splits.role.str.startswith("test")].image_id.iloc[0]
    row = manifest[manifest.image_id == tested].iloc[0]
    shutil.copy(row.path, tmp_path / "copy.jpeg")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 40), np.uint8)).save(tmp_path / "external.png")
    found = find_asked(open_run(finished_run), [tested, str(tmp_path)], None).set_index("image_id")
    copy, external = (next(name for name in found.index if name.endswith(end)) for end in ("copy.jpeg", "external.png"))
    assert found.index[0] == tested
    for name in (tested, copy):
        assert tuple(found.loc[name, ["fold", "role", "label", "group"]]) == ("1", "test", row.label, ASKED)
        assert found.predicted[name] in CLASSES
    assert tuple(found.loc[external, ["fold", "role", "label", "predicted"]]) == ("0", "", "", "")
    found = find_asked(open_run(finished_run), [tested], "0").set_index("image_id")
    assert tuple(found.loc[tested, ["fold", "role", "predicted"]]) == ("0", "train", "")


def test_what_is_not_read_in_a_folder_is_reported_once(finished_run, tmp_path):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.nii").write_bytes(b"x")
    events: list[dict] = []
    find_asked(open_run(finished_run), [str(tmp_path)], None, events.append)
    notes = [event["text"] for event in events if event["event"] == "note"]
    assert len(notes) == 1 and tells(notes, "1 .nii", str(tmp_path))


def test_labels_of_an_external_data_set_merge_as_in_the_run(finished_run, official_phantoms):
    run = open_run(finished_run)
    merge = {"merge": {"pneumonia": ("bacterial", "viral")}, "classes": ("pneumonia",)}
    run.__dict__["recipe"] = run.recipe.model_copy(update=merge)  # the run caches what it has read here
    found = find_asked(run, [str(official_phantoms)], None)
    external = found[found.role == ""]  # the others are images of the run and keep its labels
    assert len(external) > 10
    assert set(external.label) == {"pneumonia", "normal"}


def test_files_with_the_same_name_are_named_by_the_end_of_their_path_that_differs(finished_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["p/a/same.png", "p/b/same.png", "q/b/same.png", "other.png", "p/b/same.png"]
    for number, name in enumerate(dict.fromkeys(asked)):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((9, 9), number, np.uint8)).save(name)
    known = images_of(finished_run)[0]
    found = find_asked(open_run(finished_run), [*asked, known], None)
    named = ["a/same.png", "p/b/same.png", "q/b/same.png", "other.png", known]
    assert list(found.image_id) == named
    assert list(found.patient_id[:4]) == named[:4]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["nowhere.png"], ["IMAGES", "'nowhere.png'", "image", "file", "folder"]),
        (["NEAR"], ["ID"]),
        (["x" * 5000], ["image", "file", "folder"]),
        (["SET", "copy"], [any_of("two pictures", "2 pictures")]),
        (["empty"], ["empty", any_of("empty folder", "no picture")]),
    ],
)
def test_what_is_not_a_picture_is_refused(finished_run, official_phantoms, tmp_path, monkeypatch, asked, words):
    monkeypatch.chdir(tmp_path)
    if "copy" in asked:
        shutil.copytree(official_phantoms, "copy")
        asked = [str(official_phantoms), "copy"]
    for name in ("a", "b", "empty"):
        Path(name).mkdir()
        Image.fromarray(np.full((9, 9), len(name), np.uint8)).save(f"{name}/same.png")
    Path("empty/same.png").unlink()
    known = images_of(finished_run)[0]
    asked = [known[:-1] if word == "NEAR" else word for word in asked]
    with refused(*(nearest(repr(known)) if word == "ID" else word for word in words)):
        find_asked(open_run(finished_run), asked, None)
