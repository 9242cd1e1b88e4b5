"""Which transfer syntaxes are read: a picture is encoded in each. The table of docs/dicom.md is checked."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from dicom_files import HTJ2K, SLOPE, encode, pydicom
from PIL import Image

from pxr_tf.pictures.decode import load_as, to_uint8
from pxr_tf.pictures.dicom import DECODERS
from pxr_tf.pictures.unreadable import UnreadableImageError

PAGE = Path(__file__).parents[2] / "docs" / "dicom.md"
LOSSY = {"1.2.840.10008.1.2.4." + end for end in ("50", "51", "81", "91")}
DEFLATED, EXTENDED = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.51"
PICTURES = {"8": (SLOPE, {}), "12": (16 * SLOPE.astype(np.uint16) + 7, {"BitsStored": 12})}


def read(values: np.ndarray, syntax: str, **tags) -> np.ndarray:
    return load_as(encode(values, syntax, **tags), to_uint8).astype(int)


def as_png(values: np.ndarray) -> np.ndarray:
    """Return what the same picture gives as a PNG."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return load_as(file.getvalue(), to_uint8).astype(int)


def largest_difference(syntax: str, bits: str) -> int:
    values, tags = PICTURES[bits]
    return int(np.abs(read(values, syntax, **tags) - as_png(values)).max())


@pytest.mark.parametrize("bits", PICTURES)
@pytest.mark.parametrize("syntax", [syntax for syntax in DECODERS if syntax not in LOSSY])
def test_a_lossless_file_gives_the_grey_levels_of_the_same_picture_as_png(syntax, bits):
    assert largest_difference(syntax, bits) == 0


@pytest.mark.parametrize("syntax", sorted(LOSSY))
def test_a_lossy_file_stays_near_the_picture(syntax):
    assert largest_difference(syntax, "8") <= 3


@pytest.mark.parametrize("syntax", [syntax for syntax in DECODERS if syntax not in {*LOSSY, *HTJ2K}])
def test_colours_become_luma_as_in_a_png(syntax):
    values = np.stack([SLOPE, SLOPE // 2, 255 - SLOPE], -1)
    assert np.array_equal(read(values, syntax), as_png(values))


def test_a_jpeg_frame_is_decoded_as_the_same_jpeg_file():
    data = encode(SLOPE, "1.2.840.10008.1.2.4.50")
    frame = pydicom.encaps.get_frame(pydicom.dcmread(io.BytesIO(data)).PixelData, 0, number_of_frames=1)
    assert np.array_equal(load_as(data, to_uint8), load_as(frame, to_uint8))


@pytest.mark.parametrize(("syntax", "bits"), [(DEFLATED, "8"), (EXTENDED, "12")])
def test_a_transfer_syntax_that_is_not_read_is_named(syntax, bits):
    values, tags = PICTURES[bits]
    with pytest.raises(UnreadableImageError, match="^its transfer syntax, .*(Deflated|Extended).* is not read"):
        read(values, syntax, **tags)


def test_the_page_lists_every_transfer_syntax_with_its_decoder():
    rows = re.findall(r"^\| .+ \| `([0-9.]+)` \| (\S+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == {syntax: decoder or "pydicom" for syntax, decoder in DECODERS.items()}
