"""Pictures that a gate must refuse, made from frontal films or drawn, and frontal films a little changed.

All are uint8 [128, 128].
"""

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from pxr_tf.inference import gate_drawings as drawings
from pxr_tf.inference.gate_drawings import SIDE
from pxr_tf.phantoms.acquisition import Acquisition, acquire
from pxr_tf.pictures.augment import augment_image
from pxr_tf.vocabulary.augmentation import Movement

Films = Sequence[np.ndarray]
FromFilms, Drawn = Callable[[np.random.Generator, Films], np.ndarray], Callable[[np.random.Generator], np.ndarray]
# What differs between frontal films of one kind: how the patient stands, the exposure, the detector. Mirrored films
# count as frontal: nothing but the heart, and a letter that may be missing, tells left from right.
_MOVED = Movement(
    rotate=9, zoom=(0.88, 1.14), shift=0.06, mirror=True, border="stretch", exposure=0.35, blur=1.5, noise=8
)


def vary(draw: np.random.Generator, film: np.ndarray) -> np.ndarray:
    """Return a frontal film as another patient, detector or viewer might show it."""
    if draw.random() < 0.3:
        film = _frame(draw, film)
    elif draw.random() < 0.3:
        film = _cut(draw, film)
    taken = Acquisition(
        contrast=draw.uniform(0.7, 1.4),
        resolution=draw.uniform(0.3, 1),
        border=draw.choice([0, draw.random()]),
        marker=draw.choice([0, draw.random()]),
    )
    moved = augment_image(film, _MOVED, seed=int(draw.integers(2**31)), image_id="", copy=1)
    return acquire(moved, taken)


def _frame(draw: np.random.Generator, film: np.ndarray) -> np.ndarray:
    """Return the film smaller, on black or white, as viewers and scanners leave it."""
    top, bottom, left, right = draw.integers(0, SIDE // 6, 4)
    if draw.random() < 0.5:  # padded to a square, as a film that is wide or tall
        edge = draw.integers(0, SIDE // 5)
        top, bottom, left, right = draw.choice([[edge, edge, 0, 0], [0, 0, edge, edge]])
    framed = np.full((SIDE, SIDE), draw.choice([0, 0, 0, 255]), np.uint8)
    inner = cv2.resize(film, (int(SIDE - left - right), int(SIDE - top - bottom)), interpolation=cv2.INTER_AREA)
    framed[top : SIDE - bottom, left : SIDE - right] = inner
    return framed


def _cut(draw: np.random.Generator, film: np.ndarray) -> np.ndarray:
    """Return the film without up to a sixth at each edge: arms, neck and abdomen, and some of a lung."""
    top, bottom, left, right = draw.integers(0, SIDE // 6, 4)
    inner = film[top : SIDE - bottom, left : SIDE - right]
    return cv2.resize(inner, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def one_of(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return one of the films, half of the time a little changed."""
    film = films[draw.integers(len(films))]
    return vary(draw, film) if draw.random() < 0.5 else film


def _inverted(draw: np.random.Generator, films: Films) -> np.ndarray:
    return 255 - one_of(draw, films)


def _turned(draw: np.random.Generator, films: Films) -> np.ndarray:
    film = np.rot90(one_of(draw, films), draw.choice([1, 3]))
    return np.ascontiguousarray(255 - film if draw.random() < 0.1 else film)


def _upside_down(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return a film turned by 180 degrees, or flipped: they differ in left and right alone."""
    film = one_of(draw, films)[::-1]
    film = film[:, ::-1] if draw.random() < 0.5 else film
    return np.ascontiguousarray(255 - film if draw.random() < 0.1 else film)


def _part(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return a window of at most half of a film's sides, or less than one half of the film: one lung, or no base."""
    height, width = (SIDE * draw.uniform(0.22, 0.5, 2)).astype(int)
    if draw.random() < 0.4:
        height, width = draw.permutation([int(SIDE * draw.uniform(0.3, 0.48)), int(SIDE * draw.uniform(0.75, 1))])
    top, left = draw.integers(SIDE - height + 1), draw.integers(SIDE - width + 1)
    window = films[draw.integers(len(films))][top : top + height, left : left + width]
    return cv2.resize(window, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def _several(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return two to six films side by side, in one row or two, with or without black above and below."""
    rows, columns = ((1, 2), (2, 1), (2, 2), (1, 3), (1, 4), (2, 3))[draw.integers(6)]
    tall = SIDE // rows if rows > 1 or draw.random() < 0.5 else SIDE // columns
    sheet = np.zeros((SIDE, SIDE), np.uint8)
    for row in range(rows):
        for column in range(columns):
            left, right = column * SIDE // columns, (column + 1) * SIDE // columns
            top = row * SIDE // rows + (SIDE // rows - tall) // 2
            film = films[draw.integers(len(films))]
            sheet[top : top + tall, left:right] = cv2.resize(film, (right - left, tall), interpolation=cv2.INTER_AREA)
    return sheet


# Name -> the kind that it shows (`gate.REASONS`), how it is made of films, and how many are made, as a share.
OF_FILMS: dict[str, tuple[str, FromFilms, float]] = {
    "inverted": ("inverted", _inverted, 1.0),
    "turned by a quarter": ("turned", _turned, 1.0),
    "upside down": ("upside down", _upside_down, 1.0),
    "a part": ("part", _part, 1.5),
    "several films": ("several", _several, 0.6),
}
# Name -> how it is drawn, and how many are, as a share; all are of the kind "other".
DRAWN: dict[str, tuple[Drawn, float]] = {
    "noise": (drawings.draw_noise, 0.6),
    "gradients": (drawings.draw_gradient, 0.3),
    "text": (drawings.draw_text, 0.3),
    "shapes": (drawings.draw_shapes, 0.5),
    "photographs": (drawings.draw_photograph, 0.4),
    "slices": (drawings.draw_slice, 0.6),
    "chests from the side": (drawings.draw_lateral, 0.5),
    "other bones": (drawings.draw_bones, 0.5),
}
MADE = (*OF_FILMS, *DRAWN)


def make_negatives(films: Films, number: int, seed: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (name, kind, picture): `number` pictures of each name whose share is 1."""
    for place, name in enumerate(MADE):
        draw = np.random.default_rng([seed, place])
        kind, make, share = OF_FILMS.get(name) or ("other", *DRAWN[name])
        for _ in range(round(number * share)):
            yield name, kind, make(draw, films) if name in OF_FILMS else make(draw)
