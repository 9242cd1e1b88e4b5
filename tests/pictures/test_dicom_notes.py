"""Notes on DICOM files name the tags that say who the patient is, never their values."""

import pandas as pd
from dicom_files import SLOPE, encode
from messages import assert_says
from picture_files import make_picture, save

from pxr_tf.pictures.dicom_notes import describe_films, read_film_facts, read_films


def test_identity_view_burnt_in_text_and_spacing_are_counted_without_values(tmp_path):
    named = {"PatientName": "Doe^Jane", "PatientID": "4711", "AccessionNumber": "", "PixelSpacing": [0.2, 0.2]}
    contents = (
        encode(SLOPE, **named, BurnedInAnnotation="YES"),
        encode(SLOPE, PatientID="4712", ImagerPixelSpacing=[0.15, 0.15], ViewPosition="LL"),
        encode(SLOPE, PatientID="4713", PatientIdentityRemoved="YES"),
        encode(SLOPE)[:200],
    )
    paths = [save(tmp_path / "a.png", make_picture()), tmp_path / "gone.dcm"]
    for number, content in enumerate(contents):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(content)
    identity, against, burnt, spacing = describe_films(filter(None, map(read_film_facts, map(str, paths))))
    assert_says(identity, "2 of ", "(PatientName, PatientID)", "--anonymise")
    assert_says(against, "1 of ", "says view LL: 1")
    assert_says(burnt, "1 of ")
    assert_says(spacing, "2 of ", "0.15 to 0.2 mm")
    assert not [word for word in ("Doe", "Jane", "471") if word in identity + burnt + spacing]


def test_other_pictures_have_no_note(tmp_path):
    assert read_film_facts(str(save(tmp_path / "a.png", make_picture()))) is None
    assert describe_films([]) == []


def test_images_of_one_patient_id_are_one_patient_unless_the_data_name_patients(tmp_path):
    ids = ["4711", "4711 ", "4712", "anonymous", "anonymous", "4711", "4712", None]
    rows = []
    for number, patient in enumerate(ids):
        path, name = tmp_path / f"{number}", f"s/{number}"
        path.write_bytes(encode(SLOPE, PatientID=patient) if patient else b"x")
        rows.append({"image_id": name, "path": str(path), "label": "normal", "patient_id": name, "source": "s"})
    table = pd.DataFrame(rows)
    table.loc[5, "source"] = "t"  # another hospital's 4711
    table.loc[6, "patient_id"] = "named by a table"
    found, notes = read_films(table)
    assert list(found.patient_id) == ["s/0", "s/0", "s/2", "s/3", "s/4", "s/5", "named by a table", "s/7"]
    assert_says(notes[0], "4 images of 3 patients", "PatientID")
    assert "471" not in found.drop(columns="path").to_csv() + " ".join(notes)
