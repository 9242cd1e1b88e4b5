"""A DICOM file gives the grey levels that the standard says, or one line that says why not."""

import io
import subprocess
import sys

import numpy as np
import pytest
from dicom_files import HTJ2K, SLOPE, data_set, encode, pydicom, to_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import make_picture, save
from PIL import Image

from pxr_tf.pictures import dicom
from pxr_tf.pictures.decode import load_as, load_grey, read_header, to_uint8
from pxr_tf.pictures.dicom import contradictions
from pxr_tf.pictures.sixteen_bits import fit_range
from pxr_tf.pictures.unreadable import MAX_PIXELS, InaccessibleImageError, UnreadableImageError

DEEP = 16 * SLOPE.astype(np.uint16) + 7  # 12 bits
JPEG = "1.2.840.10008.1.2.4.50"


def read(data: bytes) -> np.ndarray:
    return load_as(data, to_uint8)


def item(**tags) -> "pydicom.Dataset":
    ds = pydicom.Dataset()
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds


def fault_of(data: bytes) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        read(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_read_from_a_path_without_an_ending_and_from_bytes(tmp_path):
    (tmp_path / "1.2.840.3").write_bytes(encode(SLOPE, PixelSpacing=[0.168, 0.2]))
    assert np.array_equal(load_grey(tmp_path / "1.2.840.3"), SLOPE)
    size = (tmp_path / "1.2.840.3").stat().st_size
    assert read_header(tmp_path / "1.2.840.3") == ("DICOM", 48, 32, "grey", size, 0.168)


@pytest.mark.parametrize(
    ("tags", "mode"),
    [({"BitsStored": 12}, "grey16"), ({"PhotometricInterpretation": "PALETTE COLOR"}, "palette"), ({}, "grey16")],
)
def test_a_header_says_how_grey_is_coded(tmp_path, tags, mode):
    (tmp_path / "a.dcm").write_bytes(encode(DEEP, **tags))
    assert read_header(tmp_path / "a.dcm")[3:] == (mode, (tmp_path / "a.dcm").stat().st_size, None)


@pytest.mark.parametrize("tags", [{}, {"RescaleSlope": 1, "RescaleIntercept": -1024}])
def test_without_a_window_values_are_scaled_as_in_a_16_bit_png(tmp_path, tags):
    png = load_grey(save(tmp_path / "a.png", DEEP))
    assert np.array_equal(read(encode(DEEP, BitsStored=12, **tags)), png)
    assert np.array_equal(read(encode(DEEP, BitsStored=12, PhotometricInterpretation="MONOCHROME1", **tags)), 255 - png)


def test_a_negative_slope_inverts():
    assert np.array_equal(read(encode(DEEP, RescaleSlope=-1, RescaleIntercept=4095)), 255 - read(encode(DEEP)))


def test_signed_values_begin_at_their_lowest():
    signed = DEEP.astype(np.int16) - 2000
    assert np.array_equal(read(encode(signed)), fit_range(DEEP - DEEP.min()))


def test_the_first_window_is_linear_between_its_ends():
    """PS3.3, C.11.2.1.2.1: with centre c and width w, from c - 0.5 - (w - 1)/2 to c - 0.5 + (w - 1)/2."""
    shown = read(encode(DEEP, WindowCenter=[2048, 9], WindowWidth=[1001, 9]))
    by_hand = np.clip(((DEEP - 2047.5) / 1000 + 0.5) * 255, 0, 255)
    assert np.abs(shown - by_hand).max() <= 0.5
    assert np.array_equal(read(encode(SLOPE, WindowCenter=128, WindowWidth=256)), SLOPE)


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": "", "WindowWidth": ""},
        {"WindowCenter": ["", ""], "WindowWidth": ["", ""]},
        {"WindowCenter": 128, "WindowWidth": 256, "VOILUTFunction": ""},
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"NumberOfFrames": None, "VOILUTSequence": []},
    ],
)
def test_a_tag_without_a_value_counts_for_nothing(tags):
    assert np.array_equal(read(encode(SLOPE, **tags)), SLOPE)


def test_a_window_counts_after_the_rescale_and_before_the_inversion():
    doubled = {"RescaleSlope": 2, "RescaleIntercept": 0, "WindowCenter": 4096, "WindowWidth": 2001}
    assert (
        np.abs(read(encode(DEEP, **doubled)) - np.clip(((DEEP * 2.0 - 4095.5) / 2000 + 0.5) * 255, 0, 255)).max() <= 0.5
    )
    tags = {"RescaleSlope": 2, "RescaleIntercept": -100, "WindowCenter": 4096 - 100, "WindowWidth": 2001}
    by_hand = np.clip(((DEEP * 2.0 - 100 - 3995.5) / 2000 + 0.5) * 255, 0, 255)
    assert np.abs(read(encode(DEEP, **tags)) - by_hand).max() <= 0.5
    assert np.abs(read(encode(DEEP, PhotometricInterpretation="MONOCHROME1", **tags)) - (255 - by_hand)).max() <= 0.5


def test_a_sigmoid_window_is_the_standards():
    tags = {"WindowCenter": 2000, "WindowWidth": 800, "VOILUTFunction": "SIGMOID"}
    assert np.abs(read(encode(DEEP, **tags)) - 255 / (1 + np.exp(-4 * (DEEP - 2000.0) / 800))).max() <= 0.5


@pytest.mark.parametrize("depth", [8, 12])
def test_a_voi_lut_comes_before_a_window(depth):
    top = 2**depth - 1
    lut = np.rint(top * (np.arange(4096) / 4095) ** 2).astype(int)
    lut_item = item(LUTDescriptor=[4096, 0, depth], LUTData=lut.tolist())
    ds = data_set(DEEP, BitsStored=12, WindowCenter=1, WindowWidth=2)
    ds.VOILUTSequence = [lut_item]
    for name in ("LUTDescriptor", "LUTData"):
        lut_item[name].VR = "US"
    assert np.array_equal(read(to_bytes(ds)), fit_range(lut[DEEP].astype(np.uint16)))


def test_a_modality_lut_maps_stored_values():
    lut_item = item(LUTDescriptor=[4096, 0, 16], LUTData=[*range(4095, -1, -1)], ModalityLUTType="US")
    for name in ("LUTDescriptor", "LUTData"):
        lut_item[name].VR = "US"
    ds = data_set(DEEP, BitsStored=12)
    ds.ModalityLUTSequence = [lut_item]
    assert np.array_equal(read(to_bytes(ds)), fit_range(4095 - DEEP))


def test_a_palette_becomes_luma():
    ds = data_set(SLOPE, PhotometricInterpretation="PALETTE COLOR")
    for number, colour in enumerate(("Red", "Green", "Blue")):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = (np.arange(256) * 256 // (number + 1)).astype("<u2")
        setattr(ds, f"{colour}PaletteColorLookupTableData", table.tobytes())
    colours = np.stack([(SLOPE.astype(int) * 256 // part >> 8).astype(np.uint8) for part in (1, 2, 3)], -1)
    assert np.array_equal(read(to_bytes(ds)), np.asarray(Image.fromarray(colours).convert("L")))


def test_a_usual_colour_jpeg_is_read_as_the_jpeg_file_is():
    file = io.BytesIO()
    Image.fromarray(np.stack([SLOPE, SLOPE // 2, 255 - SLOPE], -1)).save(file, "JPEG")
    ds = data_set(np.zeros((32, 48, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422")
    ds.PixelData = pydicom.encaps.encapsulate([file.getvalue()])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEG
    data = io.BytesIO()
    pydicom.dcmwrite(data, ds, enforce_file_format=True, little_endian=True, implicit_vr=False)
    found = read(data.getvalue()).astype(int)
    assert np.abs(found - read(file.getvalue())).max() <= 2  # the colours are rounded before they become grey


def without(name: str, **tags) -> bytes:
    ds = data_set(SLOPE, **tags)
    delattr(ds, name)
    return to_bytes(ds)


def floats() -> bytes:
    ds = data_set(SLOPE)
    del ds.PixelData
    ds.FloatPixelData = SLOPE.astype(np.float32).tobytes()
    return to_bytes(ds)


def frames(number: int) -> bytes:
    return encode(np.tile(SLOPE, (number, 1)), NumberOfFrames=number, Rows=32)


def other_size() -> bytes:
    """Return a JPEG in a file that says another size."""
    ds = pydicom.dcmread(io.BytesIO(encode(SLOPE, JPEG)))
    ds.Rows = 16
    file = io.BytesIO()
    ds.save_as(file)
    return file.getvalue()


BAD = {
    "no pixels": (lambda: without("PixelData"), "DICOM without pixels"),
    "a report": (lambda: without("Rows"), "DICOM without pixels (Computed Radiography Image Storage)"),
    "3 frames": (lambda: frames(3), "DICOM with 3 frames; files of one frame are read"),
    "floats": (floats, "DICOM of floating-point pixels"),
    "cut off": (lambda: encode(SLOPE)[:-300], "damaged DICOM: The number of bytes of pixel data is less than expected"),
    "cut off, compressed": (lambda: encode(SLOPE, JPEG)[:-30], "damaged DICOM: it ends too early"),
    "cut off in its head": (lambda: encode(SLOPE)[:300], "DICOM"),
    "huge": (lambda: encode(SLOPE, Rows=40_000, Columns=40_000), f"at most {MAX_PIXELS:,} are read"),
    "another size": (other_size, "damaged DICOM: says 48 x 16 pixels, holds 48 x 32"),
    "32 bits": (lambda: encode(SLOPE.astype(np.uint32)), "DICOM with 32 bits per value; 8 to 16 are read"),
    "1 bit": (lambda: encode(SLOPE, BitsStored=1), "DICOM with 1 bits per value"),
    "strange colours": (
        lambda: encode(SLOPE, PhotometricInterpretation="HSV"),
        "DICOM of other colours",
    ),
    "an empty window": (lambda: encode(SLOPE, WindowCenter=1, WindowWidth=0), "damaged DICOM: its window has no width"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_not_read_has_one_line_that_says_why(tmp_path, kind):
    make, said = BAD[kind]
    assert said in fault_of(make())


def test_a_file_that_holds_no_picture_has_no_header(tmp_path):
    for number, kind in enumerate(("a report", "3 frames", "huge", "32 bits")):
        (tmp_path / f"{number}.dcm").write_bytes(BAD[kind][0]())
        with pytest.raises(UnreadableImageError):
            read_header(tmp_path / f"{number}.dcm")


@pytest.mark.parametrize("syntax", dicom.DECODERS)
def test_a_truncated_file_is_never_another_picture(syntax):
    data = encode(SLOPE, syntax)
    whole = read(data)
    for share in range(1, 20):
        try:
            assert np.array_equal(read(data[: len(data) * share // 20]), whole)
        except UnreadableImageError:
            continue


def test_without_the_extra_the_reason_has_its_install_command_and_is_not_remembered(monkeypatch, tmp_path):
    (tmp_path / "a.dcm").write_bytes(encode(SLOPE))
    monkeypatch.setattr(dicom, "find_spec", lambda name: None)
    for look in (load_grey, read_header, contradictions):
        with pytest.raises(InaccessibleImageError, match=r'pip install "pxr_tf\[dicom\]"$'):
            look(tmp_path / "a.dcm")


def test_pydicom_is_not_imported_before_a_dicom_file_is_read():
    code = "import sys, pxr_tf.pictures.decode; sys.exit(any(name in sys.modules for name in ('pydicom', 'gdcm')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_values_of_tags_are_not_printed(capfd):
    with pydicom.config.disable_value_validation():
        data = encode(SLOPE, PatientName="Doe^Jane", PatientBirthDate="not a date", StudyDate="never", PatientAge="Doe")
    read(data)
    contradictions(data)
    fault_of(data[:-300])
    assert capfd.readouterr() == ("", "")


def cut_frame(syntax: str) -> bytes:
    """Return a whole file whose compressed frame is cut off."""
    ds = pydicom.dcmread(io.BytesIO(encode(make_picture(), syntax)))
    frame = pydicom.encaps.get_frame(ds.PixelData, 0, number_of_frames=1)
    ds.PixelData = pydicom.encaps.encapsulate([frame[: len(frame) // 2]])
    file = io.BytesIO()
    ds.save_as(file)
    return file.getvalue()


@pytest.mark.parametrize("syntax", [name for name in dicom.DECODERS if ".4." in name and name not in HTJ2K])
def test_a_frame_that_is_cut_off_in_a_whole_file_is_no_picture(syntax):
    assert fault_of(cut_frame(syntax)) == "damaged DICOM: its compressed pixels end too early"


@settings(max_examples=60)
@given(st.sampled_from(sorted(dicom.DECODERS)), st.integers(132, 900), st.binary(max_size=8), st.integers(0, 20))
def test_a_damaged_file_is_read_or_refused_and_never_names_anybody(syntax, place, written, removed):
    data = encode(SLOPE, syntax, PatientName="Doe^Jane", PatientID="SECRET", WindowCenter=99, WindowWidth=200)
    data = data[:place] + written + data[place + removed :]
    faults = []
    for look in (read, contradictions):
        try:
            look(data)
        except UnreadableImageError as fault:
            faults.append(str(fault))
    assert not [word for word in ("Doe", "Jane", "SECRET") if word in "".join(faults)]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": "PA", "PatientOrientation": ["L", "F"]}, []),
        ({"Modality": "CR", "BodyPartExamined": "PORT CHEST", "ViewPosition": "AP", "PatientOrientation": ""}, []),
        ({"PresentationIntentType": "FOR PRESENTATION", "NumberOfFrames": 1}, []),
        ({"Modality": "CT"}, ["says modality CT"]),
        ({"BodyPartExamined": "HAND"}, ["says body part HAND"]),
        ({"ViewPosition": "LATERAL"}, ["says view LATERAL"]),
        ({"ViewPosition": "LL"}, ["says view LL"]),
        ({"ViewPosition": "AP_SUPINE"}, []),
        ({"ViewPosition": "POSTERO ANTERIOR"}, []),
        ({"ViewPosition": "PALMAR"}, ["says view PALMAR"]),
        ({"ViewPosition": "AP LLD"}, ["says view AP LLD"]),
        ({"PatientOrientation": ["A", "F"]}, ["says patient orientation (a side view) A\\F"]),
        ({"PatientOrientation": ["F", "R"]}, ["says patient orientation (turned) F\\R"]),
        ({"PatientOrientation": ["L", "H"]}, ["says patient orientation (upside down) L\\H"]),
        ({"PatientOrientation": ["R", "F"]}, ["says patient orientation (mirrored) R\\F"]),
        ({"PresentationIntentType": "FOR PROCESSING"}, ["says presentation intent FOR PROCESSING"]),
        ({"Modality": "CT", "NumberOfFrames": 3}, ["says modality CT", "says number of frames 3"]),
    ],
)
def test_what_a_file_says_against_a_frontal_chest_x_ray(tmp_path, tags, said):
    data = encode(SLOPE, **tags)
    (tmp_path / "a.dcm").write_bytes(data)
    assert contradictions(data) == contradictions(tmp_path / "a.dcm") == said


def test_colours_and_a_coded_view_are_said(tmp_path):
    assert contradictions(encode(np.zeros((9, 9, 3), np.uint8))) == ["says colour RGB"]
    ds = data_set(SLOPE)
    ds.ViewCodeSequence = [item(CodeValue="R-10236", CodingSchemeDesignator="SRT", CodeMeaning="left lateral")]
    assert contradictions(to_bytes(ds)) == ["says view LEFT LATERAL"]


def test_other_files_say_nothing_against_it(tmp_path):
    assert contradictions(save(tmp_path / "a.png", make_picture())) == [] == contradictions(b"")


@pytest.mark.real
def test_the_real_films_of_both_polarities_show_one_picture(real_data):
    first, second = sorted((real_data / "dicom").glob("*.dcm"))
    assert np.array_equal(load_grey(first), 255 - load_grey(second))  # one file's word of polarity is wrong on purpose
    assert read_header(first)[:4] == ("DICOM", 1024, 1024, "grey")
    assert read_header(first).spacing == 0.168
    assert contradictions(first) == contradictions(second) == []
