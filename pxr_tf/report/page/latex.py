"""A table as LaTeX (booktabs) and as CSV."""

import re
from math import sqrt
from pathlib import Path

from pxr_tf import files
from pxr_tf.report.page.parts import Table

SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {letter: f"\\{letter}" for letter in "&%$#_{}"}
SPECIAL |= {letter: f"{{{letter}}}" for letter in "[*"}  # after a row's end they would be its options
PLAIN = {"−": "$-$", "→": "$\\rightarrow$", "±": "$\\pm$", "×": "$\\times$", "≥": "$\\geq$"}  # noqa: RUF001
PLAIN |= {letter: f"${letter}$" for letter in "<>|"}  # in the default font, < is ¡
MINUS = re.compile(r"(?<![\w.])-(?=\d)")
BREAKS = re.compile(r"(/|\\_)")  # of a path, where a line may end
NEEDS = r"% \usepackage{array,booktabs,longtable}; other scripts than Latin: LuaLaTeX or XeLaTeX with a font for them"
LINE = 65  # letters in a line of LaTeX's class article, of 345 points
GAP = "0.5em"  # between columns that share a line
MANY = 8  # more columns than that get the smaller letters


def write_table(folder: Path, table: Table) -> None:
    """Write ``<name>.csv`` and ``<name>.tex``."""
    files.write_csv(folder / f"{table.name}.csv", table.frame)
    files.write_text(folder / f"{table.name}.tex", to_latex(table))


def to_latex(table: Table) -> str:
    r"""Return a ``table`` environment, or a ``longtable`` of sentences, as UTF-8; its first line says what it needs.

    If it is wider than a line, its columns share the line, and cells break between words.
    """
    narrow = table.words or _letters(table) > LINE
    frame = table.frame.map(lambda text: BREAKS.sub(r"\1\\allowbreak{}", escape(text)) if narrow else escape(text))
    place = {"environment": "longtable"} if table.words else {"position": "htbp", "position_float": "centering"}
    return f"{NEEDS}\n" + frame.rename(columns=escape).style.hide(axis="index").to_latex(
        hrules=True,
        column_format=_share_line(table) if narrow else "l" + "r" * (frame.shape[1] - 1),
        caption=escape(table.caption),
        label=f"tab:{table.name}",
        **place,
    )


def escape(text: str) -> str:
    """Return text in which LaTeX finds no command of its own."""
    text = MINUS.sub("−", text)  # noqa: RUF001
    return "".join((SPECIAL | PLAIN).get(letter, letter) for letter in text)


def _letters(table: Table) -> int:
    """Return how many letters wide the table is, with two between columns."""
    return sum(2 + max(map(len, column)) for column in _columns(table))


def _share_line(table: Table) -> str:
    """Return the format of columns that fill a line: each needs its longest word, and more if it has many words."""
    weights = [
        2 + max(len(word) for text in column for word in re.split(r"[\s/_-]", text)) + sqrt(max(map(len, column)))
        for column in _columns(table)
    ]
    size = "scriptsize" if len(weights) > MANY else "footnotesize"
    sides = ["right"] + ["right" if table.words else "left"] * (len(weights) - 1)  # what is ragged
    formats = [
        rf">{{\{size}\ragged{side}\arraybackslash\hspace{{0pt}}}}"  # after a space, the first word may be hyphenated
        rf"p{{\dimexpr{weight / sum(weights):.3f}\linewidth-{GAP}}}"
        for side, weight in zip(sides, weights, strict=True)
    ]
    return "@{}" + rf"@{{\hspace{{{GAP}}}}}".join(formats) + "@{}"


def _columns(table: Table) -> list[list[str]]:
    """Return the texts of each column, with its heading."""
    return [[name, *values] for name, values in table.frame.items()]
