"""What ``pxr lungs`` shows: a sheet of outlined pictures, and a summary in words."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from pxr_tf import files
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.lungs.confidence import TRUSTED
from pxr_tf.lungs.contrast import shrink
from pxr_tf.pictures.decode import load_grey
from pxr_tf.segment.masks import GIVEN, mask_file

SHEET = "sheet.png"
TILES, TILES_PER_ROW = 50, 10  # half of the tiles show the least confidence, half the most
TILE_SIDE, CAPTION, HEADER = 200, 30, 70  # pixels
OUTLINE, UNTRUSTED = (255, 60, 60), (255, 200, 0)  # RGB of outlines: of trusted lungs, and of others
MEANING = (
    "Confidence, from 0 to 1: how well the signs of well-found lungs are met. It is not the chance that the outline is "
    "right. Look at each outline."
)
_LETTERS = 30  # characters of a name that fit under a tile


def write_lung_sheet(out: Path, table: pd.DataFrame, paths: Mapping[str, str]) -> Path | None:
    """Draw the least and most certain lungs of a table (`paths`: name -> picture); return the file, or None.

    If there is no picture to draw, an older sheet is removed.
    """
    chosen = choose_tiles(table)
    tiles = [_draw_tile(row, Path(paths[row.image]), mask_file(out, row.image)) for row in chosen.itertuples()]
    if not tiles:
        (out / SHEET).unlink(missing_ok=True)
        return None
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % TILES_PER_ROW)
    lines = [np.hstack(tiles[start : start + TILES_PER_ROW]) for start in range(0, len(tiles), TILES_PER_ROW)]
    title = name_sheet(int((table.fault == "").sum()))
    with files.written_whole(out / SHEET) as partial:
        Image.fromarray(np.vstack([_draw_header(title, lines[0].shape[1]), *lines])).save(partial, format="PNG")
    return out / SHEET


def choose_tiles(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows to draw, the least certain first: all of them, or the first and the last `TILES` / 2."""
    order = table[table.fault == ""].sort_values(["confidence", "image"], kind="stable")
    half = TILES // 2
    return order if len(order) <= TILES else pd.concat([order.head(half), order.tail(half)])


def name_sheet(pictures: int) -> str:
    """Return the title of a sheet of so many pictures."""
    half, what = TILES // 2, f"Lungs of {count_words(pictures, 'picture')}"
    if pictures <= TILES:
        return what + (", the least certain first" if pictures > 1 else "")
    return f"{what}: the {half} least certain first, then the {half} most certain"


def summarise_lungs(table: pd.DataFrame, bound: float) -> list[str]:
    """Return the summary of a table as sentences."""
    read = table[table.fault == ""]
    found = read[read.origin != GIVEN]
    said = [f"Lungs of {count_words(len(read), 'picture')}: {len(found)} found, {len(read) - len(found)} given."]
    if len(found):
        said.append(_count_untrusted(found, bound))
        inverted = int(found.inverted.astype(bool).sum())
        if inverted:
            said.append(f"Read as inverted (air is bright): {count_words(inverted, 'picture')}.")
    empty = table[(table.fault != "") & (table.origin == GIVEN)]
    if len(empty):
        said.append(f"{count_words(len(empty), 'given mask')} empty, so without lungs: {shorten(empty.image, 3)}.")
    unread = table[(table.fault != "") & (table.origin != GIVEN)]
    if len(unread):
        names = shorten((f"{row.image} ({row.fault})" for row in unread.itertuples()), 3)
        said.append(f"{count_words(len(unread), 'picture')} unreadable, so without a mask: {names}.")
    return said


def _count_untrusted(found: pd.DataFrame, bound: float) -> str:
    untrusted, median = int((~found.trusted.astype(bool)).sum()), f"median confidence {found.confidence.median():.2f}"
    if not untrusted:
        which = f"all {count_words(len(found), 'picture')}" if len(found) > 1 else "the picture"
        return f"Lungs found with confidence ({bound:g} or more) in {which}; {median}."
    return f"{untrusted:,} of {len(found):,} not trusted (confidence below {bound:g}); {median}."


def _draw_header(title: str, width: int) -> np.ndarray:
    """Return the title and the legend, uint8 [HEADER, width, 3]."""
    header = np.full((HEADER, width, 3), 255, np.uint8)
    _write(header, title, (3, 22), 0.7)
    left = 3
    for colour, words in (
        (OUTLINE, f"trusted lungs: confidence of {TRUSTED:g} or more"),
        (UNTRUSTED, "lungs that are not trusted; a crop shows the picture whole"),
    ):
        cv2.line(header, (left, 40), (left + 30, 40), colour, 2)
        _write(header, words, (left + 38, 44), 0.45)
        left += 480
    _write(header, MEANING, (3, 62), 0.45)
    return header


def _write(where: np.ndarray, text: str, place: tuple[int, int], size: float) -> None:
    cv2.putText(where, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)


def _draw_tile(row: tuple, picture: Path, mask: Path) -> np.ndarray:
    """Return uint8 [TILE_SIDE + CAPTION, TILE_SIDE, 3]: the picture, squashed to a square, with its lungs outlined."""
    try:
        small, lungs = shrink(load_grey(picture), TILE_SIDE), shrink(load_grey(mask), TILE_SIDE)
    except PxrError:  # the file disappeared after its lungs were found
        small, lungs = np.zeros((2, TILE_SIDE, TILE_SIDE), np.uint8)
    colour = OUTLINE if row.trusted else UNTRUSTED
    lines, _ = cv2.findContours((lungs > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    tile = cv2.drawContours(cv2.cvtColor(small, cv2.COLOR_GRAY2RGB), lines, -1, colour, 1)
    caption = np.full((CAPTION, TILE_SIDE, 3), 255, np.uint8)
    words = "given mask" if row.origin == GIVEN else f"confidence {row.confidence:.2f}"
    words += (", inverted" if row.inverted else "") + ("" if row.trusted else ", not trusted")
    for line, text in enumerate((words, Path(row.image).name[:_LETTERS].encode("ascii", "replace").decode())):
        _write(caption, text, (3, 12 + 14 * line), 0.36)
    return np.vstack([tile, caption])
