"""What a file is: an image by its name or, if the name has no ending, by its first bytes."""

import os
from functools import lru_cache
from pathlib import Path

from pxr_tf.files import open_regular, stamp

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"  # signatures
DICOM, DICOM_START = "DICOM", 132  # bytes: a preamble of 128, which may hold anything, and the signature
_DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".dic"})
IMAGE_SUFFIXES = _DICOM_SUFFIXES | {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".png"}
# Hidden ones aside. DICOMDIR lists the DICOM files of a disc.
_LITTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "picasa.ini", "icon\r", "dicomdir"})
# Files about a data set. They are not expected to be pictures, unless they are in the folder of a class.
_DOCUMENTS = frozenset(
    ".txt .md .rst .csv .tsv .xls .xlsx .ods .json .jsonl .yaml .yml .toml .xml .html .htm .pdf .bib .doc .docx .rtf "
    ".log .ini .url .lnk .py .ipynb .r .sh .sha256 .md5".split()
)
_DOCUMENT_NAMES = ("readme", "license", "licence", "copying", "citation", "authors", "makefile", "sha256sums")
_TWO_ENDINGS = frozenset({".gz", ".bz2", ".xz", ".zst"})


def is_image_name(name: str) -> bool:
    """Return whether a file name is an image's; hidden files (``._x.jpeg``, ``.DS_Store``) are not images."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def is_image(path: Path) -> bool:
    """Return whether a file is an image by its name, or begins as one and has no ending (``1.2.840.3``)."""
    if is_image_name(path.name):
        return True
    if is_litter(path.name) or ending_of(path.name):
        return False
    start = _read_start(path)
    return start.startswith((JPEG, PNG)) or is_dicom(start)


def is_dicom(start: bytes) -> bool:
    """Return whether a file that starts with these bytes, `DICOM_START` or more, is DICOM (PS3.10, 7.1)."""
    return start[DICOM_START - 4 : DICOM_START] == b"DICM"


def ending_of(name: str) -> str:
    """Return a name's ending in lower case, such as ``.png`` or ``.nii.gz``; "" if it has none or only digits."""
    path = Path(name)
    if not any(char.isalpha() for char in path.suffix):
        return ""
    return "".join(path.suffixes[-2:] if path.suffix.lower() in _TWO_ENDINGS else [path.suffix]).lower()


def describe_kind(path: Path) -> str:
    """Return what to call the kind of a file that is not an image: its ending."""
    return ending_of(path.name) or "without an ending"


def is_litter(name: str) -> bool:
    """Return whether a file is hidden or what a system leaves in folders."""
    return name.startswith(".") or name.casefold() in _LITTER


def is_document(name: str) -> bool:
    """Return whether a file is a table or a text about a data set."""
    return ending_of(name) in _DOCUMENTS or name.casefold().startswith(_DOCUMENT_NAMES)


def _read_start(path: Path) -> bytes:
    try:
        return _read_version(path, stamp(path))
    except OSError:
        return b""


@lru_cache(maxsize=100_000)  # every layout asks; 40 MB of paths and first bytes
def _read_version(path: Path, version: str) -> bytes:
    with open_regular(path) as file:
        return file.read(DICOM_START)
