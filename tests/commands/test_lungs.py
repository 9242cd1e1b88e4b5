"""``pxr lungs``: its files, its output, its refusals."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from messages import MISSING, any_of, assert_says, assert_tells

from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.report.lung_sheet import (
    CAPTION,
    HEADER,
    TILE_SIDE,
    TILES_PER_ROW,
    choose_tiles,
    name_sheet,
    summarise_lungs,
)


@pytest.fixture
def films(tmp_path) -> Path:
    """A folder without a known layout, with three phantoms, a black picture and a cut-off file; next to it an atlas."""
    for folder in ("films/old", "atlas/images", "atlas/masks"):
        (tmp_path / folder).mkdir(parents=True)
    for patient in range(5):
        chest = draw_chest(patient, 0, 48)
        cv2.imwrite(str(tmp_path / f"atlas/images/{patient}.png"), chest.image)
        cv2.imwrite(str(tmp_path / f"atlas/masks/{patient}.png"), chest.whole_lungs * np.uint8(255))
    for patient in range(3):
        folder = tmp_path / ("films/old" if patient else "films")
        cv2.imwrite(str(folder / f"{patient}.jpg"), draw_chest(20 + patient, 0, 64).image)
    cv2.imwrite(str(tmp_path / "films/black.png"), np.zeros((40, 60), np.uint8))
    (tmp_path / "films/cut.jpg").write_bytes((tmp_path / "films/0.jpg").read_bytes()[:300])
    return tmp_path / "films"


@pytest.fixture
def one_process(monkeypatch):
    monkeypatch.setattr("pxr_tf.machine.processors", lambda: 1)


def test_a_folder_of_pictures(pxr, films, one_process):
    code, said, errors = pxr("lungs", films, "--atlas", films.parent / "atlas", "--out", "out")
    assert (code, errors) == (0, "")
    assert_tells(said, "4 pictures", "4 found", "0 given")
    assert_tells(said, "1 of 4", "0.5", any_of("trusted"))
    assert_tells(said, "1 picture", any_of("unreadable"), "films/cut.jpg (")
    table = pd.read_csv("out/lungs.csv", keep_default_na=False).set_index("image")
    assert list(table.index) == [
        "films/0.jpg",
        "films/black.png",
        "films/cut.jpg",
        "films/old/1.jpg",
        "films/old/2.jpg",
    ]
    assert table.trusted.astype(str).tolist() == ["True", "False", "False", "True", "True"]
    assert {str(path) for path in Path("out/masks").rglob("*.png")} == {
        f"out/masks/films/{name}.png" for name in ("0", "black", "old/1", "old/2")
    }
    assert cv2.imread("out/sheet.png").shape == (HEADER + TILE_SIDE + CAPTION, TILES_PER_ROW * TILE_SIDE, 3)
    assert not list(Path("out").rglob("*.partial"))


def test_a_data_set_is_read_by_its_layout_and_keeps_its_names(pxr, data, films, one_process):
    code, said, _ = pxr("lungs", data.split(",")[0], "--atlas", films.parent / "atlas")
    assert code == 0, said
    table = pd.read_csv("runs/lungs/chest_xray/lungs.csv")
    assert table.image.str.startswith("synthetic-kermany/").all()


def test_another_folder_of_the_same_name_is_refused(pxr, films, one_process):
    other, words = films.parent / "elsewhere/films", ("--atlas", films.parent / "atlas")
    shutil.copytree(films / "old", other)
    assert pxr("lungs", films, *words)[0] == 0
    before = Path("runs/lungs/films/lungs.csv").read_bytes()
    code, _, errors = pxr("lungs", other, *words)
    assert (code, errors.count("\n")) == (2, 1)
    assert_says(errors, "runs/lungs/films", str(films), str(other), "--out")
    assert Path("runs/lungs/films/lungs.csv").read_bytes() == before
    assert pxr("lungs", other, *words, "--out", "runs/lungs/others")[0] == 0
    assert pxr("lungs", films, *words)[0] == 0


def test_an_output_folder_takes_more_data(pxr, films, one_process):
    words = ("--atlas", films.parent / "atlas", "--out", "out")
    assert pxr("lungs", films / "old", *words)[0] == 0
    code, said, _ = pxr("lungs", f"{films / 'old'},{films.parent / 'atlas/images'}", *words)
    assert code == 0
    assert_tells(said, "7 pictures")


def test_a_second_run_with_an_unreadable_picture_prints_the_same(pxr, films, one_process):
    first, second = (pxr("lungs", films, "--atlas", films.parent / "atlas", "--out", "out") for _ in range(2))
    assert second[0] == 0, second
    assert second[1].splitlines()[-5:] == first[1].splitlines()[-5:]


def test_bad_input_is_refused_in_one_line(pxr, films, one_process):
    empty = films.parent / "empty"
    empty.mkdir()
    shared = films.parent / "shared"
    shared.mkdir()
    shutil.copy(films.parent / "atlas/masks/1.png", shared)
    shutil.copytree(films / "old", films.parent / "twice/new")
    shutil.copytree(films / "old", films.parent / "twice/old")
    shutil.rmtree(films.parent / "atlas/masks")
    for words, expected in (
        (("nowhere",), ["DATA", str(Path("nowhere").absolute())]),
        ((empty,), ["empty"]),
        ((films, "--atlas", films.parent / "atlas"), ["masks/"]),
        ((films, "--atlas", films / "0.jpg"), ["0.jpg", "network", any_of("damaged"), "builtin"]),
        ((films, "--atlas", "builtn"), ["atlas", "'builtn'", MISSING, "builtin", "folder"]),
        ((films, "--masks", empty), ["mask", "5 pictures"]),
        ((films.parent / "twice", "--masks", shared), ["mask", any_of("two pictures", "2 pictures")]),
        ((f"{films},{films}",), ["DATA", any_of("two", "2"), "films/0.jpg"]),
    ):
        code, _, said = pxr("lungs", *words)
        assert (code, said.count("\n")) == (2, 1), said
        assert said.startswith("pxr: ")
        assert_says(said, *expected)
    assert not Path("runs").exists()


def test_a_network_is_trained_once_and_finds_lungs(pxr, films, one_process, monkeypatch):
    monkeypatch.setattr("pxr_tf.segment.train_task.WIDTHS", (2, 2))
    words = ("lungs", "train", films.parent / "atlas", "--steps", 4)
    code, said, errors = pxr(*words)
    assert (code, errors) == (0, "")
    assert "lung network · 2 of 4 · loss 1." in said and "lung network · 4 of 4 · loss 1." in said
    assert_tells(said, "runs/lungs/atlas-unet.npz", "--atlas runs/lungs/atlas-unet.npz")
    quality = [line for line in said.splitlines() if "held out" in line]
    assert_tells(quality[0], "1 pair", "mean Dice", "worst")
    code, said, errors = pxr(*words)
    assert (code, errors) == (0, "")
    assert_tells(said, any_of("nothing to do"), "runs/lungs/atlas-unet.npz")
    assert quality[0] in " ".join(said.split())
    before = Path("runs/lungs/atlas-unet.npz").read_bytes()
    code, _, errors = pxr(*words, "--seed", 1)
    assert code == 2
    assert_says(errors, "runs/lungs/atlas-unet.npz", "seed", "0", "1", any_of("move"))
    assert Path("runs/lungs/atlas-unet.npz").read_bytes() == before
    code, said, errors = pxr("lungs", films, "--atlas", "runs/lungs/atlas-unet.npz", "--out", "out")
    assert (code, errors) == (0, "")
    assert_tells(said, "4 pictures", "4 found", "0 given")
    assert not list(Path("runs").rglob("*.partial"))
    monkeypatch.setenv("PXR_MAKE", "lungs-train")
    code, said, _ = pxr(*words, "--out", "a b.npz")
    assert (code, "ATLAS='a b.npz'" in said.splitlines()) == (0, True)


def test_a_folder_called_train_is_given_as_a_path(pxr, films, one_process):
    films.rename(films.parent / "train")
    code, said, _ = pxr("lungs", "./train", "--atlas", films.parent / "atlas", "--out", "out")
    assert code == 0
    assert_tells(said, "4 pictures")
    code, _, errors = pxr("lungs", "train", "--atlas", films.parent / "atlas")
    assert code == 2 and "No such option: --atlas" in errors


def test_impossible_trainings_are_refused(pxr, films):
    text = films.parent / "text"
    text.write_text("mine")
    for words, expected in (
        (("nowhere",), ["images/", "images/NAME.jpg", "masks/NAME.png"]),
        (("",), ["PAIRS", "ATLAS=folder"]),
        ((films.parent / "atlas", "--out", text), [str(text), "network", any_of("new", "move")]),
        (
            (films.parent / "atlas", "--out", films),
            [str(films), "network", any_of("new file"), any_of("move")],
        ),
    ):
        code, _, said = pxr("lungs", "train", *words)
        assert (code, said.count("\n")) == (2, 1), said
        assert said.startswith("pxr: ")
        assert_says(said, *expected)
    assert text.read_text() == "mine"
    assert not Path("runs").exists()


def test_the_sheet_shows_the_least_and_the_most_certain():
    table = pd.DataFrame({"image": map(str, range(80)), "confidence": np.arange(80) / 80, "fault": [""] * 79 + ["cut"]})
    chosen = choose_tiles(table.sample(frac=1, random_state=0)).confidence * 80
    assert chosen.tolist() == [*range(25), *range(54, 79)]
    assert len(choose_tiles(table.head(30))) == 30


def test_the_title_of_a_sheet_says_which_pictures_it_shows():
    assert name_sheet(1) == "Lungs of 1 picture"
    assert name_sheet(50) == "Lungs of 50 pictures, the least certain first"
    assert name_sheet(6041) == "Lungs of 6,041 pictures: the 25 least certain first, then the 25 most certain"


@pytest.mark.parametrize(("trusted", "expected"), [(3, "all 3 pictures"), (2, "1 of 3 not trusted")])
def test_the_summary_is_a_plain_sentence(trusted, expected):
    flags = [True] * trusted + [False] * (3 - trusted)
    table = pd.DataFrame({"image": list("abc"), "confidence": 0.8, "trusted": flags, "inverted": False})
    said = " ".join(summarise_lungs(table.assign(fault="", origin="found"), 0.5))
    assert expected in said and "0.5" in said and "0 of" not in said


def test_given_masks_may_be_numbered_and_empty_masks_are_not_given(pxr, films, one_process):
    masks = films.parent / "atlas/masks"
    for path in masks.iterdir():
        level = np.uint8(0 if path.stem == "3" else 2)
        cv2.imwrite(str(path), (cv2.imread(str(path), 0) > 0) * level)
    code, said, errors = pxr("lungs", films.parent / "atlas/images", "--masks", masks, "--out", "out")
    assert (code, errors) == (0, "")
    assert_tells(said, "0 found", "4 given", "1 given mask empty", "images/3.png")
    for path in masks.iterdir():
        cv2.imwrite(str(path), (cv2.imread(str(path), 0) == 0) * np.uint8(255))
    code, _, errors = pxr("lungs", films.parent / "atlas/images", "--masks", masks, "--out", "out")
    assert (code, errors.count("\n")) == (2, 1)
    assert_says(errors, "mask", any_of("inverted", "one colour"))
