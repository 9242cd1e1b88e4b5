"""What layouts with a table next to the images share."""

import codecs
import csv
import io
import math
import os
import re
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.files import open_regular

# What people, R, pandas and Excel write for a missing value; in lower case.
NOT_AVAILABLE = frozenset({"", "-", "--", "?", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "nil"})
# As patient ids these would make many people one patient. As classes, ``none`` and ``unknown`` may be intended.
NO_PATIENT = NOT_AVAILABLE | {"none", "unknown", "missing", "anonymous", "anonymised", "anonymized"}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
# A number of years; DICOM writes three digits and a unit (PS3.5, section 6.2, AS): 065Y, 006M, 012W, 003D. Data without
# names may have one age for the oldest (HIPAA, section 164.514): 90+, >89.
_AGE = re.compile(r"(>?) ?([0-9]+(?:\.[0-9]+)?) ?([ymwd]?)\+?")
_UNITS = {"": 1, "y": 1, "m": 12, "w": 52.18, "d": 365.25}  # how many are a year
_OLDEST = 120  # a higher age is a slip, or a code for "unknown"


class PassedRow(NamedTuple):
    """A row that a layout's reader does not use."""

    reason: str  # the column that decided, such as ``finding``
    value: str  # what it holds
    path: str  # the file that the row lists


class Table(NamedTuple):
    """A CSV as text; column names in lower case, without surrounding space."""

    columns: list[str]
    records: list[tuple[int, dict[str, str]]]  # the first line of a row, column -> value as written


def read_header(path: Path) -> list[str]:
    """Return a table's column names in lower case, whatever separates them; [] for a file that is not text."""
    line = _first_line(path)
    return [cell.strip().strip('"').strip().lower() for cell in line.split(_separator(line))] if line else []


def find_separator(path: Path) -> str:
    """Return what separates a table's columns, in words; "" for commas, or if there is one column."""
    return _SEPARATORS.get(_separator(_first_line(path)), "")


def _separator(line: str) -> str:
    return max((",", *_SEPARATORS), key=line.count)


def _first_line(path: Path) -> str:
    """Return the first line of a text in UTF-8, UTF-16 or an encoding that shares its ASCII."""
    try:
        with open_regular(path) as file:
            start = file.read(4096)
    except OSError:
        return ""
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = start.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return (text.lstrip().splitlines() or [""])[0]


def read_table(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """Return the CSV's rows without blank rows.

    Raises `PxrError` if it cannot be read, a needed column is missing, a used column (`needed` or `optional`) occurs
    twice, or a row has more values than the header or none for a used column: values would count for other columns,
    or a patient id would be lost.
    """
    (_, header), *lines = _read_lines(path)
    columns = _name_columns(header, [cells for _, cells in lines])
    used = [*needed, *optional]
    _check_header(path, columns, needed, used)
    for line, cells in lines:
        _check_length(path, line, cells, columns, used)
    records = [
        (line, {column: cell for column, cell in zip_longest(columns, cells, fillvalue="") if column})
        for line, cells in lines
    ]
    return Table([column for column in columns if column], records)


def cell_of(record: dict[str, str], column: str, missing: frozenset[str] = NOT_AVAILABLE) -> str:
    """Return the record's value without surrounding space; ``""`` for a word of `missing`, or if it has no value."""
    value = record.get(column, "").strip()
    return "" if value.lower() in missing else value


def read_details(record: dict[str, str]) -> dict[str, str]:
    """Return the record's ``view, sex, age`` as a manifest has them; "" for a value that is missing or not understood.

    The view is as `read_view` has it, the sex ``female`` or ``male``, the age a number of years from 0 to 120:
    ``065Y``, ``65 Y`` and ``65.0`` are 65; ``90+`` and ``>89`` are 90.
    """
    return {
        "view": read_view(record),
        "sex": _SEXES.get(cell_of(record, "sex").lower(), ""),
        "age": _read_age(cell_of(record, "age").lower()),
    }


def read_view(record: dict[str, str]) -> str:
    """Return the record's view in lower case, a space for spaces and hyphens: ``ap semi erect``; "" if missing."""
    view = unicodedata.normalize("NFC", cell_of(record, "view", NO_PATIENT).lower())
    return re.sub(r"[\s-]+", " ", view).strip()


def _read_age(text: str) -> str:
    found = _AGE.fullmatch(text)
    years = (float(found[2]) + bool(found[1])) / _UNITS[found[3]] if found else math.inf
    return f"{years:g}" if years <= _OLDEST else ""


def require_value(path: Path, line: int, record: dict[str, str], column: str) -> str:
    """Return the record's value; raise `PxrError` if it is empty or a word such as ``NA``."""
    value = cell_of(record, column)
    if not value:
        given = record[column].strip()
        raise PxrError(
            f"{path}, line {line}: the {column} is empty{f' ({given})' if given else ''}; every image needs one. "
            "Fill it in, or remove the line."
        )
    return value


def require_files(listed: Sequence[str | Path], path: Path) -> None:
    """Raise `PxrError` if none of the listed files exists; a few missing files count as unreadable images."""
    if listed and not any(map(os.path.isfile, listed)):
        hint = " They have backslashes: write / instead." if any("\\" in str(name) for name in listed) else ""
        raise PxrError(
            f"{path} lists {count_words(len(listed), 'file')}, and none of them exists ({shorten(listed, 3)}); "
            "accepted: paths of files, relative to the CSV. Correct the paths, or complete the download." + hint
        )


def _read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return (first line number, cells) of each row that is not blank; at least one row."""
    lines, start = [], 1
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if "\0" in text:
            raise csv.Error(f"line {text[: text.index(chr(0))].count(chr(10)) + 1} holds a zero byte")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((start, cells))
            start = reader.line_num + 1
        if not lines:
            raise csv.Error("it is empty")
    except (UnicodeDecodeError, csv.Error) as error:
        columns = read_header(path)
        header = f" Its columns are {shorten(columns, 10)}." if columns else ""
        raise PxrError(
            f"{path} is not a readable CSV ({error}); accepted: comma-separated UTF-8. Save it again.{header}"
        ) from error
    return lines


def _name_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the column names; a column without a name is ``column 3``, or ``""`` if it is empty throughout.

    Spreadsheets end lines in commas, and pandas writes an index without a name.
    """
    filled = {place for cells in rows for place, cell in enumerate(cells) if cell.strip()}
    names = [cell.strip().lower() for cell in header]
    return [name or (f"column {place + 1}" if place in filled else "") for place, name in enumerate(names)]


def _check_header(path: Path, columns: Sequence[str], needed: Sequence[str], used: Sequence[str]) -> None:
    missing = [column for column in needed if column not in columns]
    if missing and (separator := find_separator(path)):
        raise PxrError(
            f"{path} is separated by {separator} ({shorten(filter(None, columns), 10)}) and lacks {shorten(missing)}; "
            f"accepted: commas, with the columns {', '.join(needed)}. Save it with commas."
        )
    if missing:
        raise PxrError(
            f"{path} has the columns {shorten(filter(None, columns), 10)} and lacks {shorten(missing)}. Needed: "
            f"{', '.join(needed)}, separated by commas. Add what is missing."
        )
    twice = [column for column in used if columns.count(column) > 1]
    if twice:
        raise PxrError(f"{path} has the column {twice[0]} twice; accepted: each column once. Rename or remove one.")


def _check_length(path: Path, line: int, cells: Sequence[str], columns: Sequence[str], used: Sequence[str]) -> None:
    counts = f"{path}, line {line}: {count_words(len(cells), 'value')} for {count_words(len(columns), 'column')}"
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise PxrError(f"{counts}; accepted: one per column. Put a value that has a comma in it in double quotes.")
    lost = [column for column in columns[len(cells) :] if column in used]
    if lost:
        raise PxrError(
            f"{counts}, so it lacks {shorten(lost)}; accepted: one per column. Complete the line; an empty value "
            "needs its comma, too."
        )
