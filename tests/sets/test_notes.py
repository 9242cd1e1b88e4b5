"""What a reader passed over, and whose patients are unknown, is reported in sentences."""

import os
from pathlib import Path

import pytest
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


def write_table_beside_more(root):
    write_coronahack(root)
    write_image(root / "More" / "a.png")


def write_covid_beside_more(root):
    write_covid_chestxray(root)
    write_image(root / "later" / "new" / "a.png")
    write_image(root / "annotations" / "masks" / "a.png")


def write_own_table_beside_more(root):
    write_image(root / "normal" / "a.png")
    write_image(root / "covid" / "b.png")
    (root / "manifest.csv").write_text("path,label\nnormal/a.png,normal\n")


def write_class_folder_beside_images(root):
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
        (write_outside_the_parts, "kermany", "2 images", "external/COVID (2)."),
        (write_radiography_with_more, "radiography", "2 images", "COVID (1), Normal/extra (1)."),
        (write_table_beside_more, "coronahack", "1 image", "More (1)."),
        (write_covid_beside_more, "covid-chestxray", "1 image", "later/new (1)."),
        (write_own_table_beside_more, "csv", "1 image", "covid (1)."),
        (write_class_folder_beside_images, "folder", "1 image", "the folder itself (1)."),
    ],
)
def test_images_in_folders_that_a_layout_does_not_have_are_told(tmp_path, write, layout, images, folders):
    write(tmp_path)
    notes = [note for note in read_sources([tmp_path])[1] if "left out" in note]
    assert len(notes) == 1
    assert f"was read as {layout}; {images} in folders" in notes[0]
    assert f"left out: {folders}" in notes[0]


def test_pictures_of_other_formats_are_told(tmp_path):
    write_image(tmp_path / "covid" / "a.png")
    for name in ("covid/b.bmp", "normal/c.DCM", "normal/d.dcm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert any("left out: 1 .bmp, 2 .dcm." in note for note in read_sources([tmp_path])[1])


def write_files(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")


NO_IMAGE = "and no image (.jpg, .jpeg, .png): no class was made of it."


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (("1.avif", "2.nii.gz", "3"), f"covid19 holds 3 files {NO_IMAGE}"),
        (("a/1.npy",), f"covid19 holds 1 file {NO_IMAGE}"),
        ((".DS_Store",), "covid19 holds no file: no class was made of it."),
    ],
)
@pytest.mark.parametrize("inside", ["", "train"])
def test_a_class_folder_without_an_image_is_named(tmp_path, names, note, inside):
    root = tmp_path / inside
    write_image(root / "normal" / "a.png")
    for name in names:
        write_files((root / "covid19" / name).parent, Path(name).name)
    notes = [note for note in read_sources([tmp_path])[1] if "no class" in note]
    assert notes == [f"{inside}/{note}" if inside else note]


def test_a_class_folder_without_an_image_is_named_in_the_published_layouts_too(tmp_path):
    write_files(write_kermany(tmp_path / "k", ("train",)) / "test" / "PNEUMONIA", "a.heic")
    assert read_sources([tmp_path / "k"])[1] == [
        "test/PNEUMONIA holds 1 file and no image (.jpg, .jpeg, .png): nothing was read from it."
    ]
    write_files(write_radiography(tmp_path / "r", flat=True) / "Lung_Opacity", "a.heic")
    (tmp_path / "r" / "masks").mkdir()
    assert [note for note in read_sources([tmp_path / "r"])[1] if "no image" in note] == [
        f"Lung_Opacity holds 1 file {NO_IMAGE}"
    ]


def test_a_folder_without_permission_is_told(tmp_path):
    write_covid_chestxray(tmp_path / "set")
    locked = tmp_path / "set" / "private"
    locked.mkdir(mode=0)
    try:
        if os.access(locked, os.R_OK):
            pytest.skip("this person may list every folder")
        table, notes = read_sources([tmp_path / "set"])
    finally:
        locked.chmod(0o700)
    assert len(table) == 3
    assert notes == [f"No permission to list private in {tmp_path / 'set'}; any images there are left out."]


def test_notes_agree_in_number(tmp_path):
    write_image(tmp_path / "named" / "normal" / "IM-0001-0001.jpg")
    (note,) = read_sources([tmp_path / "named"])[1]
    assert note.startswith(f"1 image in {tmp_path / 'named'} is named as Kermany's (IM-0001-0001.jpg), so its name ")
    write_image(tmp_path / "other" / "normal" / "a.jpg")
    (note,) = read_sources([tmp_path / "other"])[1]
    assert note.startswith(f"{tmp_path / 'other'} gives no patient for its only image: it counts as a patient")
    write_image(tmp_path / "other" / "normal" / "b.jpg")
    (note,) = read_sources([tmp_path / "other"])[1]
    assert note.startswith(f"{tmp_path / 'other'} gives no patient for any of its 2 images: each counts as a patient")
