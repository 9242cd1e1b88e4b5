"""Letters of figures: a font of the system for those that the usual font lacks, else a class's number."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USUAL = "DejaVu Sans"  # part of matplotlib
BOXES = "Last Resort"  # fonts that draw a box for every letter
UNKNOWN = "?"


def show_names(names: Sequence[str]) -> list[str]:
    """Return class names as figures show them; ``class 2`` for the second if no font has its letters."""
    return [name if font_of(name) is not None else f"class {number}" for number, name in enumerate(names, start=1)]


def describe_hidden(names: Sequence[str]) -> str:
    """Return one sentence on the class names that figures show as numbers; "" if there are none."""
    hidden = [f"{shown} = {name}" for shown, name in zip(show_names(names), names, strict=True) if shown != name]
    words = "these class names" if len(hidden) > 1 else "this class name"
    return f"No font on this system can draw {words}, so figures show: {', '.join(hidden)}." if hidden else ""


def fit_letters(figure: "Figure") -> None:
    """Give each text of a figure a font that has its letters; letters that no font has become question marks."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        words = text.get_text()
        lacking = _lacking(words)
        if not lacking:
            continue
        if font_of(words) is None:
            alone = {letter for letter in lacking if font_of(letter) is None}
            words = "".join(UNKNOWN if letter in alone else letter for letter in words)
            text.set_text(words)
        fonts = [font for font in map(font_of, sorted(_lacking(words))) if font]
        text.set_fontfamily([USUAL, *dict.fromkeys([*filter(None, [font_of(words)]), *fonts])])


def font_of(words: str) -> str | None:
    """Return the font for the letters that the usual font lacks: "" if it lacks none, None if no font has them all."""
    lacking = _lacking(words)
    return _find_font(lacking) if lacking else ""


def _lacking(words: str) -> frozenset[str]:
    return frozenset(words) - _usual_letters() - {"\n"}


@cache
def _usual_letters() -> frozenset[str]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(map(chr, get_font(findfont(USUAL)).get_charmap()))


@cache
def _find_font(letters: frozenset[str]) -> str | None:
    """Return the first font of the system, by name, that has the letters and can draw them."""
    return next((name for name, path in _system_fonts() if _draws(path, letters)), None)


def _system_fonts() -> Iterable[tuple[str, str]]:
    """Return (name, path) of all fonts of normal style and weight, without those that draw boxes."""
    from matplotlib.font_manager import fontManager

    plain = [font for font in fontManager.ttflist if font.style == "normal" and not font.name.startswith((BOXES, "."))]
    return sorted((font.name, font.fname) for font in plain)


def _draws(path: str, letters: frozenset[str]) -> bool:
    from matplotlib.font_manager import get_font

    try:
        font = get_font(path)
        if not set(map(ord, letters)) <= set(font.get_charmap()):
            return False
        font.set_size(12, 72)
        font.set_text("".join(sorted(letters)))
    except (OSError, RuntimeError):  # no outlines, such as an emoji font of pictures
        return False
    return True
