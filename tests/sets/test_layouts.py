"""Layouts that are folders of images: classes, patients, and the folders that archives unpack to."""

import os
from pathlib import Path

import pytest
from messages import any_of, refused, tells
from miniature_sets import write_image, write_kermany, write_radiography

from pxr_tf.sets.find import read_sources
from pxr_tf.sets.kermany import parse_kermany_name
from pxr_tf.sets.rows import normalise_label


@pytest.mark.parametrize(
    ("name", "label", "patient"),
    [
        ("person100_bacteria_475.jpeg", "bacterial", "kermany/bacteria-person100"),
        ("person447_virus_921_1.jpeg", "viral", "kermany/virus-person447"),
        ("IM-0115-0001.jpeg", "normal", "kermany/IM-0115"),
        ("IM-0439-0001-0002.jpeg", "normal", "kermany/IM-0439"),
        ("NORMAL2-IM-0195-0001.jpeg", "normal", "kermany/NORMAL2-IM-0195"),
        ("BACTERIA-7422-0001.jpeg", "bacterial", "kermany/BACTERIA-7422"),
    ],
)
def test_kermany_names_give_class_and_patient(name, label, patient):
    assert parse_kermany_name(name) == (label, patient)


def test_other_names_are_not_kermanys():
    assert parse_kermany_name("person1.jpeg") is None
    assert parse_kermany_name("COVID-19 (1).png") is None


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("COVID-19", "covid19"),
        ("Covid_19", "covid19"),
        ("covid", "covid19"),
        ("Bacterial Pneumonia", "bacterial"),
        ("bacteria", "bacterial"),
        ("VIRAL-pneumonia", "viral"),
        ("Virus", "viral"),
        ("healthy", "normal"),
        ("Lung_Opacity", "lung_opacity"),
        ("Tubérculose active", "tubérculose_active"),
        ("PNEUMONIA", "pneumonia"),
        ("--", "--"),
    ],
)
def test_class_names_are_normalised(name, label):
    assert normalise_label(name) == label


def test_kermany_rows(tmp_path):
    table, notes = read_sources([write_kermany(tmp_path / "chest_xray")])
    assert notes == []
    assert table.label.value_counts().to_dict() == {"normal": 4, "bacterial": 2, "viral": 2}
    row = table[table.image_id == "kermany/train/PNEUMONIA/person1_virus_6_1.jpeg"].iloc[0]
    assert (row.patient_id, row.source, row.official_split) == ("kermany/virus-person1", "kermany", "train")
    assert "kermany/bacteria-person1" in set(table.patient_id)  # the same number, another patient
    assert Path(row.path).is_file()
    assert Path(row.path).is_absolute()


@pytest.mark.parametrize("inside", ["", "chest_xray", "chest_xray/chest_xray"])
def test_kermany_is_found_in_the_folders_of_its_archives(tmp_path, inside):
    write_kermany(tmp_path / "set" / inside, ("train", "val"))
    write_image(tmp_path / "set" / "__MACOSX" / "chest_xray" / "train" / "._person1_bacteria_1.jpeg")
    table, _ = read_sources([tmp_path / "set"])
    assert len(table) == 8
    assert table.image_id[0].startswith("kermany/train/")  # the same id at any depth of the unpacked archive
    assert set(table.official_split) == {"train", "val"}


def test_kermany_next_to_its_own_copy_as_in_the_kaggle_archive(tmp_path):
    write_kermany(tmp_path / "chest_xray")
    write_kermany(tmp_path / "chest_xray" / "chest_xray")
    assert len(read_sources([tmp_path])[0]) == 8


def test_a_file_in_the_wrong_folder_of_kermanys_is_named(tmp_path):
    write_kermany(tmp_path)
    write_image(tmp_path / "train" / "NORMAL" / "person3_virus_1.jpeg")
    with refused("train/NORMAL/person3_virus_1.jpeg"):
        read_sources([tmp_path])


def test_kermanys_folders_next_to_another_class_are_a_folder_per_class(tmp_path):
    write_kermany(tmp_path)
    write_image(tmp_path / "train" / "COVID19" / "COVID19(1).jpg")
    table, _ = read_sources([tmp_path])
    assert table.label.value_counts().to_dict() == {"normal": 4, "pneumonia": 4, "covid19": 1}


def test_radiography_flat_and_newer_layout(tmp_path):
    flat, _ = read_sources([write_radiography(tmp_path / "flat", flat=True)])
    assert flat.image_id.tolist() == [
        "radiography/COVID-19/COVID-19 (1).png",
        "radiography/NORMAL/NORMAL (1).png",
        "radiography/Viral Pneumonia/Viral Pneumonia (1).png",
    ]
    assert flat.label.tolist() == ["covid19", "normal", "viral"]
    newer, _ = read_sources([write_radiography(tmp_path / "unpacked" / "COVID-19_Radiography_Dataset", flat=False)])
    assert sorted(newer.label) == ["covid19", "lung_opacity", "normal", "viral"]
    assert not newer.path.str.contains("masks").any()
    assert newer.patient_id.is_unique


def test_folder_per_class_with_and_without_splits(tmp_path):
    write_image(tmp_path / "Klinik Süd" / "COVID-19" / "Röntgen 1.JPG")
    write_image(tmp_path / "Klinik Süd" / "healthy" / "a b.png")
    (tmp_path / "Klinik Süd" / "healthy" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "Klinik Süd" / "healthy" / "._a b.png").write_bytes(b"x")
    table, _ = read_sources([tmp_path / "Klinik Süd"])
    assert table.image_id.tolist() == ["Klinik Süd/COVID-19/Röntgen 1.JPG", "Klinik Süd/healthy/a b.png"]
    assert table.label.tolist() == ["covid19", "normal"]
    write_image(tmp_path / "split" / "Training" / "virus" / "a.png")
    write_image(tmp_path / "split" / "valid" / "Sarcoidosis" / "a.png")
    table, _ = read_sources([tmp_path / "split"])
    assert table.official_split.tolist() == ["train", "val"]
    assert table.label.tolist() == ["viral", "sarcoidosis"]
    assert table.patient_id.tolist() == table.image_id.tolist()


def test_ids_are_composed_unicode_on_any_disk(tmp_path):
    write_image(tmp_path / "set" / "covid" / "Ro\u0308ntgen.png")
    assert read_sources([tmp_path / "set"])[0].image_id[0] == "set/covid/R\u00f6ntgen.png"


def test_kermanys_images_sorted_by_class_keep_their_patients(tmp_path):
    for name in ("bacteria/person1_bacteria_1", "bacteria/person1_bacteria_2", "normal/IM-0001-0001", "covid/x"):
        write_image(tmp_path / "mine" / f"{name}.jpeg")
    table, _ = read_sources([tmp_path / "mine"])
    assert table.patient_id.tolist()[:2] == ["kermany/bacteria-person1"] * 2
    assert table.patient_id.nunique() == 3


def test_images_below_a_class_folder_are_refused(tmp_path):
    write_image(tmp_path / "covid" / "a.png")
    write_image(tmp_path / "normal" / "patient 1" / "b.png")
    with refused("normal/patient 1", "patient_id"):
        read_sources([tmp_path])


def test_kermanys_normals_alone_keep_their_patients(tmp_path):
    for name in ("healthy/IM-0001-0001", "healthy/IM-0001-0002", "healthy/IM-0003-0001", "covid/a", "covid/b"):
        write_image(tmp_path / "mine" / f"{name}.jpeg")
    table, notes = read_sources([tmp_path / "mine"])
    assert table.groupby("label").patient_id.nunique().to_dict() == {"covid19": 2, "normal": 2}
    assert tells(notes, "3 images", "2 patients")
    assert tells(notes, str(tmp_path / "mine"), "2 of", "5 images", any_of("patient"))


def test_a_series_that_a_scanner_numbered_is_one_patient(tmp_path):
    for name in ("IM-0001-0001", "IM-0001-0002"):  # names that a common DICOM viewer gives to everything
        write_image(tmp_path / "covid" / f"{name}.jpg")
    assert read_sources([tmp_path])[0].patient_id.nunique() == 1


CURATED = ("COVID-19", "Normal", "Pneumonia-Bacterial", "Pneumonia-Viral")


def test_class_folders_with_names_as_in_radiography_lose_no_class(tmp_path):
    for folder in CURATED:
        write_image(tmp_path / "curated" / folder / f"{'Normal' if folder == 'Normal' else folder} (1).jpg")
    table, _ = read_sources([tmp_path / "curated"])
    assert sorted(table.label) == ["bacterial", "covid19", "normal", "viral"]
    assert set(table.source) == {"curated"}


def test_another_class_next_to_radiographys_is_read_or_named(tmp_path):
    write_image(write_radiography(tmp_path / "flat", flat=True) / "Tuberculosis" / "a.png")
    assert sorted(read_sources([tmp_path / "flat"])[0].label) == ["covid19", "normal", "tuberculosis", "viral"]
    write_image(write_radiography(tmp_path / "newer", flat=False) / "Tuberculosis" / "images" / "a.png")
    with refused("radiography", "Tuberculosis", any_of("move")):
        read_sources([tmp_path / "newer"])


def test_radiography_next_to_masks_and_empty_folders_is_still_found(tmp_path):
    write_radiography(tmp_path, flat=True)
    write_image(tmp_path / "masks" / "COVID-1.png")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "a.pdf").touch()
    table, notes = read_sources([tmp_path])
    assert set(table.source) == {"radiography"}
    assert not any("left out" in note for note in notes)


def test_a_class_folder_next_to_the_official_parts_is_refused_by_name(tmp_path):
    write_kermany(tmp_path)
    write_image(tmp_path / "COVID" / "a.jpg")
    with refused("COVID", "test, train"):
        read_sources([tmp_path])


def test_images_two_folders_below_a_class_are_refused(tmp_path):
    write_image(tmp_path / "covid" / "a.png")
    write_image(tmp_path / "normal" / "ward" / "patient 1" / "b.png")
    with refused("normal/ward/patient 1", "patient_id"):
        read_sources([tmp_path])


def test_a_link_to_its_own_folder_is_read_once(tmp_path):
    write_radiography(tmp_path / "set", flat=True)
    (tmp_path / "set" / "papers").mkdir()
    (tmp_path / "set" / "papers" / "again").symlink_to(tmp_path / "set" / "papers")
    assert len(read_sources([tmp_path / "set"])[0]) == 3


def test_a_name_that_is_not_utf8_is_named(tmp_path):
    write_image(tmp_path / "covid" / "a.png")
    try:
        os.rename(os.fsencode(tmp_path / "covid" / "a.png"), os.fsencode(tmp_path / "covid") + b"/R\xf6ntgen.png")
    except OSError:
        pytest.skip("this disk stores no name that is not UTF-8")
    with refused(r"covid/R\udcf6ntgen.png", "UTF-8", any_of("rename")):
        read_sources([tmp_path])
    write_kermany(tmp_path / "set")
    (tmp_path / "set" / "more").mkdir()
    os.rename(tmp_path / "covid", os.fsencode(tmp_path / "set" / "more") + b"/caf\xe9")
    assert "more/caf\\udce9 (1)" in "".join(read_sources([tmp_path / "set"])[1])  # a note can be printed


def test_linked_folders_and_files_are_followed(tmp_path):
    write_kermany(tmp_path / "store")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train").symlink_to(tmp_path / "store" / "train")
    (tmp_path / "set" / "test" / "NORMAL").mkdir(parents=True)
    (tmp_path / "set" / "test" / "NORMAL" / "IM-0001-0001.jpeg").symlink_to(tmp_path / "gone.jpeg")
    table, _ = read_sources([tmp_path / "set"])
    assert len(table) == 5  # the broken link is listed, and later reported as unreadable
    assert "kermany/test/NORMAL/IM-0001-0001.jpeg" in set(table.image_id)


def test_the_order_of_the_disk_makes_no_difference(tmp_path, monkeypatch):
    write_kermany(tmp_path)
    expected, _ = read_sources([tmp_path])
    scan = os.scandir
    monkeypatch.setattr(
        "pxr_tf.sets.rows.os.scandir", lambda folder: sorted(scan(folder), key=lambda entry: entry.name)[::-1]
    )
    assert read_sources([tmp_path])[0].equals(expected)
