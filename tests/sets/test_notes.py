"""Notes report what a reader left out, and images with unknown patients."""

import os
from pathlib import Path

import pytest
from messages import any_of, assert_says, matching, tells
from miniature_sets import write_coronahack, write_covid_chestxray, write_image, write_kermany, write_radiography

from pxr_tf.sets.find import read_sources


def write_kermanys_own_copy(root):
    write_kermany(write_kermany(root) / "chest_xray")


def write_outside_the_parts(root):
    write_kermany(root)
    write_image(root / "external" / "COVID" / "a.jpg")
    write_image(root / "external" / "COVID" / "b.jpg")


def write_radiography_with_more(root):
    write_radiography(root, flat=False)
    write_image(root / "COVID" / "a.png")
    write_image(root / "Normal" / "extra" / "b.png")


def write_table_next_to_more(root):
    write_coronahack(root)
    write_image(root / "More" / "a.png")


def write_covid_next_to_more(root):
    write_covid_chestxray(root)
    write_image(root / "later" / "new" / "a.png")
    write_image(root / "annotations" / "masks" / "a.png")


def write_own_table_next_to_more(root):
    write_image(root / "normal" / "a.png")
    write_image(root / "covid" / "b.png")
    (root / "manifest.csv").write_text("path,label\nnormal/a.png,normal\n")


def write_class_folder_next_to_images(root):
    write_image(root / "covid" / "a.png")
    write_image(root / "b.png")


@pytest.mark.parametrize(
    ("write", "layout", "images", "folders"),
    [
        (
            write_kermanys_own_copy,
            "kermany",
            "8 images",
            "chest_xray/test/NORMAL (2), chest_xray/test/PNEUMONIA (2), chest_xray/train/",
        ),
        (write_outside_the_parts, "kermany", "2 images", "external/COVID (2)"),
        (write_radiography_with_more, "radiography", "2 images", "COVID (1), Normal/extra (1)"),
        (write_table_next_to_more, "coronahack", "1 image", "More (1)"),
        (write_covid_next_to_more, "covid-chestxray", "1 image", "later/new (1)"),
        (write_own_table_next_to_more, "csv", "1 image", "covid (1)"),
        (write_class_folder_next_to_images, "folder", "1 image", "folder itself (1)"),
    ],
)
def test_images_in_folders_outside_the_layout_are_reported(tmp_path, write, layout, images, folders):
    write(tmp_path)
    notes = [note for note in read_sources([tmp_path])[1] if images in note]
    assert len(notes) == 1
    assert_says(notes[0], layout, images, folders)


def test_pictures_of_other_formats_are_reported(tmp_path):
    write_image(tmp_path / "covid" / "a.png")
    for name in ("covid/b.bmp", "normal/c.NII", "normal/d.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert tells(read_sources([tmp_path])[1], "1 .bmp", "2 .nii")


def write_files(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")


NO_IMAGE = (any_of("no image"), ".jpg, .jpeg, .png, .dcm", any_of("no class", "not a class"))


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        (("1.avif", "2.nii.gz", "3"), ["covid19", "3 files", *NO_IMAGE]),
        (("a/1.npy",), ["covid19", "1 file", *NO_IMAGE]),
        ((".DS_Store",), ["covid19", any_of("no file", "empty"), any_of("no class", "not a class")]),
    ],
)
@pytest.mark.parametrize("inside", ["", "train"])
def test_a_class_folder_without_an_image_is_named(tmp_path, names, facts, inside):
    root = tmp_path / inside
    write_image(root / "normal" / "a.png")
    for name in names:
        write_files((root / "covid19" / name).parent, Path(name).name)
    (note,) = (note for note in read_sources([tmp_path])[1] if "covid19" in note)
    assert_says(note, *facts)
    assert (f"{inside}/covid19" in note) == bool(inside)


def test_a_class_folder_without_an_image_is_named_in_the_published_layouts_too(tmp_path):
    write_files(write_kermany(tmp_path / "k", ("train",)) / "test" / "PNEUMONIA", "a.heic")
    (note,) = (note for note in read_sources([tmp_path / "k"])[1] if ".jpeg" in note)
    assert_says(note, "test/PNEUMONIA", "1 file", *NO_IMAGE[:2], "nothing")
    write_files(write_radiography(tmp_path / "r", flat=True) / "Lung_Opacity", "a.heic")
    (tmp_path / "r" / "masks").mkdir()
    (note,) = (note for note in read_sources([tmp_path / "r"])[1] if ".jpeg" in note)
    assert_says(note, "Lung_Opacity", "1 file", *NO_IMAGE)


def test_a_folder_without_permission_is_reported(tmp_path):
    write_covid_chestxray(tmp_path / "set")
    locked = tmp_path / "set" / "private"
    locked.mkdir(mode=0)
    try:
        if os.access(locked, os.R_OK):
            pytest.skip("this user may list every folder")
        table, notes = read_sources([tmp_path / "set"])
    finally:
        locked.chmod(0o700)
    assert len(table) == 3
    (note,) = notes
    assert_says(note, any_of("permission"), "private", str(tmp_path / "set"), any_of("left out", "not read", "skipped"))


def test_notes_agree_in_number(tmp_path):
    write_image(tmp_path / "named" / "normal" / "IM-0001-0001.jpg")
    (note,) = read_sources([tmp_path / "named"])[1]
    assert_says(note, "1 image", str(tmp_path / "named"), matching("kermany"), "IM-0001-0001.jpg")
    write_image(tmp_path / "other" / "normal" / "a.jpg")
    (note,) = read_sources([tmp_path / "other"])[1]
    assert_says(note, str(tmp_path / "other"), matching("only image|1 image"), any_of("patient"))
    assert "images" not in note
    write_image(tmp_path / "other" / "normal" / "b.jpg")
    (note,) = read_sources([tmp_path / "other"])[1]
    assert_says(note, str(tmp_path / "other"), "2 images", any_of("patient"))
