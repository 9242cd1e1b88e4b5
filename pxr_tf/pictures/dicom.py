"""Read a DICOM file as the grey picture that a viewer shows first, and what the file says about itself.

pydicom, gdcm and pylibjpeg (the extra ``dicom``) are imported when the first DICOM file is read. Stored values become
grey as PS3.3 C.7.6.3 and C.11 of the standard say: modality LUT or rescale, then the first VOI LUT, else the first
window, else the range of values as in a 16-bit PNG. MONOCHROME1 is inverted.
"""

import io
import re
import struct
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from pxr_tf.errors import one_line
from pxr_tf.files import open_regular
from pxr_tf.pictures.sixteen_bits import fit_range
from pxr_tf.pictures.unreadable import MAX_PIXELS, InaccessibleImageError, UnreadableImageError, explained
from pxr_tf.sets.file_kinds import DICOM_START, is_dicom

if TYPE_CHECKING:
    from pydicom import Dataset

INSTALL = 'DICOM is read by the extra dicom; install it: pip install "pxr_tf[dicom]"'
# The decoder of each transfer syntax: never another after it failed, as some make grey of what is missing. Pillow is
# the one that reads JPEG files. pylibjpeg-libjpeg, which is GPL and differs by a grey level, is never asked.
_EXTENDED = "1.2.840.10008.1.2.4.51"
DECODERS = {
    "1.2.840.10008.1.2": "",  # implicit VR, little endian
    "1.2.840.10008.1.2.1": "",  # explicit VR, little endian
    "1.2.840.10008.1.2.2": "",  # explicit VR, big endian
    "1.2.840.10008.1.2.4.50": "pillow",  # JPEG baseline
    _EXTENDED: "pillow",  # JPEG extended: of 8 bits
    "1.2.840.10008.1.2.4.57": "gdcm",  # JPEG lossless, process 14
    "1.2.840.10008.1.2.4.70": "gdcm",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": "gdcm",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81": "gdcm",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90": "pillow",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91": "pillow",  # JPEG 2000
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # High-Throughput JPEG 2000 lossless
    "1.2.840.10008.1.2.4.202": "pylibjpeg",  # the same, RPCL
    "1.2.840.10008.1.2.4.203": "pylibjpeg",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.5": "pylibjpeg",  # RLE lossless
}
_LIBRARIES = {"gdcm": "gdcm", "pylibjpeg": "pylibjpeg"}  # of a decoder -> what it imports
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
# Of views: PS3.3, C.8.7.1.1.1 has AP, PA, LL, RL, RLD, LLD, RLO and LLO; machines write more, such as AP_SUPINE.
_FRONTAL = re.compile("(?<![A-Z])(AP|PA)(?![A-Z])|FRONT|ANTERO|POSTERO")
_NOT_FRONTAL = re.compile("(?<![A-Z])(LAT|OBL|DECUB)|(?<![A-Z])(LL|RL|LLD|RLD|LLO|RLO|LAO|RAO|LPO|RPO)(?![A-Z])")
# pydicom computes with these, even if they are there without a value.
_OPTIONAL = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction")
_PYDICOM = re.compile(r"pydicom\b")  # modules whose warnings are not shown
_FAR = 1e9  # beyond every window


class DicomHeader(NamedTuple):
    """What a DICOM file says of its picture."""

    width: int  # pixels
    height: int
    mode: str  # grey, grey16, rgb, palette
    spacing: float | None  # millimetres between rows at the detector or patient; None: not said


def read_dicom_header(file: BinaryIO) -> DicomHeader:
    """Return what a DICOM file says of its picture; raise `UnreadableImageError` if it is not one that is read."""
    with explained("damaged DICOM", values=False):
        ds = read_data_set(file, pixels=False)
        _check(ds)
    mode = "palette" if ds.PhotometricInterpretation == "PALETTE COLOR" else "rgb"
    if ds.PhotometricInterpretation in _GREY:
        mode = "grey" if ds.BitsStored <= 8 else "grey16"
    return DicomHeader(int(ds.Columns), int(ds.Rows), mode, spacing_of(ds))


def open_dicom(data: bytes) -> Image.Image:
    """Return a DICOM file's picture as it is shown, in mode L, or RGB for colours; raise `UnreadableImageError`."""
    with explained("damaged DICOM", values=False):
        ds = read_data_set(io.BytesIO(data), pixels=True)
        _check(ds)
        stored = _decode(ds)
        if ds.PhotometricInterpretation in _GREY:
            return Image.fromarray(_to_grey(ds, stored))
        return Image.fromarray(_to_colours(ds, stored), "RGB")


def contradictions(source: str | Path | bytes) -> list[str]:
    """Return what a DICOM file says against "one upright, frontal chest X-ray", such as ``says view LATERAL``.

    Empty for a file that is not DICOM, and for one that says nothing against it: most fields may be empty. Raises
    `UnreadableImageError` for a damaged file.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else open_regular(source)
    with explained("damaged DICOM", values=False), file:
        if not is_dicom(file.read(DICOM_START)):
            return []
        file.seek(0)
        return contradicting(read_data_set(file, pixels=False))


def contradicting(ds: "Dataset") -> list[str]:
    """Return the `contradictions` of a data set."""
    modality, part, view = (_word(ds, name) for name in ("Modality", "BodyPartExamined", "ViewPosition"))
    code = " ".join(str(item.get("CodeMeaning", "")) for item in ds.get("ViewCodeSequence") or []).upper()
    found = [
        ("modality", modality, modality not in ("CR", "DX", "DR", "RG", "OT", "SC")),
        ("body part", part, not re.search("CHEST|THORA|LUNG|PULMO|UNKNOWN|OTHER", part)),
        ("view", view, not _FRONTAL.search(view) or bool(_NOT_FRONTAL.search(view))),
        ("view", code, bool(_NOT_FRONTAL.search(code))),
        *_orientation(_word(ds, "PatientOrientation")),
        ("colour", _word(ds, "PhotometricInterpretation"), _word(ds, "PhotometricInterpretation") in _COLOURS),
        ("presentation intent", intent := _word(ds, "PresentationIntentType"), intent == "FOR PROCESSING"),
        ("number of frames", frames := _word(ds, "NumberOfFrames"), frames not in ("0", "1")),
    ]
    return [f"says {name} {one_line(value)[:64]}" for name, value, against in found if value and against]


def _word(ds: "Dataset", name: str) -> str:
    value = ds.get(name)
    parts = [] if value is None else [value] if isinstance(value, str | int) else list(value)
    return "\\".join(str(part).strip().upper() for part in parts)


def _orientation(said: str) -> list[tuple[str, str, bool]]:
    """Return what is against a frontal, upright, unmirrored picture: its rows run to the patient's left, columns down.

    PS3.3, C.7.6.1.1.1: the first letters of both directions, of A(nterior), P(osterior), L, R, H(ead) and F(oot).
    """
    row, _, column = said.partition("\\")
    if not row or not column:
        return []
    if {row[0], column[0]} & {"A", "P"}:
        return [("patient orientation (a side view)", said, True)]
    if row[0] in "HF":
        return [("patient orientation (turned)", said, True)]
    if column[0] == "H":
        return [("patient orientation (upside down)", said, True)]
    return [("patient orientation (mirrored)", said, row[0] == "R")]


def read_data_set(file: BinaryIO, *, pixels: bool) -> "Dataset":
    """Return the file's data set; without `pixels`, what comes before them. Raises what pydicom does."""
    if find_spec("pydicom") is None:
        raise InaccessibleImageError(INSTALL)  # the bytes may be good: the fault is not remembered
    import pydicom

    _quieten()
    start = file.read(2048)
    file.seek(0)
    if b"1.2.840.10008.1.2.1.99" in start:
        raise UnreadableImageError("its transfer syntax, Deflated, is not read: it may expand without limit")
    return pydicom.dcmread(file, stop_before_pixels=not pixels)


def _quieten() -> None:
    """Keep pydicom's and gdcm's warnings, which have values of tags in them, from the screen."""
    if ("ignore", None, Warning, _PYDICOM, 0) not in warnings.filters:  # once: threads read at the same time
        warnings.filterwarnings("ignore", module=_PYDICOM.pattern)
    if find_spec("gdcm") is not None:
        import gdcm

        for kind in ("Warning", "Error", "Debug"):
            getattr(gdcm.Trace, f"{kind}Off")()


def _check(ds: "Dataset") -> None:
    """Raise `UnreadableImageError` if a data set has no picture that is read."""
    kind = _name_of(ds.get("SOPClassUID"))
    if "Rows" not in ds or "Columns" not in ds:
        # Of a file that ends within compressed pixels, pydicom has nothing.
        fault = f"DICOM without pixels ({kind})" if kind else "damaged DICOM: it ends too early, or is empty"
        raise UnreadableImageError(fault)
    frames = int(ds.get("NumberOfFrames") or 1)
    if frames != 1:
        raise UnreadableImageError(f"DICOM with {frames:,} frames; files of one frame are read")
    if int(ds.Rows) * int(ds.Columns) > MAX_PIXELS:
        raise UnreadableImageError(f"declares {ds.Columns} x {ds.Rows} pixels; at most {MAX_PIXELS:,} are read")
    photometric, bits = ds.PhotometricInterpretation, ds.BitsStored
    if photometric not in (*_GREY, *_COLOURS):
        raise UnreadableImageError(f"DICOM of other colours than those that are read: {', '.join(_GREY + _COLOURS)}")
    if not 8 <= bits <= (16 if photometric in (*_GREY, "PALETTE COLOR") else 8):
        raise UnreadableImageError(f"DICOM with {bits} bits per value; 8 to 16 are read, 8 of RGB and YBR")


def _name_of(uid: object) -> str:
    """Return the name that the standard has for a UID; "" for any other value, which is not repeated."""
    name = str(getattr(uid, "name", uid))
    return "" if name == str(uid) else name


def _decode(ds: "Dataset") -> np.ndarray:
    """Return stored values [rows, columns], or uint8 [rows, columns, 3], RGB."""
    from pydicom.pixels import get_decoder

    if "PixelData" not in ds:
        floats = "FloatPixelData" in ds or "DoubleFloatPixelData" in ds
        raise UnreadableImageError("DICOM of floating-point pixels" if floats else "DICOM without pixels")
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax not in DECODERS or (syntax == _EXTENDED and ds.BitsStored > 8):
        raise UnreadableImageError(
            f"its transfer syntax, {_name_of(syntax) or 'unknown'}, is not read at {ds.BitsStored} bits"
        )
    plugin = DECODERS[syntax]
    if plugin in _LIBRARIES and find_spec(_LIBRARIES[plugin]) is None:
        raise InaccessibleImageError(INSTALL)
    if plugin:
        _check_frame(ds)
    values, _ = get_decoder(syntax).as_array(ds, decoding_plugin=plugin)
    return values


def _check_frame(ds: "Dataset") -> None:
    """Raise `UnreadableImageError` if a compressed frame declares another size, which could be huge, or has no end.

    gdcm makes a picture of a JPEG that is cut off.
    """
    from pydicom.encaps import get_frame

    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    size = _declared(frame)
    if size and not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise UnreadableImageError("damaged DICOM: its compressed pixels end too early")
    if size not in (None, (ds.Rows, ds.Columns)):
        raise UnreadableImageError(f"damaged DICOM: says {ds.Columns} x {ds.Rows} pixels, holds {size[1]} x {size[0]}")


def _declared(frame: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) that a JPEG, JPEG-LS or JPEG 2000 frame declares; None if it declares none."""
    if (start := frame[:1024].find(b"\xff\x4f\xff\x51")) >= 0 and len(frame) >= start + 24:
        right, bottom, left, top = struct.unpack(">4I", frame[start + 8 : start + 24])
        return bottom - top, right - left
    place = 2
    while frame[:2] == b"\xff\xd8" and len(segment := frame[place : place + 9]) == 9 and segment[0] == 0xFF:
        if segment[1] == 0xF7 or (0xC0 <= segment[1] <= 0xCF and segment[1] not in (0xC4, 0xC8, 0xCC)):
            return struct.unpack(">HH", segment[5:9])
        place += 1 if segment[1] == 0xFF else 2 + int.from_bytes(segment[2:4], "big")
    return None


def _to_grey(ds: "Dataset", stored: np.ndarray) -> np.ndarray:
    """Return stored values as uint8, as they are shown: each possible value is mapped once."""
    from pydicom.pixels import apply_modality_lut, apply_voi

    for name in _OPTIONAL:
        if name in ds and any(value in (None, "") for value in np.atleast_1d(ds[name].value)):
            del ds[name]
    lowest = -(2 ** (ds.BitsStored - 1)) if ds.PixelRepresentation else 0
    levels = np.arange(lowest, lowest + 2**ds.BitsStored)
    values, inverted = apply_modality_lut(levels, ds), ds.PhotometricInterpretation == "MONOCHROME1"
    if ds.get("VOILUTSequence"):
        item = ds.VOILUTSequence[0]
        item.LUTDescriptor = [*item.LUTDescriptor[:2], 16]  # with 8, pydicom would count its entries in 8 bits
        shown = fit_range(apply_voi(values, ds)[stored - lowest])
    elif ds.get("WindowWidth") is not None and ds.get("WindowCenter") is not None:
        shown = _apply_window(ds, values)[stored - lowest]
    elif ds.get("ModalityLUTSequence"):
        shown = fit_range(values[stored - lowest].astype(np.uint16))
    else:  # a rescale moves the values, and may invert them
        shown = fit_range((stored - (stored.min() if lowest else 0)).astype(np.uint16))
        inverted ^= values[0] > values[-1]
    return 255 - shown if inverted else shown


def _apply_window(ds: "Dataset", values: np.ndarray) -> np.ndarray:
    """Return values as uint8: the first window's lower end is 0, its upper end 255."""
    from pydicom.pixels import apply_windowing

    with np.errstate(over="ignore"):  # a sigmoid's exponential far below the window
        try:
            *shown, low, high = apply_windowing(np.array([*values, -_FAR, _FAR]), ds)
        except ValueError as error:
            raise UnreadableImageError("damaged DICOM: its window has no width, or an unknown function") from error
    return np.rint((np.array(shown) - low) * (255 / (high - low))).astype(np.uint8)


def _to_colours(ds: "Dataset", stored: np.ndarray) -> np.ndarray:
    """Return uint8 [rows, columns, 3], RGB."""
    from pydicom.pixels import apply_color_lut

    if ds.PhotometricInterpretation != "PALETTE COLOR":
        return stored
    colours = apply_color_lut(stored, ds)[..., :3]
    return (colours >> 8).astype(np.uint8) if colours.dtype == np.uint16 else colours


def spacing_of(ds: "Dataset") -> float | None:
    """Return the first that is said of: the patient's pixel spacing, the detector's, the secondary capture's; in mm."""
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        if (value := ds.get(name)) and float(value[0]) > 0:
            return float(value[0])
    return None
