"""The sheet of one picture: the X-ray, each method's map over it, a colour bar, and what the model said.

Drawn with NumPy, OpenCV and Pillow: a matplotlib figure takes a second, a sheet 20 ms.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw

from pxr_tf.explain.maps import views
from pxr_tf.files import written_whole
from pxr_tf.galleries import overlay
from pxr_tf.galleries.lettering import font, wrap

PANEL_SIDE, GAP, PANELS_PER_ROW = 288, 14, 4  # pixels of a panel and around it; panels in a row
_TITLE, _BAR = 38, 36  # pixels above a panel and below it
LINE = 19  # pixels from line to line
COMPRESSION = 1  # of the PNG: 3 takes half as long again for 9 % less
INK, FAINT, BACKGROUND = (20, 20, 20), (95, 95, 95), (255, 255, 255)
WARNING = (166, 64, 0)  # vermilion, darker: 5.5 : 1 on white
NOT_CHECKED = "not checked"


class Checked(NamedTuple):
    """What the checks of a method found."""

    words: str
    failed: bool = False


class Drawn(NamedTuple):
    """A method's map of the picture, and how it is called on the sheet."""

    title: str
    detail: str  # the layer, or ""
    values: np.ndarray  # float32 [any height, any width]
    signed: bool
    checked: Checked = Checked(NOT_CHECKED)


class Sheet(NamedTuple):
    """Everything that a sheet shows."""

    name: str  # image id
    facts: Sequence[str]  # what the model said, and which model
    notes: Sequence[str]  # what makes it doubtful
    verdict: bool | None  # whether the prediction is right; None where the truth is unknown
    picture: np.ndarray  # uint8 [size, size]
    lungs: np.ndarray | None  # bool [any, any]
    maps: Sequence[Drawn]


class Panel(NamedTuple):
    """One picture of the sheet with its words."""

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
    f"a colour is full from percentile {overlay.FULL:g} of its map's strength on",
    "its opacity is the strength",
)


def lay_out(sheet: Sheet) -> list[list[Panel]]:
    """Return rows of panels: the X-ray and the methods without a sign first, then a row of views per signed method."""
    plain = np.repeat(overlay.enlarge(sheet.picture, PANEL_SIDE)[..., None], 3, axis=2)
    if sheet.lungs is not None:
        overlay.outline(plain, sheet.lungs)
    words = "as the model is given it" + ("" if sheet.lungs is None else "; lungs outlined")
    first = [Panel("X-ray", words, plain, None)]
    first += [_panel(sheet, drawn) for drawn in sheet.maps if not drawn.signed]
    rows = [first[start : start + PANELS_PER_ROW] for start in range(0, len(first), PANELS_PER_ROW)]
    return rows + [signed_panels(sheet, drawn) for drawn in sheet.maps if drawn.signed]


def signed_panels(sheet: Sheet, drawn: Drawn) -> list[Panel]:
    """Return the four views of a signed map, all on one scale."""
    full, found = overlay.full_strength(drawn.values), views(drawn.values)
    shown = {
        "signed": (found.signed, True),
        "positive": (found.positive, True),
        "negative": (-found.negative, True),  # in its own colour
        "absolute": (found.absolute, False),
    }
    return [
        _panel(sheet, drawn._replace(title=f"{drawn.title}: {name}", values=values, signed=signed), full)
        for name, (values, signed) in shown.items()
    ]


def thumbnail(sheet: Sheet, side: int) -> np.ndarray:
    """Return the first method's map over the X-ray, uint8 [side, side, 3]; the X-ray alone where there is none."""
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
    ends = (f"\N{MINUS SIGN}{full} speaks against", f"supports +{full}") if drawn.signed else ("0", full)
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
    marks: Mapping[bool | None, str] = {True: "✓ right", False: "✗ wrong", None: "truth unknown"}
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
