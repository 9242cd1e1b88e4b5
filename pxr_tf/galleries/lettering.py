"""Words on pictures: crisp, measured before they are drawn, never cut off."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

DOTS = "…"


@lru_cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which matplotlib brings along, at `size` pixels."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


def fit_text(text: str, width: float, letters: ImageFont.FreeTypeFont) -> str:
    """Return the text if it is at most `width` pixels wide, else with letters left out of its middle."""
    if letters.getlength(text) <= width:
        return text
    few, many = 0, len(text)  # letters kept: `few` fit
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if letters.getlength(_keep(text, middle)) <= width else (few, middle)
    return _keep(text, few)


def wrap(pieces: Sequence[str], width: float, letters: ImageFont.FreeTypeFont, between: str = " · ") -> list[str]:
    """Return lines of at most `width` pixels, broken between pieces; a piece that is too long is shortened."""
    lines: list[str] = []
    for piece in pieces:
        longer = f"{lines[-1]}{between}{piece}" if lines else piece
        if lines and letters.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fit_text(piece, width, letters))
    return lines


def _keep(text: str, count: int) -> str:
    """Return `count` letters of a text, more of its end than of its start: ids differ in their ends."""
    start = count * 2 // 5
    return f"{text[:start]}{DOTS}{text[len(text) - (count - start) :]}"
