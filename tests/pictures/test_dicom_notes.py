"""Notes on DICOM files name the tags that say who the patient is, never their values."""

from dicom_files import SLOPE, encode
from messages import assert_says
from picture_files import make_picture, save

from pxr_tf.pictures.dicom_notes import describe_films


def test_identity_burnt_in_text_and_spacing_are_counted_without_values(tmp_path):
    named = {"PatientName": "Doe^Jane", "PatientID": "4711", "AccessionNumber": "", "PixelSpacing": [0.2, 0.2]}
    contents = (
        encode(SLOPE, **named, BurnedInAnnotation="YES"),
        encode(SLOPE, PatientID="4712", ImagerPixelSpacing=[0.15, 0.15]),
        encode(SLOPE, PatientID="4713", PatientIdentityRemoved="YES"),
        encode(SLOPE)[:200],
    )
    paths = [save(tmp_path / "a.png", make_picture()), tmp_path / "gone.dcm"]
    for number, content in enumerate(contents):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(content)
    identity, burnt, spacing = describe_films(map(str, paths))
    assert_says(identity, "2 of ", "(PatientName, PatientID)", "--anonymise")
    assert_says(burnt, "1 of ")
    assert_says(spacing, "2 of ", "0.15 to 0.2 mm")
    assert not [word for word in ("Doe", "Jane", "471") if word in identity + burnt + spacing]


def test_other_pictures_have_no_note(tmp_path):
    assert describe_films([str(save(tmp_path / "a.png", make_picture()))]) == []
