"""A table as LaTeX (booktabs) and as CSV."""

from pathlib import Path

import pandas as pd

from pxr_tf import files
from pxr_tf.report.page.parts import Table

SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {letter: f"\\{letter}" for letter in "&%$#_{}"}
PLAIN = {"−": "$-$", "→": "$\\rightarrow$", "±": "$\\pm$", "×": "$\\times$", "≥": "$\\geq$"}  # noqa: RUF001
WIDTH = "0.9"  # of the text: what columns of sentences share


def write_table(folder: Path, table: Table) -> None:
    """Write ``<name>.csv`` and ``<name>.tex``."""
    files.write_csv(folder / f"{table.name}.csv", table.frame)
    files.write_text(folder / f"{table.name}.tex", to_latex(table))


def to_latex(table: Table) -> str:
    r"""Return a ``table`` environment; it needs ``\usepackage{booktabs}``, and LaTeX reads it as UTF-8."""
    frame: pd.DataFrame = table.frame.map(escape).rename(columns=escape)
    style = frame.style.hide(axis="index")
    return style.to_latex(
        hrules=True,
        column_format=_columns(table),
        caption=escape(table.caption),
        label=f"tab:{table.name}",
        position="htbp",
        position_float="centering",
    )


def escape(text: str) -> str:
    """Return text in which LaTeX finds no command of its own."""
    return "".join((SPECIAL | PLAIN).get(letter, letter) for letter in text)


def _columns(table: Table) -> str:
    count = table.frame.shape[1]
    if not table.words:
        return "l" + "r" * (count - 1)
    share = f"{float(WIDTH) / count:.2f}"
    return rf"p{{{share}\linewidth}}" * count
