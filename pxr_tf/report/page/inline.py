"""A Matplotlib figure as SVG inside a page: its text is text, and its colours follow the page's light or dark style."""

import io
import re
from html import escape
from typing import TYPE_CHECKING

from pxr_tf.report.fonts import fit_letters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design", 2008, with a grey: people who confuse red and green can tell these apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#444444", "#56b4e9")
INK, GRID = "#222222", "#c9c9c9"
_VARIABLES = {colour: f"var(--c{number})" for number, colour in enumerate(COLOURS)}
_VARIABLES |= {INK: "currentColor", GRID: "var(--grid)", "#ffffff": "var(--paper)"}
_VARIABLES |= dict.fromkeys(("#696969", "#808080"), "var(--faint)")  # Matplotlib's dimgrey and grey
_FONT = re.compile(r"(font: (?:\w+ )*[\d.]+px) [^;\"]+")


def to_svg(figure: "Figure", name: str, alternative: str) -> str:
    """Return an ``<svg>`` element with a description; `name` makes its ids unique in the page."""
    from matplotlib import rc_context

    fit_letters(figure)
    written = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(written, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|xlink:href="#)', rf"\g<1>{name}-", text).replace("url(#", f"url(#{name}-")
    text = _FONT.sub(r"\1 var(--font)", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    head = f'<svg role="img" aria-label="{escape(alternative)}"'
    return re.sub(r'<svg (?:.*?)(viewBox="[^"]*")[^>]*>', rf"{head} \1>", text, count=1, flags=re.DOTALL)
