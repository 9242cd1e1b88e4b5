"""Layouts with a table next to the images: what is read, what is left out, and faulty tables."""

from pathlib import Path

import pandas as pd
import pytest
from messages import MISSING, NOTHING, TWICE, UNKNOWN, any_of, assert_says, matching, nearest, refused, tells
from miniature_sets import write_coronahack, write_covid_chestxray, write_image

from pxr_tf.files import write_csv
from pxr_tf.pictures.survey import survey
from pxr_tf.sets.coronahack import CORONAHACK_TABLE as CORONAHACK_TABLE
from pxr_tf.sets.find import read_source, read_sources

STRANGE_NAMES = (" a.png", "b\r.png", "c\n.png", 'd"e,f.png', "g\t.png", "\r\nh.png", "NA.png", "'i.png")


@pytest.mark.parametrize(
    "images", ["Coronahack-Chest-XRay-Dataset/Coronahack-Chest-XRay-Dataset", "Coronahack-Chest-XRay-Dataset", "."]
)
def test_coronahack_rows(tmp_path, images):
    table, _ = read_sources([write_coronahack(tmp_path, images)])
    found = table.set_index("image_id")
    assert found.label.to_dict() == {
        "coronahack/train/IM-0128-0001.jpeg": "normal",
        "coronahack/train/person7_bacteria_9.jpeg": "bacterial",
        "coronahack/test/person7_virus_9.jpeg": "viral",
        "coronahack/train/SARS-1.jpeg": "viral",
        "coronahack/train/lancet-case2a.jpg": "covid19",
    }
    assert found.patient_id["coronahack/train/person7_bacteria_9.jpeg"] == "kermany/bacteria-person7"
    assert found.patient_id["coronahack/train/SARS-1.jpeg"] == "coronahack/train/SARS-1.jpeg"
    assert found.official_split["coronahack/test/person7_virus_9.jpeg"] == "test"


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("6,SARS-1.jpeg,Pnemonia,TRAIN,,mould", ["line 8", "SARS-1.jpeg", "'mould'", "bacteria, virus, stress"]),
        ("6,,Normal,TRAIN,,", ["line 8", "x_ray_image_name", NOTHING]),
        ("6,a.jpeg,Normal,,,", ["line 8", "dataset_type", NOTHING]),
        ("6,a.jpeg,Normal", ["line 8", "3 values", "6 columns", "dataset_type, label_2_virus_category", MISSING]),
    ],
)
def test_faults_of_coronahack(tmp_path, line, facts):
    table = write_coronahack(tmp_path) / CORONAHACK_TABLE
    table.write_text(table.read_text() + line + "\n")
    with refused(*facts):
        read_sources([tmp_path])


def test_covid_chestxray_takes_frontal_covid_x_rays_only(tmp_path):
    table, _ = read_sources([write_covid_chestxray(tmp_path)])
    assert table.image_id.tolist() == [f"covid-chestxray/images/{name}" for name in ("a.jpg", "b.JPG", "c.png")]
    assert table.patient_id.tolist() == ["covid-chestxray/2", "covid-chestxray/2", "covid-chestxray/3"]
    assert set(table.label) == {"covid19"}


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        ("Pneumonia/Viral/SARS", "viral"),
        ("Pneumonia/Bacterial/Streptococcus", "bacterial"),
        ("Streptococcus", "bacterial"),
        ("Mycoplasma Bacterial Pneumonia", "bacterial"),
        ("E.Coli", "bacterial"),
        ("Pneumonia/Fungal/Pneumocystis", "fungal"),
        ("Pneumocystis", "fungal"),
        ("Influenza", "viral"),
        ("No Finding", "normal"),
        ("Pneumonia", "pneumonia"),
        ("Pneumonia/Lipoid", "lipoid"),
        ("ARDS", "ards"),
        ("todo", "todo"),
    ],
)
def test_other_findings_of_covid_chestxray_can_be_evaluated_by_kind(tmp_path, finding, label):
    root = write_covid_chestxray(tmp_path)
    write_image(root / "images" / "other.png")
    with open(root / "metadata.csv", "a") as file:
        file.write(f'7,"{finding}",PA,X-ray,images,other.png\n8,{finding},L,X-ray,images,lateral.jpg\n')
    rows, _ = read_source(root, others=True)
    assert {row["image_id"]: row["label"] for row in rows}["covid-chestxray/images/other.png"] == label
    assert len(rows) == 5  # three of COVID-19, sars.jpg and this one; no lateral
    assert len(read_source(root)[0]) == 3


def test_covid_chestxray_first_release_has_other_columns(tmp_path):
    write_image(tmp_path / "images" / "a.jpg")
    (tmp_path / "metadata.csv").write_text(
        "Patientid,offset,finding,view, url,filename\n7, ,COVID-19,PA,,a.jpg\n8,,COVID-19,CT,,b.jpg\n"
    )
    assert read_sources([tmp_path])[0].patient_id.tolist() == ["covid-chestxray/7"]


def test_covid_chestxray_tells_view_sex_and_age(tmp_path):
    for name in "abc":
        write_image(tmp_path / "images" / f"{name}.jpg")
    lines = ["1,M,54,COVID-19,AP  Supine,a.jpg", "2,F,,COVID-19,PA,b.jpg", "3,,70.0,COVID-19,PA,c.jpg"]
    (tmp_path / "metadata.csv").write_text("patientid,sex,age,finding,view,filename\n" + "\n".join(lines))
    table, _ = read_sources([tmp_path])
    assert table.view.tolist() == ["ap supine", "pa", "pa"]
    assert table.sex.tolist() == ["male", "female", ""]
    assert table.age.tolist() == ["54", "", "70"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (("Pa", "female", "065Y"), ("pa", "female", "65")),
        (("unknown", "m", "006M"), ("", "male", "0.5")),
        (("lateral", "diverse", "65 or so"), ("lateral", "", "")),
        (("NA", "?", "nan"), ("", "", "")),
        (("ap", "Male", "65.5"), ("ap", "male", "65.5")),
        (("AP  semi-erect", "F", "-1"), ("ap semi erect", "female", "")),
        (("ap-semi - erect ", "F", "999Y"), ("ap semi erect", "female", "")),
        (("AP Semi Erect", "F", "120"), ("ap semi erect", "female", "120")),
        (("ap", "F", "65 Y"), ("ap", "female", "65")),
        (("ap", "F", "90+"), ("ap", "female", "90")),
        (("ap", "F", "> 89"), ("ap", "female", "90")),
        (("ap", "F", ">89Y"), ("ap", "female", "90")),
    ],
)
def test_view_sex_and_age_of_an_own_csv_are_unified(tmp_path, given, kept):
    for name in "ab":
        write_image(tmp_path / f"{name}.png")
    (tmp_path / "manifest.csv").write_text(
        f"path,label,View,SEX,age\na.png,viral,{','.join(given)}\nb.png,viral,pa,f,1\n"
    )
    table = read_sources([tmp_path])[0].iloc[:1]
    assert table[["view", "sex", "age"]].to_numpy().tolist() == [[*kept]]
    write_csv(tmp_path / "run" / "manifest.csv", table)
    again = read_sources([tmp_path / "run"])[0].iloc[0]
    assert tuple(again.get(name, "") for name in ("view", "sex", "age")) == kept


def write_own_table(root):
    for name in "abcd":
        write_image(root / f"{name}.png", ord(name))
    (root / "manifest.csv").write_text("path,label\n" + "".join(f"{name}.png,viral\n" for name in "abcd"))


@pytest.mark.parametrize(("write", "listed"), [(write_covid_chestxray, 6), (write_coronahack, 5), (write_own_table, 4)])
def test_listed_images_that_are_missing_count_as_unreadable(tmp_path, write, listed):
    write(tmp_path)
    images = [Path(path) for path in read_sources([tmp_path])[0].path]
    images[1].unlink()
    table, _ = read_sources([tmp_path])
    assert table.path.tolist() == [str(path) for path in images]
    unreadable = survey(table).unreadable
    assert list(unreadable.itertuples(index=False)) == [(str(images[1]), "No such file or directory")]
    for path in [*tmp_path.rglob("*.jp*g"), *tmp_path.rglob("*.png")]:
        path.unlink()
    with refused(f"{listed} files", "none", matching(images[0].name)):
        read_sources([tmp_path])


def test_a_partial_download_of_covid_chestxray_without_any_frontal_covid_image_is_read(tmp_path):
    write_covid_chestxray(tmp_path)
    for name in ("a.jpg", "b.JPG", "c.png", "lateral.jpg"):
        (tmp_path / "images" / name).unlink()
    table, _ = read_sources([tmp_path])
    assert survey(table).unreadable.path.tolist() == table.path.tolist()
    assert len(table) == 3


NO_VALUE = ("NA", "nan", "N/A", "null", "None", "unknown", "-", "?", " ", "#N/A", "Anonymous")


def test_words_for_a_missing_value_are_not_patients_of_an_own_csv(tmp_path):
    lines = [f"{number}.png,viral,{word}" for number, word in enumerate([*NO_VALUE, "p1", "p1"])]
    for number in range(len(lines)):
        write_image(tmp_path / f"{number}.png")
    (tmp_path / "manifest.csv").write_text("path,label,patient_id\n" + "\n".join(lines) + "\n")
    table, notes = read_sources([tmp_path])
    assert table.patient_id.nunique() == len(NO_VALUE) + 1
    (note,) = notes
    assert_says(note, str(tmp_path), "11 of", "13 images", any_of("patient"), any_of("split", "sides"))


def test_words_for_a_missing_value_are_not_patients_of_covid_chestxray(tmp_path):
    table = write_covid_chestxray(tmp_path) / "metadata.csv"
    table.write_text(table.read_text().replace("\n2,", "\nNA,"))
    table, notes = read_sources([tmp_path])
    assert table.patient_id.nunique() == 3
    assert tells(notes, "2 of", "3 images", any_of("patient"))


def test_own_csv_with_all_and_with_the_two_needed_columns(tmp_path):
    write_image(tmp_path / "pictures" / "é 1.png")
    table = tmp_path / "Ward 7.csv"
    table.write_text("\ufeffpath,label\npictures/é 1.png,COVID-19\n")
    row = read_sources([table])[0].iloc[0]
    assert (row.image_id, row.label, row.source) == ("Ward 7/pictures/é 1.png", "covid19", "Ward 7")
    assert row.patient_id == row.image_id
    (tmp_path / "manifest.csv").write_text(
        "label,path,patient_id,source,official_split,image_id,content\n"
        f"viral,{tmp_path}/pictures/é 1.png,p1,elsewhere,TEST,elsewhere/1,abc\n"
    )
    row = read_sources([tmp_path])[0].iloc[0]
    assert (row.image_id, row.patient_id, row.source, row.official_split) == ("elsewhere/1", "p1", "elsewhere", "test")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "path,label,patient\na.png,viral,1\n",
            [UNKNOWN, "patient", "path, label", nearest("'patient_id'")],
        ),
        ("path\na.png\n", ["path", "label", MISSING]),
        ("path;label\na.png;viral\n", ["path;label", "path, label", MISSING]),
        ("path,label\nb.png,viral\n", ["1 file", "none", matching("b.png")]),
        ("path,label\na.png,\n", ["line 2", "label", NOTHING]),
        ("path,label\n,viral\n", ["line 2", "path", NOTHING]),
        ("path,label\na.png,NA\n", ["line 2", "label", NOTHING, "NA"]),
        ("path,label\na.png\n", ["line 2", "1 value", "2 columns", "label", MISSING]),
        ("path,label,patient_id\n\na.png,viral\n", ["line 3", "2 values", "3 columns", "patient_id", MISSING]),
        ("path,label\na.png,viral,p1\n", ["line 2", "3 values", "2 columns"]),
        ('path,label\n"a.png",viral\n"chest,\nold.png",x,p1\n', ["line 3", "3 values", "2 columns"]),
        ('path,label\n"a.png,viral\n', ["CSV", "unexpected end of data"]),
        ("path,label\na.png,viral\nb\0.png,viral\n", ["CSV", "line 3", any_of("zero byte", "NUL byte", "null byte")]),
        ("path,label,path\na.png,viral,b.png\n", ["column", "path", TWICE]),
        (",path,label\n0,a.png,viral\n", [UNKNOWN, "column 1", "path, label"]),
        ("path,label,official_split\na.png,viral,holdout\n", ["official_split", "'holdout'", "train, val, test"]),
        ("path,label\na.png,viral\na.png,viral\n", ["1", "image", TWICE]),
        ("path,label\n", [any_of("no usable image", "no image")]),
        ("", ["CSV", NOTHING]),
        (" \n,\n", ["CSV", NOTHING]),
    ],
)
def test_faults_of_own_csv(tmp_path, text, facts):
    write_image(tmp_path / "a.png")
    (tmp_path / "manifest.csv").write_text(text)
    with refused(*facts):
        read_sources([tmp_path])


def test_a_spreadsheets_empty_columns_and_lines_are_accepted(tmp_path):
    write_image(tmp_path / "a.png")
    (tmp_path / "manifest.csv").write_text("Path, Label ,,\r\n\r\na.png, viral ,,\r\n,,,\r\n")
    assert read_sources([tmp_path])[0].label.tolist() == ["viral"]
    (tmp_path / "manifest.csv").write_text("path,label\na.png,viral,, ,\n")
    assert read_sources([tmp_path])[0].label.tolist() == ["viral"]


def test_unusual_names_survive_a_manifest_that_is_read_as_data(tmp_path):
    for name in STRANGE_NAMES:
        write_image(tmp_path / "set" / "covid" / name)
    table, _ = read_sources([tmp_path / "set"])
    write_csv(tmp_path / "run" / "manifest.csv", table)
    pd.testing.assert_frame_equal(read_sources([tmp_path / "run"])[0], table)


def test_own_csv_in_another_encoding(tmp_path):
    (tmp_path / "manifest.csv").write_bytes("path,label\nRöntgen.png,viral\n".encode("latin-1"))
    with refused(matching("comma"), "UTF-8"):
        read_sources([tmp_path])
