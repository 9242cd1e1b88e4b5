"""What sections consist of: plain values that the template, the CSV and the LaTeX files are made from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pxr_tf.report.fitting import FittedTable


class Prose(NamedTuple):
    """A paragraph."""

    text: str
    style: str = ""  # lead, notice, faint, code or "" (a class of the style sheet)
    kind: str = "prose"


class Table(NamedTuple):
    """A table of text, as shown."""

    name: str  # of its files, without ending
    caption: str
    frame: pd.DataFrame  # text; the first column names the rows
    shares: Sequence[Sequence[float]] | None = None  # 0 to 1 for each cell but the first column: its shade
    words: bool = False  # the cells hold sentences, so they are not right-aligned
    kind: str = "table"


def from_screen(name: str, shown: "FittedTable", caption: str = "") -> Table:
    """Return a table of the screen as a table of the page; its heading is the caption."""
    cells = {place: [str(cell).strip() for cell in column.cells] for place, column in enumerate(shown.columns)}
    frame = pd.DataFrame(cells).set_axis([str(column.header) for column in shown.columns], axis=1)
    said = [line.rstrip(".") for line in (*shown.heading.splitlines(), caption) if line]
    return Table(name, f"{'. '.join(said)}.", frame)


class Drawing(NamedTuple):
    """A figure with what it says in words."""

    name: str  # of its files, without ending
    caption: str
    alternative: str  # for people who do not see it
    figure: "Figure"
    kind: str = "drawing"


class Drawings(NamedTuple):
    """Figures side by side."""

    figures: Sequence[Drawing]
    kind: str = "drawings"


class Facts(NamedTuple):
    """Names with their values."""

    pairs: Sequence[tuple[str, str]]
    kind: str = "facts"


class Picture(NamedTuple):
    """An X-ray, with a heat map or without."""

    source: str  # a data URI
    alternative: str
    caption: str
    right: bool  # whether the prediction is the true class


class Pictures(NamedTuple):
    """Pictures under one heading."""

    heading: str
    pictures: Sequence[Picture]
    kind: str = "pictures"


Part = Prose | Table | Drawing | Drawings | Facts | Pictures


class Section(NamedTuple):
    """A heading and what is below it."""

    key: str  # of links to it
    title: str
    parts: Sequence[Part]


def tables_of(sections: Sequence[Section]) -> list[Table]:
    """Return all tables of the sections."""
    return [part for section in sections for part in section.parts if isinstance(part, Table)]


def drawings_of(sections: Sequence[Section]) -> list[Drawing]:
    """Return all figures of the sections."""
    parts = [part for section in sections for part in section.parts]
    grouped = [one for part in parts if isinstance(part, Drawings) for one in part.figures]
    return [part for part in parts if isinstance(part, Drawing)] + grouped
