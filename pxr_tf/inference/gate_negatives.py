"""Pictures that a gate must refuse, made from frontal films or drawn, and frontal films a little changed.

All are uint8 [128, 128]. Each maker gets a random generator, and films to make a picture from.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import cv2
import numpy as np

from pxr_tf.phantoms.acquisition import Acquisition, acquire
from pxr_tf.pictures.augment import augment_image
from pxr_tf.vocabulary.augmentation import Movement

SIDE = 128  # pixels
_HALF = SIDE // 2
Films = Sequence[np.ndarray]
Make = Callable[[np.random.Generator, Films], np.ndarray]
# What differs between frontal films of one kind: how the patient stands, the exposure, the detector. Mirrored films
# count as frontal: nothing but the heart, and a letter that may be missing, tells left from right.
_MOVED = Movement(
    rotate=8, zoom=(0.88, 1.12), shift=0.05, mirror=True, border="stretch", exposure=0.35, blur=1.5, noise=8
)


def vary(draw: np.random.Generator, film: np.ndarray) -> np.ndarray:
    """Return a frontal film as another patient, detector or viewer might show it."""
    if draw.random() < 0.3:
        film = _frame(draw, film)
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
    top, bottom, left, right = draw.integers(0, SIDE // 7, 4)
    if draw.random() < 0.5:  # padded to a square
        top, bottom, left, right = draw.permutation([0, 0, left, left]) if draw.random() < 0.5 else (0, 0, left, left)
    framed = np.full((SIDE, SIDE), draw.choice([0, 0, 255]), np.uint8)
    inner = cv2.resize(film, (int(SIDE - left - right), int(SIDE - top - bottom)), interpolation=cv2.INTER_AREA)
    framed[top : SIDE - bottom, left : SIDE - right] = inner
    return framed


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
    """Return a window of a quarter to 0.55 of a film's side."""
    height = int(SIDE * draw.uniform(0.25, 0.55))
    width = int(np.clip(height * draw.uniform(0.7, 1.4), SIDE // 5, 0.6 * SIDE))
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


def _noise(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return noise: of one size of grain, or of all sizes with an amplitude that falls with the frequency."""
    if draw.random() < 0.4:
        grains = SIDE // draw.choice([1, 1, 2, 4, 8, 16, 32])
        return _stretch(cv2.resize(draw.normal(size=(grains, grains)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    frequency[0, 0] = 1
    waves = np.fft.rfft2(draw.normal(size=(SIDE, SIDE))) / frequency ** draw.uniform(0.5, 2.2)
    return _stretch(np.fft.irfft2(waves, (SIDE, SIDE)))


def _gradient(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return a ramp, a cone, stripes or rings."""
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    angle, centre = draw.uniform(0, 2 * np.pi), draw.uniform(-0.3, 0.3, 2)
    ramp, cone = np.cos(angle) * across + np.sin(angle) * down, np.hypot(down - centre[0], across - centre[1])
    waves = draw.uniform(3, 80)
    return _stretch((ramp, cone, np.sin(waves * ramp), np.sin(waves * cone))[draw.integers(4)] * draw.choice([-1, 1]))


def _text(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return a page of random letters."""
    side, lines = 3 * SIDE, int(draw.integers(1, 26))
    page = np.full((side, side), 255 if draw.random() < 0.6 else draw.integers(100, 255), np.uint8)
    for line in range(lines):
        letters = draw.integers(97, 123, draw.integers(3, 40))
        word = "".join(chr(letter) if draw.random() < 0.83 else " " for letter in letters)
        place = int(draw.integers(0, side // 5)), int((line + 0.8) * side / lines)
        size = draw.uniform(0.5, 1.6) if lines > 3 else draw.uniform(1, 5)
        cv2.putText(page, word, place, int(draw.integers(0, 7)), size, 0, int(draw.integers(1, 4)))
    page = cv2.resize(page, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return 255 - page if draw.random() < 0.3 else page


def _shapes(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return rectangles, ellipses, lines and triangles over each other, sharp or blurred."""
    sheet = np.full((SIDE, SIDE), draw.integers(256), np.uint8)
    for _ in range(draw.integers(1, 60)):
        grey, points = int(draw.integers(256)), draw.integers(-SIDE // 6, SIDE * 7 // 6, (3, 2)).astype(np.int32)
        first, second = points[0].tolist(), points[1].tolist()
        kind = draw.integers(4)
        if kind == 0:
            cv2.rectangle(sheet, first, second, grey, -1)
        elif kind == 1:
            cv2.ellipse(sheet, first, draw.integers(4, 50, 2).tolist(), draw.uniform(0, 180), 0, 360, grey, -1)
        elif kind == 2:
            cv2.line(sheet, first, second, grey, int(draw.integers(1, 16)))
        else:
            cv2.fillPoly(sheet, [points], grey)
    blur = float(draw.choice([0, 1, 2, 4]))
    return cv2.GaussianBlur(sheet, (0, 0), blur) if blur else sheet


@cache
def _photographs() -> list[np.ndarray]:
    from sklearn.datasets import load_sample_images

    return [cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY) for photograph in load_sample_images().images]


def _photograph(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return a window of one of scikit-learn's two photographs, turned, mirrored or inverted."""
    whole = _photographs()[draw.integers(2)]
    side = int(draw.integers(60, min(whole.shape)))
    top, left = draw.integers(whole.shape[0] - side + 1), draw.integers(whole.shape[1] - side + 1)
    window = cv2.resize(whole[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    window = np.rot90(window[:, :: draw.choice([-1, 1])], draw.integers(4))
    return np.ascontiguousarray(255 - window if draw.random() < 0.3 else window)


def _slice(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return a slice as CT shows it: a bright ellipse with dark lungs or with organs, and a spine below."""
    sheet, middle = np.full((SIDE, SIDE), float(draw.choice([0, 0, 0, 10, 60]))), _HALF + draw.normal(size=2) * 4
    wide, tall, grey = draw.uniform(44, 62), draw.uniform(32, 50), draw.uniform(110, 190)
    _ellipse(sheet, middle, (wide, tall), grey * draw.uniform(0.5, 0.9))
    _ellipse(sheet, middle, (wide - draw.uniform(3, 8), tall - draw.uniform(3, 8)), grey)
    organs = draw.integers(3, 14) if draw.random() < 0.33 else 0
    for side in (-1, 1) if not organs else ():
        place = middle + np.array([side * wide * draw.uniform(0.42, 0.52), draw.normal() * 3])
        lung = wide * draw.uniform(0.25, 0.4), tall * draw.uniform(0.45, 0.72)
        _ellipse(sheet, place, lung, draw.uniform(5, 50), draw.normal() * 12)
    for _ in range(organs or draw.integers(0, 40)):
        place = middle + draw.uniform(-0.7, 0.7, 2) * (wide, tall)
        _ellipse(
            sheet, place, draw.uniform(4, 22, 2) if organs else draw.uniform(1, 5, 2), grey * draw.uniform(0.5, 1.3)
        )
    heart = (wide * 0.25, tall * 0.35) if not organs else (0, 0)
    _ellipse(sheet, middle + np.array([draw.uniform(-2, 10), -tall * 0.15]), heart, grey * 1.05, draw.uniform(0, 40))
    _ellipse(sheet, middle + np.array([0, tall * 0.6]), (draw.uniform(5, 10),) * 2, grey * 1.5)
    return _tissue(draw, sheet)


def _bones(draw: np.random.Generator, films: Films) -> np.ndarray:
    """Return a limb, a hand or a skull, as X-rays of other parts of the body show them."""
    sheet, soft, bone = np.full((SIDE, SIDE), draw.uniform(0, 40)), draw.uniform(50, 110), draw.uniform(140, 240)
    draw_part = (_limb, _hand, _skull)[draw.integers(3)]
    draw_part(draw, sheet, soft, bone)
    picture = _tissue(draw, cv2.GaussianBlur(sheet, (0, 0), draw.uniform(0.6, 2)))
    return np.ascontiguousarray(np.rot90(picture, draw.integers(4) if draw.random() < 0.5 else 0))


def _limb(draw: np.random.Generator, sheet: np.ndarray, soft: float, bone: float) -> None:
    lean, number = draw.normal() * 15, draw.integers(1, 3)
    _line(sheet, (_HALF, -10), (_HALF + lean, SIDE + 10), soft, draw.integers(30, 80))
    for one in range(number):
        place = _HALF + (one - 0.5 * (number - 1)) * draw.uniform(14, 24)
        _line(sheet, (place, -10), (place + lean, SIDE + 10), bone, draw.integers(7, 18))
    _ellipse(sheet, np.array([_HALF + lean / 2, draw.uniform(30, 100)]), draw.uniform((14, 8), (28, 16)), bone)


def _hand(draw: np.random.Generator, sheet: np.ndarray, soft: float, bone: float) -> None:
    _ellipse(sheet, np.array([64, 90]), (26, 28), soft)
    for finger in range(-2, 3):
        angle, length = finger * 0.35 + draw.normal() * 0.05, draw.uniform(65, 85)
        tip = _HALF + np.sin(angle) * length, 90 - np.cos(angle) * length
        for grey, width in ((soft, 11), (bone, 4)):
            _line(sheet, (_HALF + 8 * finger, 85), tip, grey, width)
    _line(sheet, (58, 95), (56, 140), bone, 7)
    _line(sheet, (70, 95), (72, 140), bone, 6)


def _skull(draw: np.random.Generator, sheet: np.ndarray, soft: float, bone: float) -> None:
    middle = np.array([64, 58])
    _ellipse(sheet, middle, draw.uniform((36, 42), (52, 54)), bone)
    _ellipse(sheet, middle, draw.uniform((30, 34), (38, 42)), soft * 1.3)
    for side in (-16, 16):
        _ellipse(sheet, middle + np.array([side, 8]), (10, 8), soft * 0.6)
    cv2.rectangle(sheet, (44, 96), (84, 118), soft * 1.4, -1)


def _ellipse(sheet: np.ndarray, middle: np.ndarray, axes: Sequence[float], grey: float, angle: float = 0) -> None:
    cv2.ellipse(
        sheet, np.rint(middle).astype(int).tolist(), np.rint(axes).astype(int).tolist(), angle, 0, 360, grey, -1
    )


def _line(sheet: np.ndarray, start: Sequence[float], end: Sequence[float], grey: float, width: float) -> None:
    cv2.line(sheet, [round(value) for value in start], [round(value) for value in end], grey, int(width))


def _tissue(draw: np.random.Generator, sheet: np.ndarray) -> np.ndarray:
    """Return the sheet with coarse and fine noise."""
    coarse = cv2.resize(draw.normal(size=(SIDE // 4, SIDE // 4)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.clip(sheet + 6 * coarse + draw.normal(size=sheet.shape) * draw.uniform(0, 5), 0, 255).astype(np.uint8)


def _stretch(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return ((values - low) / (high - low) * 255).astype(np.uint8)


# Maker's name -> the kind that it shows (`gate.REASONS`), the maker, and how many pictures it makes, as a share.
MADE: dict[str, tuple[str, Make, float]] = {
    "inverted": ("inverted", _inverted, 1.0),
    "turned by a quarter": ("turned", _turned, 1.0),
    "upside down": ("upside down", _upside_down, 1.0),
    "a part": ("part", _part, 1.0),
    "several films": ("several", _several, 0.6),
    "noise": ("other", _noise, 0.6),
    "gradients": ("other", _gradient, 0.3),
    "text": ("other", _text, 0.3),
    "shapes": ("other", _shapes, 0.5),
    "photographs": ("other", _photograph, 0.4),
    "slices": ("other", _slice, 0.5),
    "other bones": ("other", _bones, 0.5),
}


def make_negatives(
    films: Films, number: int, seed: int, left_out: Sequence[str] = ()
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (maker, kind, picture): `number` of a maker whose share is 1, and none of the makers `left_out`."""
    for place, (name, (kind, make, share)) in enumerate(MADE.items()):
        draw = np.random.default_rng([seed, place])
        for _ in range(round(number * share) if name not in left_out else 0):
            yield name, kind, make(draw, films)
