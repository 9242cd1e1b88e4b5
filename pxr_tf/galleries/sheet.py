"""The sheet of one picture: the X-ray, each method's map over it, a colour bar, and the model's prediction.

It is drawn with NumPy, OpenCV and Pillow: a matplotlib figure takes a second, a sheet 20 ms.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pxr_tf.files import written_whole
from pxr_tf.galleries import overlay

PANEL_SIDE, GAP, PANELS_PER_ROW = 288, 14, 4  # pixels of a panel and around it; panels in a row
_TITLE, _BAR = 38, 36  # pixels above a panel and below it
LINE = 19  # pixels from line to line
COMPRESSION = 1  # of the PNG: level 3 takes 50 % longer and saves 9 %
INK, FAINT, BACKGROUND = (20, 20, 20), (95, 95, 95), (255, 255, 255)
WARNING = (166, 64, 0)  # dark vermilion: contrast 5.5 : 1 on white
NOT_CHECKED = "not checked"
DOTS = "…"


class Checked(NamedTuple):
    """The result of a method's checks."""

    words: str
    failed: bool = False


class Drawn(NamedTuple):
    """A method's map of the picture, and its title on the sheet."""

    title: str
    detail: str  # the layer, or ""
    values: np.ndarray  # float32 [any height, any width]
    signed: bool
    checked: Checked = Checked(NOT_CHECKED)


class Sheet(NamedTuple):
    """Everything that a sheet shows."""

    name: str  # image id
    facts: Sequence[str]  # the prediction, and which model made it
    notes: Sequence[str]  # warnings
    verdict: bool | None  # whether the prediction is right; None if the true class is unknown
    picture: np.ndarray  # uint8 [size, size]
    lungs: np.ndarray | None  # bool [any, any]
    maps: Sequence[Drawn]


class Panel(NamedTuple):
    """One picture of the sheet with its text."""

    title: str
    detail: str
    pixels: np.ndarray  # uint8 [PANEL_SIDE, PANEL_SIDE, 3]
    bar: np.ndarray | None  # uint8 [steps, 3]
    ends: tuple[str, str] = ("", "")  # words at the ends of the bar
    failed: bool = False  # whether the method failed a check


def write_picture_sheet(path: Path, sheet: Sheet) -> None:
    """Write a sheet as PNG, whole or not at all."""
    _write(path, draw_sheet(sheet), [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION])


def draw_sheet(sheet: Sheet) -> np.ndarray:
    """Return a sheet as uint8 [height, width, 3]."""
    rows = lay_out(sheet)
    columns = max(2, max(map(len, rows)))
    width = columns * (PANEL_SIDE + GAP) + GAP
    head = _head_lines(sheet, width - 2 * GAP)
    foot = wrap(_FOOT, width - 2 * GAP, font(12))
    top = GAP + LINE * len(head) + GAP // 2
    row_height = _TITLE + PANEL_SIDE + _BAR + GAP
    canvas = Image.new("RGB", (width, top + row_height * len(rows) + LINE * len(foot) + GAP), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    for number, (words, ink, bold) in enumerate(head):
        pen.text((GAP, GAP + LINE * number), words, ink, font(14, bold))
    for row, panels in enumerate(rows):
        for column, panel in enumerate(panels):
            _draw_panel(canvas, pen, panel, GAP + column * (PANEL_SIDE + GAP), top + row * row_height)
    for number, words in enumerate(foot):
        pen.text((GAP, top + row_height * len(rows) + LINE * number), words, FAINT, font(12))
    return np.asarray(canvas)


_FOOT = (
    "Research use only, not a medical device",
    f"colours are full from percentile {overlay.FULL:g} of the map's strength on",
    "opacity shows the strength",
)


def lay_out(sheet: Sheet) -> list[list[Panel]]:
    """Return rows of panels: the X-ray and the unsigned methods first, then a row of views per signed method."""
    plain = np.repeat(overlay.enlarge(sheet.picture, PANEL_SIDE)[..., None], 3, axis=2)
    if sheet.lungs is not None:
        overlay.outline(plain, sheet.lungs)
    words = "as the model sees it" + ("" if sheet.lungs is None else "; lungs outlined")
    first = [Panel("X-ray", words, plain, None)]
    first += [_panel(sheet, drawn) for drawn in sheet.maps if not drawn.signed]
    rows = [first[start : start + PANELS_PER_ROW] for start in range(0, len(first), PANELS_PER_ROW)]
    return rows + [signed_panels(sheet, drawn) for drawn in sheet.maps if drawn.signed]


def signed_panels(sheet: Sheet, drawn: Drawn) -> list[Panel]:
    """Return the four views of a signed map, all on one scale, as in Novokshanov, "Pneumonia X-Ray Classification".

    A guided gradient below 0 shows where a *darker* pixel would raise the logit.
    """
    full, values = overlay.full_strength(drawn.values), drawn.values
    shown = {
        "signed": (values, True),
        "positive": (np.maximum(values, 0), True),
        "negative": (np.minimum(values, 0), True),
        "absolute": (np.abs(values), False),
    }
    return [
        _panel(sheet, drawn._replace(title=f"{drawn.title}: {name}", values=values, signed=signed), full)
        for name, (values, signed) in shown.items()
    ]


def thumbnail(sheet: Sheet, side: int) -> np.ndarray:
    """Return the first method's map over the X-ray, uint8 [side, side, 3]; the X-ray alone if there is none."""
    if not sheet.maps:
        return np.repeat(overlay.enlarge(sheet.picture, side)[..., None], 3, axis=2)
    drawn = sheet.maps[0]
    return overlay.paint(sheet.picture, drawn.values, side, signed=drawn.signed).pixels


def write_thumbnail(path: Path, sheet: Sheet, side: int) -> None:
    """Write the thumbnail of a sheet as JPEG, whole or not at all."""
    _write(path, thumbnail(sheet, side), [cv2.IMWRITE_JPEG_QUALITY, 88])


def _write(path: Path, pixels: np.ndarray, options: Sequence[int]) -> None:
    done, data = cv2.imencode(path.suffix, pixels[..., ::-1], options)
    if not done:
        raise ValueError(f"OpenCV cannot encode {path}")
    with written_whole(path) as partial:
        partial.write_bytes(data.tobytes())


def _panel(sheet: Sheet, drawn: Drawn, full: float | None = None) -> Panel:
    painted = overlay.paint(sheet.picture, drawn.values, PANEL_SIDE, signed=drawn.signed, full=full)
    if sheet.lungs is not None:
        overlay.outline(painted.pixels, sheet.lungs)
    full = f"{painted.full:.2g}"
    ends = (f"\N{MINUS SIGN}{full} counts against", f"supports +{full}") if drawn.signed else ("0", full)
    detail = f"{drawn.detail} · {drawn.checked.words}" if drawn.detail else drawn.checked.words
    return Panel(drawn.title, detail, painted.pixels, _bar(drawn.signed), ends, drawn.checked.failed)


def _bar(signed: bool) -> np.ndarray:
    """Return the colours from the weakest to the strongest, over the grey of an X-ray: uint8 [256, 3]."""
    grey = np.float32(128)
    mixed = grey + (overlay.colours(signed) - grey) * overlay.opacities(signed)[:, None]
    return mixed.astype(np.uint8)


def _head_lines(sheet: Sheet, width: int) -> list[tuple[str, tuple[int, int, int], bool]]:
    """Return (words, ink, bold) of each line above the panels."""
    lines = [(text, INK, True) for text in wrap([sheet.name], width, font(14, True))]
    marks: Mapping[bool | None, str] = {True: "✓ right", False: "✗ wrong", None: "true class unknown"}
    lines += [(text, INK, False) for text in wrap([marks[sheet.verdict], *sheet.facts], width, font(14))]
    return lines + [(text, WARNING, True) for text in wrap(sheet.notes, width, font(14, True))]


def _draw_panel(canvas: Image.Image, pen: ImageDraw.ImageDraw, panel: Panel, left: int, top: int) -> None:
    title = f"✗ {panel.title}" if panel.failed else panel.title
    ink, faint = (WARNING, WARNING) if panel.failed else (INK, FAINT)
    pen.text((left, top), wrap([title], PANEL_SIDE, font(14, True))[0], ink, font(14, True))
    pen.text((left, top + LINE), wrap([panel.detail], PANEL_SIDE, font(12))[0], faint, font(12))
    canvas.paste(Image.fromarray(panel.pixels), (left, top + _TITLE))
    if panel.bar is not None:
        below = top + _TITLE + PANEL_SIDE + 5
        wide = cv2.resize(panel.bar[None], (PANEL_SIDE, 8), interpolation=cv2.INTER_LINEAR)
        canvas.paste(Image.fromarray(wide), (left, below))
        pen.text((left, below + 11), panel.ends[0], FAINT, font(12))
        right = left + PANEL_SIDE - font(12).getlength(panel.ends[1])
        pen.text((right, below + 11), panel.ends[1], FAINT, font(12))


@lru_cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib, at `size` pixels."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


def fit_text(text: str, width: float, letters: ImageFont.FreeTypeFont) -> str:
    """Return the text, without some letters in its middle if it is wider than `width` pixels."""
    if letters.getlength(text) <= width:
        return text
    few, many = 0, len(text)  # letters kept: `few` fit
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if letters.getlength(_keep(text, middle)) <= width else (few, middle)
    return _keep(text, few)


def wrap(pieces: Sequence[str], width: float, letters: ImageFont.FreeTypeFont) -> list[str]:
    """Return lines of at most `width` pixels, broken between pieces; a piece that is too long is shortened."""
    lines: list[str] = []
    for piece in pieces:
        longer = f"{lines[-1]} · {piece}" if lines else piece
        if lines and letters.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fit_text(piece, width, letters))
    return lines


def _keep(text: str, count: int) -> str:
    """Return `count` letters of a text, more from its end than from its start: ids differ at the end."""
    start = count * 2 // 5
    return f"{text[:start]}{DOTS}{text[len(text) - (count - start) :]}"
