"""Fingerprints: what a picture shows, in 32 x 32 numbers, to find one picture in two files.

The bytes of a file find exact copies only. Thumbnails also find copies that were re-encoded, resized or made brighter.
Two thumbnails show one picture if they correlate above 0.99 and if their difference, once their tones are matched, is
small everywhere. The second test is for one chest with and without a disease, or X-rayed twice: phantoms of these pairs
correlate up to 0.995, and differ by 0.28 or more somewhere. Copies differ by less than 0.2, whether resized to 128, 299
(by any method) or 1024 pixels, coded at JPEG quality 10, or stretched in contrast. Of copies that lost a pixel at each
edge, 3 % differ by more. In Kermany's and Cohen's sets, four pairs that neither bytes nor ids reveal pass the first
test, and all four pass the second. No two other pictures correlate above 0.978.
"""

from collections.abc import Mapping
from itertools import combinations_with_replacement
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.fft import dctn
from scipy.ndimage import uniform_filter

from pxr_tf.events import OnProgress, OnWait
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import open_pictures

_SIDE = 32  # pixels
THUMBNAIL = Preparation(_SIDE, "average")
CORRELATION = 0.99
DIFFERENCE = 0.25  # share of the picture's spread, averaged over 4 x 4 pixels; see above
FLAT = 0.1  # grey levels, standard deviation: rounding leaves less of a picture of one grey
BORDER = 8  # grey levels between the darkest and brightest of a row of averages: JPEG leaves less of one grey
_COARSE = 8  # frequencies per axis that sort out most pairs: one sixteenth of all numbers, nine tenths of the spread
ROUNDING = 1e-5  # of float32 sums
_TILE = 2048  # pictures per side of a block of products: 16 MB
_PAIRS = 1024  # pairs that are compared together: 40 MB


def load_thumbnails(
    cache: Path, table: pd.DataFrame, *, on_progress: OnProgress | None = None, on_wait: OnWait | None = None
) -> dict[str, np.ndarray]:
    """Return content -> uint8 [32, 32] of each file (``path, content``) that can be decoded; kept in `cache`."""
    pictures = open_pictures(cache, table, THUMBNAIL, on_progress=on_progress, on_wait=on_wait)
    return {content: pictures.pixels[pictures.rows[content]] for content in table.content if content in pictures.rows}


def twin_contents(
    thumbnails: Mapping[str, np.ndarray], on_progress: OnProgress = lambda done, total: None
) -> list[tuple[str, str]]:
    """Return (content, first content of its group) for all contents that show an earlier content's picture."""
    contents = list(thumbnails)
    groups = group_twins(np.stack(list(thumbnails.values())), on_progress=on_progress) if contents else ()
    return [(contents[place], contents[first]) for place, first in enumerate(groups) if place != first]


class KnownPictures(NamedTuple):
    """Thumbnails that others are compared with, and what is computed of them once."""

    names: list[str]  # their contents
    thumbnails: np.ndarray  # uint8 [pictures, 32, 32]
    codes: np.ndarray  # `_coarse_codes`

    @classmethod
    def of(cls, thumbnails: Mapping[str, np.ndarray]) -> "KnownPictures":
        """Return the pictures in a map from content to thumbnail."""
        stacked = np.stack(list(thumbnails.values())) if thumbnails else np.empty((0, _SIDE, _SIDE), np.uint8)
        return cls(list(thumbnails), stacked, _coarse_codes(stacked))


def find_copies(
    asked: Mapping[str, np.ndarray],
    known: Mapping[str, np.ndarray] | KnownPictures,
    on_progress: OnProgress = lambda done, total: None,
) -> dict[str, str]:
    """Return content -> content of a known picture that it shows; pictures that show none are left out.

    Both map contents to thumbnails. Pictures asked for are not compared with each other: a hundred thousand cost six
    thousand known ones a few seconds. `on_progress` gets (done, all) blocks of pictures asked for.
    """
    names, ours, codes = known if isinstance(known, KnownPictures) else KnownPictures.of(known)
    if not asked or not names:
        return {}
    contents, found = list(asked), {}
    starts = range(0, len(contents), _TILE)
    for number, start in enumerate(starts, start=1):
        block = np.stack([asked[content] for content in contents[start : start + _TILE]])
        theirs = _coarse_codes(block)
        for left in range(0, len(codes), _TILE):
            pairs = np.argwhere(theirs @ codes[left : left + _TILE].T > CORRELATION - ROUNDING) + np.array([0, left])
            for first in range(0, len(pairs), _PAIRS):
                for place, name in _confirm(block, pairs[first : first + _PAIRS], ours):
                    found.setdefault(contents[start + place], names[name])
        on_progress(number, len(starts))
    return found


def group_twins(
    thumbnails: np.ndarray, *, tile: int = _TILE, on_progress: OnProgress = lambda done, total: None
) -> np.ndarray:
    """Return int64 [pictures]: for each thumbnail, the place of the first in its group; a group shows one picture.

    `thumbnails` is uint8 [pictures, 32, 32]. Two are in a group if they show one picture, or if others that do link
    them. A picture of one grey is alone. All are compared, in blocks: 100,000 pictures take less than a minute on two
    cores, even if thousands are copies, because linked pairs are not compared again. `on_progress` gets (done, all)
    blocks after each but the first, which takes well under a second.
    """
    codes, groups = _coarse_codes(thumbnails), np.arange(len(thumbnails))
    starts = range(0, len(codes), tile)
    blocks = list(combinations_with_replacement(starts, 2))
    for number, (top, left) in enumerate(blocks):
        if number:
            on_progress(number, len(blocks))
        similar = codes[top : top + tile] @ codes[left : left + tile].T > CORRELATION - ROUNDING
        if similar.any():
            pairs = np.argwhere(similar) + np.array([top, left])
            _link(groups, thumbnails, pairs[pairs[:, 0] < pairs[:, 1]])
    return groups


def correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return float32 [pairs]: the correlation of thumbnails, uint8 [pairs, 32, 32] each, inside a border of both.

    It is 0 for a picture of one grey. A border is rows and columns of one grey at the edges, such as padding: two
    chests on the same large black square would correlate by the square alone.
    """
    inside = _inside(first, second)
    a, b = _standardise(first, inside), _standardise(second, inside)
    return (a * b).sum((1, 2)) / inside.sum((1, 2))


def tone_differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return float32 [pairs]: the largest difference of two thumbnails with matched tones, in units of their spread.

    The cubic polynomial of grey values that fits best matches the tones, in each direction. The difference is averaged
    over 4 x 4 pixels, and the largest average counts. `first` and `second` are uint8 [pairs, 32, 32]; a border of both
    is left out as in `correlations`.
    """
    inside = _inside(first, second)
    a, b = _standardise(first, inside), _standardise(second, inside)
    return np.maximum(_unexplained(a, b), _unexplained(b, a))


def _inside(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return bool [pairs, 32, 32]: the pixels inside a border of both; all pixels of a picture of one grey."""
    found = np.ones(first.shape, bool)
    for axis in (1, 2):
        spread = np.maximum(np.ptp(first, axis), np.ptp(second, axis)) > BORDER
        spread |= ~spread.any(1, keepdims=True)
        after_first = np.logical_or.accumulate(spread, 1)
        before_last = np.logical_or.accumulate(spread[:, ::-1], 1)[:, ::-1]
        found &= np.expand_dims(after_first & before_last, axis)
    return found


def _coarse_codes(thumbnails: np.ndarray) -> np.ndarray:
    """Return float32 [pictures, 65], whose products are never less than the correlations of the thumbnails.

    The low frequencies of two pictures give their share of the correlation. The others can add at most the product of
    their lengths (Cauchy and Schwarz); a length is the last number of each code.
    """
    codes = np.empty((len(thumbnails), _COARSE * _COARSE + 1), np.float32)
    for start in range(0, len(thumbnails), _TILE):
        part = _standardise(thumbnails[start : start + _TILE]) / _SIDE
        low = dctn(part, axes=(1, 2), norm="ortho")[:, :_COARSE, :_COARSE].reshape(len(part), -1)
        left = (part**2).sum((1, 2)) - (low**2).sum(1)
        codes[start : start + _TILE] = np.column_stack([low, np.sqrt(left.clip(0))])
    return codes


def _link(groups: np.ndarray, thumbnails: np.ndarray, pairs: np.ndarray) -> None:
    """Join the groups of all pairs that show one picture."""
    while len(pairs):
        for a, b in _confirm(thumbnails, pairs[:_PAIRS]):
            first, other = sorted((groups[a], groups[b]))
            groups[groups == other] = first
        pairs = pairs[_PAIRS:]
        pairs = pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]]


def _confirm(thumbnails: np.ndarray, pairs: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Return the pairs that show one picture: of two thumbnails, or of a thumbnail and one of the others."""
    others = thumbnails if others is None else others
    pairs = pairs[correlations(thumbnails[pairs[:, 0]], others[pairs[:, 1]]) > CORRELATION]
    return pairs[tone_differences(thumbnails[pairs[:, 0]], others[pairs[:, 1]]) < DIFFERENCE]


def _standardise(thumbnails: np.ndarray, inside: np.ndarray | bool = True) -> np.ndarray:
    """Return float32 of the same shape, each of mean 0 and spread 1 inside, and 0 outside or if all is one grey."""
    values = thumbnails.astype(np.float32)
    values -= values.mean((1, 2), keepdims=True, where=inside)
    spread = values.std((1, 2), keepdims=True, where=inside)
    return np.divide(values, spread, out=np.zeros_like(values), where=(spread > FLAT) & inside)


def _unexplained(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the largest distance of `b` from the best cubic polynomial of `a`, averaged over 4 x 4 pixels."""
    x, y = (values.reshape(len(values), _SIDE * _SIDE, 1) for values in (a, b))
    powers = np.concatenate([np.ones_like(x), x, x**2, x**3], axis=2)
    across = powers.transpose(0, 2, 1)
    left = y - powers @ (np.linalg.pinv(across @ powers, hermitian=True) @ (across @ y))  # least squares
    return np.abs(uniform_filter(left.reshape(b.shape), (1, 4, 4))).max((1, 2), initial=0)
