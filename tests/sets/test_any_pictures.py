"""Pictures of data sets keep their ids; a folder of unknown layout is searched."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from messages import MISSING, any_of, refused

from pxr_tf.sets.any_pictures import list_pictures


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.zeros((4, 4), np.uint8))
    return folder


def test_a_folder_of_unknown_layout_is_searched_without_masks(tmp_path):
    folder = put(tmp_path / "films", "b.png", "a/c.jpg", "masks/b.png", ".hidden.png")
    found, notes = list_pictures([str(folder)])
    assert found == {"films/a/c.jpg": str(folder / "a/c.jpg"), "films/b.png": str(folder / "b.png")}
    assert notes == []


def test_a_data_set_is_read_by_its_layout(tmp_path):
    folder = put(tmp_path / "chest_xray", "train/NORMAL/IM-0001-0001.jpeg", "train/PNEUMONIA/person1_virus_6.jpeg")
    found, _ = list_pictures([str(folder)])
    assert set(found) == {
        "kermany/train/NORMAL/IM-0001-0001.jpeg",
        "kermany/train/PNEUMONIA/person1_virus_6.jpeg",
    }


def test_pictures_next_to_folders_count_even_if_the_folders_could_be_classes(tmp_path):
    folder = put(tmp_path / "films", "b.png", "old/c.jpg", "older/d.jpg")
    assert list(list_pictures([str(folder)])[0]) == ["films/b.png", "films/old/c.jpg", "films/older/d.jpg"]


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        ((), ["DATA"]),
        (("nowhere",), ["nowhere", MISSING]),
        (("films", "films"), [any_of("two", "2"), "films/b.png"]),
    ],
)
def test_missing_paths_and_duplicate_names_are_refused(tmp_path, names, facts):
    put(tmp_path / "films", "b.png")
    with refused(*facts):
        list_pictures([str(tmp_path / name) for name in names])
