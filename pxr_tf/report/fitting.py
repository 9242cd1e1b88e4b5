"""Text and tables that fit a terminal: lines break between words only, and a path is alone on its line."""

import re
from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

_WORD = r"\s*\S+(?: ± \S+)?(?: %\S*)?"  # a number stays with its spread and its unit


class Screen(Console):
    """A console that never breaks a word: a word that is longer than a line, such as a path, runs over the edge."""

    def print(self, *objects: Any, markup: bool | None = None, **options: Any) -> None:
        """Print as `Console.print` does."""
        if len(objects) == 1 and isinstance(objects[0], str | Text) and not options.get("soft_wrap"):
            (text,) = objects
            text = text if isinstance(text, Text) else self.render_str(text, markup=markup)
            objects, options = (break_lines(text, self.width),), options | {"soft_wrap": True}
        super().print(*objects, markup=markup, **{"crop": False, **options})


def break_lines(text: Text, width: int) -> Text:
    """Return the text with line breaks between words; only a word that is longer than `width` runs over it."""
    lines = []
    for line in text.split():
        offsets, end = [], 0
        for word in re.finditer(_WORD, line.plain):
            if end and end + cell_len(word[0]) > width:
                offsets.append(word.end() - len(word[0].lstrip()))
                end = cell_len(word[0].lstrip())
            else:
                end += cell_len(word[0])
        lines += line.divide(offsets)
    for line in lines:
        line.rstrip()
    return Text("\n", overflow=text.overflow, no_wrap=text.no_wrap).join(lines)


def print_paths(console: Console, words: str, *paths: object) -> None:
    """Print words, if any, then each path (or command) alone on its line, so that it can be copied."""
    if words:
        console.print(words, markup=False, highlight=False)
    for path in paths:
        console.print(str(path), markup=False, highlight=False, soft_wrap=True)


def print_indented(console: Console, words: str) -> None:
    """Print words, two columns to the right in all their lines."""
    for line in _indent(Text(words), console.width):
        console.print(line, soft_wrap=True)


class FittedTable(Table):
    """A table that fits: columns move closer together, then narrow to their longest word.

    If that is too wide, too, each row becomes lines: its first cell, then the others, each after its heading. Strings
    are no markup: the name of a class may contain square brackets.
    """

    def __init__(self, title: str) -> None:
        super().__init__(box=SIMPLE_HEAD, pad_edge=False)
        self.heading = title

    def add_column(self, header: str, **options: Any) -> None:
        """Add a column; see `Table.add_column`."""
        super().add_column(Text(header), **options)

    def add_row(self, *cells: str | Text, **options: Any) -> None:
        """Add a row; see `Table.add_row`. Cells that are not given are empty."""
        every = [*cells, *[""] * (len(self.columns) - len(cells))]
        super().add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in every), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the title and the table, or its rows as lines."""
        if self.heading:
            yield break_lines(Text(self.heading, style="bold", overflow="ignore", no_wrap=True), options.max_width)
        if self._fit(options.max_width):
            yield from super().__rich_console__(console, options)
        else:
            yield from self._lines(options.max_width)

    def _fit(self, width: int) -> bool:
        """Choose the padding and the widths of the columns; return False if the longest words do not fit."""
        texts = [[column.header, *column.cells] for column in self.columns]
        widest = [max(text.__rich_measure__(None, None).maximum for text in some) for some in texts]
        least = [max(text.__rich_measure__(None, None).minimum for text in some) for some in texts]
        gaps = len(texts) - 1
        free = [width - 2 - (1 + 2 * padding) * gaps for padding in (0, 1)]  # the box has an edge on either side
        padding = int(sum(widest) <= free[1])
        while sum(widest) > free[padding]:
            place = max(range(len(widest)), key=lambda one: (widest[one] > least[one], widest[one]))
            if widest[place] == least[place]:
                return False
            widest[place] -= 1
        self.padding = (0, padding)
        for column, own in zip(self.columns, widest, strict=True):
            column.width = own
        return True

    def _lines(self, width: int) -> Iterator[Text]:
        first, *others = self.columns
        if first.header:
            yield first.header
        for row, start, *cells in zip(self.rows, first.cells, *(column.cells for column in others), strict=True):
            yield Text(start.plain, style=row.style or "")
            pairs = [
                Text.assemble(column.header, " ", cell) for column, cell in zip(others, cells, strict=True) if cell
            ]
            yield from _indent(Text(", ", style=row.style or "").join(pairs), width)


def _indent(text: Text, width: int) -> Iterator[Text]:
    for line in break_lines(text, width - 2).split():
        yield Text.assemble("  ", line, overflow="ignore", no_wrap=True)
