"""An atlas is read from a folder of pairs; a faulty folder is refused in one line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from messages import ACCEPTED, NOTHING, UNREADABLE, Fact, any_of, matching, refused

from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.pictures import lung_atlas
from pxr_tf.pictures.lung_atlas import read_atlas, read_pairs
from pxr_tf.pictures.mask_codes import read_mask


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("atlas")
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for patient in range(5):
        chest = draw_chest(patient, 0, 48)
        cv2.imwrite(str(folder / f"images/p{patient}.jpg"), chest.image)
        cv2.imwrite(str(folder / f"masks/p{patient}.png"), chest.whole_lungs * np.uint8(255))
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "atlas"))


def test_pairs_are_read_and_prepared_once(folder, tmp_path):
    first = read_atlas(folder, tmp_path / "cache")
    assert len(first.pictures) == 5
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}
    assert read_atlas(folder, tmp_path / "cache").digest == first.digest
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == before


def test_another_mask_is_another_atlas(folder, tmp_path):
    first = read_atlas(folder, tmp_path / "cache")
    cv2.imwrite(str(folder / "masks/p0.png"), np.pad(np.full((20, 20), 255, np.uint8), 14))
    assert read_atlas(folder, tmp_path / "cache").digest != first.digest


@pytest.mark.parametrize("version", ["MASKS_VERSION", "PICTURES_VERSION"])
def test_an_atlas_of_an_older_reading_is_prepared_again(folder, tmp_path, monkeypatch, version):
    with monkeypatch.context() as older:
        older.setattr(lung_atlas, version, 0, raising=False)
        older.setattr(lung_atlas, "read_mask", lambda path: read_mask(path) & (np.arange(48) < 24))
        first = read_atlas(folder, tmp_path / "cache")
    assert read_atlas(folder, tmp_path / "cache").masks.mean() > 1.5 * first.masks.mean()


def test_masks_are_read_exactly(made):
    pairs = read_pairs(made)
    assert list(pairs) == [f"p{patient}" for patient in range(5)]
    assert np.array_equal(pairs["p3"][1], draw_chest(3, 0, 48).whole_lungs)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


FAULTS: dict[str, tuple[Callable[[Path], object], list[Fact]]] = {
    "nothing there": (shutil.rmtree, ["images/", "images/NAME.jpg", matching("masks/")]),
    "no masks": (lambda folder: shutil.rmtree(folder / "masks"), ["masks/", "folder"]),
    "a mask too few": (lambda folder: (folder / "masks/p1.png").unlink(), ["mask", "p1.jpg", ACCEPTED]),
    "an image too few": (lambda folder: (folder / "images/p1.jpg").unlink(), ["image", "p1.png", ACCEPTED]),
    "two few pairs": (
        lambda folder: [next((folder / part).glob("p4.*")).unlink() for part in ("images", "masks")],
        ["4 pairs", "5"],
    ),
    "two of one name": (
        lambda folder: shutil.copy(folder / "images/p1.jpg", folder / "images/p1.jpeg"),
        [any_of("two images", "2 images"), any_of("one name", "same name")],
    ),
    "another size": (
        lambda folder: cv2.imwrite(str(folder / "masks/p1.png"), np.full((48, 47), 255, np.uint8)),
        [matching("masks/p1.png"), "47 x 48 pixels", "48 x 48", any_of("same size"), any_of("resize")],
    ),
    "an empty mask": (
        lambda folder: cv2.imwrite(str(folder / "masks/p1.png"), np.zeros((48, 48), np.uint8)),
        [matching("masks/p1.png"), NOTHING, any_of("white"), "255", any_of("black"), any_of("remove")],
    ),
    "a damaged image": (
        lambda folder: damage(folder / "images/p1.jpg"),
        [matching("images/p1.jpg"), UNREADABLE, any_of("replace"), any_of("remove")],
    ),
    "a damaged mask": (
        lambda folder: damage(folder / "masks/p1.png"),
        [matching("masks/p1.png"), UNREADABLE, any_of("replace"), any_of("remove")],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_atlas_is_refused_in_one_line_and_nothing_is_stored(folder, tmp_path, fault):
    spoil, facts = FAULTS[fault]
    spoil(folder)
    with refused(*facts):
        read_atlas(folder, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
