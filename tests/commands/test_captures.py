"""Sheets as Secondary Captures: in the film's study, marked research; without identity, if asked."""

import io
from pathlib import Path

import numpy as np
import pytest
from dicom_files import data_set, pydicom, to_bytes
from messages import any_of, assert_tells
from PIL import Image

from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.decode import load_grey
from pxr_tf.runs.finished import open_run

pytest.importorskip("highdicom", reason='the extra dicom is not installed: pip install "pxr_tf[dicom]"')
pytest.importorskip("dicognito", reason='the extra dicom is not installed: pip install "pxr_tf[dicom]"')

NAMED = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "PatientBirthDate": "19600102",
    "StudyDate": "20200304",
    "AccessionNumber": "A815",
    "ReferringPhysicianName": "House^Gregory",
    "InstitutionName": "General Hospital",
    "PatientComments": "neighbour of Mrs Smith",
    "StudyDescription": "Jane, fell from a ladder",
    "OperatorsName": "Roe^Richard",
}
IDENTITY = (
    "Doe",
    "Jane",
    "4711",
    "19600102",
    "20200304",
    "A815",
    "House",
    "General",
    "Smith",
    "Roe",
    "ladder",
    "secret",
)
KEPT = {"PatientSex": "F", "PatientAge": "060Y", "PixelSpacing": [0.2, 0.2], "BurnedInAnnotation": "NO"}


@pytest.fixture
def films(tmp_path) -> list[Path]:
    """Two films of one study, of which file names, tags, the preamble, an overlay and private tags name the patient."""
    study = "1.2.826.0.1.3680043.8.498.20"
    paths = []
    for number in range(2):
        grey = draw_phantom(number, 0, "normal", 64).image
        ds = data_set(grey, **NAMED, **KEPT, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1")
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{study}.1.{number}"
        ds.private_block(0x0009, "VENDOR", create=True).add_new(1, "LO", "secret Jane")
        ds.add_new(0x60004000, "LT", "Jane")
        ds.preamble = b"Jane Doe".ljust(128, b"\0")
        paths.append(tmp_path / f"Doe_Jane_{number}.dcm")
        paths[-1].write_bytes(to_bytes(ds))
    return paths


def explain(pxr, run, films, *words) -> list[Path]:
    code, said, wrong = pxr("explain", run, *films, "--methods", "grad_cam", "--no-checks", "--out", "gallery", *words)
    assert (code, wrong) == (0, "")
    assert_tells(said, f"{len(films)} Secondary Captures", any_of("research"))
    return sorted(Path("gallery/dicom").iterdir())


def test_a_capture_belongs_to_the_films_study_and_is_marked_as_research(pxr, own_copy, films):
    files = explain(pxr, own_copy, films, "--dicom")
    assert [file.name for file in files] == ["1-capture.dcm", "2-capture.dcm"]
    captures, originals = [[pydicom.dcmread(file) for file in some] for some in (files, films)]
    for number, (capture, film) in enumerate(zip(captures, originals, strict=True)):
        assert capture.SOPClassUID.name == "Secondary Capture Image Storage"
        for name in ("StudyInstanceUID", "PatientName", "PatientID", "AccessionNumber", "StudyDate", "PatientSex"):
            assert capture[name].value == film[name].value
        assert capture.SeriesInstanceUID not in {film.SeriesInstanceUID for film in originals}
        assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == film.SOPInstanceUID
        assert capture.ContentQualification == "RESEARCH" and "Research" in capture.SeriesDescription
        assert_tells(capture.DerivationDescription, any_of("research"), "predicted: ", "Grad-CAM", "not checked")
        assert capture.ImageComments == " ".join(warning.text for warning in open_run(own_copy).info.warnings)
        sheet = np.asarray(Image.open(sorted(Path("gallery/sheets").iterdir())[number]).convert("RGB"))
        assert capture.pixel_array.shape == sheet.shape  # only the lungs' outline is not drawn again
        assert np.abs(load_grey(files[number]).astype(int) - np.asarray(Image.fromarray(sheet).convert("L"))).mean() < 1
    assert captures[0].SeriesInstanceUID == captures[1].SeriesInstanceUID
    assert captures[0].SOPInstanceUID != captures[1].SOPInstanceUID
    again = [pydicom.dcmread(file) for file in explain(pxr, own_copy, films, "--dicom")]
    assert [capture.SOPInstanceUID for capture in again] == [capture.SOPInstanceUID for capture in captures]


def test_an_anonymised_copy_has_no_identity_and_the_same_pixels(pxr, own_copy, films):
    files = explain(pxr, own_copy, films, "--anonymise")
    assert [file.name for file in files] == ["1-capture.dcm", "1-film.dcm", "2-capture.dcm", "2-film.dcm"]
    for file in files:
        data, text = file.read_bytes(), str(pydicom.dcmread(file))
        assert not [word for word in IDENTITY if word.encode() in data or word in text]
    copies, captures = [[pydicom.dcmread(file) for file in files if kind in file.name] for kind in ("film", "capture")]
    for copy, capture, path in zip(copies, captures, films, strict=True):
        film = pydicom.dcmread(path)
        assert np.array_equal(copy.pixel_array, film.pixel_array)
        assert {name: copy[name].value for name in KEPT} == {name: film[name].value for name in KEPT}
        assert copy.PatientIdentityRemoved == "YES" and copy.StudyInstanceUID != film.StudyInstanceUID
        assert capture.StudyInstanceUID == copy.StudyInstanceUID and capture.PatientName == copy.PatientName
        assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == copy.SOPInstanceUID
        assert capture.BurnedInAnnotation == "NO"
    assert copies[0].StudyInstanceUID == copies[1].StudyInstanceUID


def test_pictures_that_are_not_dicom_cannot_become_captures(pxr, own_copy, tmp_path):
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "a.png")
    for option in ("--dicom", "--anonymise"):
        code, _, wrong = pxr("explain", own_copy, "a.png", option, "--out", "gallery")
        assert code == 2 and wrong.count("\n") == 1
        assert_tells(wrong, option, "a.png", "DICOM")
    assert not Path("gallery").exists()


def test_without_the_extra_captures_are_refused_with_its_install_command(pxr, own_copy, films, monkeypatch):
    monkeypatch.setattr("pxr_tf.galleries.captures.find_spec", lambda name: None)
    code, _, wrong = pxr("explain", own_copy, films[0], "--no-checks", "--out", "gallery", "--dicom")
    assert code == 2 and wrong.count("\n") == 1
    assert_tells(wrong, 'pip install "pxr_tf[dicom]"')


def test_a_film_without_a_study_is_named_in_one_line(pxr, own_copy, films):
    ds = pydicom.dcmread(films[0])
    del ds.StudyInstanceUID
    file = io.BytesIO()
    pydicom.dcmwrite(file, ds, enforce_file_format=True)
    films[0].write_bytes(file.getvalue())
    code, _, wrong = pxr("explain", own_copy, films[0], "--no-checks", "--out", "gallery", "--dicom")
    assert code == 2 and wrong.count("\n") == 1
    assert_tells(wrong, films[0].name, "StudyInstanceUID")
