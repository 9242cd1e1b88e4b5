"""Pictures that show no frontal chest, drawn for a gate to refuse: uint8 [128, 128], each from a random generator."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

SIDE = 128  # pixels
_HALF = SIDE // 2


def draw_noise(draw: np.random.Generator) -> np.ndarray:
    """Return noise: of one size of grain, or of all sizes with an amplitude that falls with the frequency."""
    if draw.random() < 0.4:
        grains = SIDE // draw.choice([1, 1, 2, 4, 8, 16, 32])
        return _stretch(cv2.resize(draw.normal(size=(grains, grains)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    frequency[0, 0] = 1
    waves = np.fft.rfft2(draw.normal(size=(SIDE, SIDE))) / frequency ** draw.uniform(0.5, 2.2)
    return _stretch(np.fft.irfft2(waves, (SIDE, SIDE)))


def draw_gradient(draw: np.random.Generator) -> np.ndarray:
    """Return a ramp, a cone, stripes or rings."""
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    angle, centre = draw.uniform(0, 2 * np.pi), draw.uniform(-0.3, 0.3, 2)
    ramp, cone = np.cos(angle) * across + np.sin(angle) * down, np.hypot(down - centre[0], across - centre[1])
    waves = draw.uniform(3, 80)
    return _stretch((ramp, cone, np.sin(waves * ramp), np.sin(waves * cone))[draw.integers(4)] * draw.choice([-1, 1]))


def draw_text(draw: np.random.Generator) -> np.ndarray:
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


def draw_shapes(draw: np.random.Generator) -> np.ndarray:
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


def draw_photograph(draw: np.random.Generator) -> np.ndarray:
    """Return a window of one of scikit-learn's two photographs, turned, mirrored or inverted."""
    whole = _photographs()[draw.integers(2)]
    side = int(draw.integers(60, min(whole.shape)))
    top, left = draw.integers(whole.shape[0] - side + 1), draw.integers(whole.shape[1] - side + 1)
    window = cv2.resize(whole[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    window = np.rot90(window[:, :: draw.choice([-1, 1])], draw.integers(4))
    return np.ascontiguousarray(255 - window if draw.random() < 0.3 else window)


def draw_slice(draw: np.random.Generator) -> np.ndarray:
    """Return a slice as CT shows it: an ellipse on black, with a spine below, and dark lungs or other organs.

    In a lung window, all but the lungs is white, and their vessels show.
    """
    lung_window = draw.random() < 0.5
    sheet, middle = np.full((SIDE, SIDE), float(draw.choice([0, 0, 10, 60, 255]))), _HALF + draw.normal(size=2) * 4
    wide, tall, grey = draw.uniform(44, 66), draw.uniform(34, 62), 255 if lung_window else draw.uniform(110, 190)
    _ellipse(sheet, middle, (wide, tall), grey * draw.uniform(0.5, 0.9))
    _ellipse(sheet, middle, (wide - draw.uniform(3, 8), tall - draw.uniform(3, 8)), grey)
    organs = draw.integers(3, 14) if not lung_window and draw.random() < 0.4 else 0
    dark = draw.uniform(40, 140) if lung_window else draw.uniform(5, 50)
    for side in (-1, 1) if not organs else ():
        place = middle + np.array([side * wide * draw.uniform(0.42, 0.52), draw.normal() * 3])
        lung = wide * draw.uniform(0.28, 0.44), tall * draw.uniform(0.5, 0.9)
        _ellipse(sheet, place, lung, dark, draw.normal() * 12)
    for _ in range(organs or draw.integers(0, 60)):
        place, sizes = middle + draw.uniform(-0.7, 0.7, 2) * (wide, tall), (4, 22) if organs else (1, 5)
        _ellipse(sheet, place, draw.uniform(*sizes, 2), min(255, grey * draw.uniform(0.5, 1.3)))
    heart = (wide * draw.uniform(0.15, 0.3), tall * draw.uniform(0.3, 0.9)) if not organs else (0, 0)
    _ellipse(sheet, middle + np.array([draw.uniform(-2, 10), -tall * 0.15]), heart, grey, draw.uniform(0, 40))
    _ellipse(sheet, middle + np.array([0, tall * 0.6]), (draw.uniform(5, 10),) * 2, min(255, grey * 1.5))
    return _tissue(draw, sheet)


def draw_lateral(draw: np.random.Generator) -> np.ndarray:
    """Return a chest from the side, as X-rays show it: one dark field between spine and breastbone."""
    sheet, soft = np.zeros((SIDE, SIDE)), draw.uniform(60, 140)
    wide, lean = draw.uniform(38, 52), draw.normal() * 6
    _ellipse(sheet, np.array([_HALF + lean, 74]), (wide, 80), soft, draw.normal() * 6)
    _ellipse(
        sheet, np.array([_HALF + lean, 8]), (wide * 0.9, draw.uniform(10, 34)), soft * draw.uniform(1, 1.6)
    )  # arms
    field = np.array([_HALF + lean + draw.uniform(-4, 4), draw.uniform(56, 66)])
    _ellipse(
        sheet,
        field,
        (wide * draw.uniform(0.62, 0.82), draw.uniform(34, 46)),
        soft * draw.uniform(0.3, 0.7),
        draw.normal() * 10,
    )
    heart = field + np.array([wide * draw.uniform(0.2, 0.45), draw.uniform(8, 22)])
    _ellipse(sheet, heart, (wide * draw.uniform(0.25, 0.4), draw.uniform(14, 24)), soft * draw.uniform(0.9, 1.4), 60)
    for step in range(9):  # vertebrae
        place = np.array([_HALF + lean - wide * (0.7 + 0.12 * np.sin(step / 3)), 18 + 11 * step])
        _ellipse(sheet, place, (draw.uniform(6, 9), 4), soft * draw.uniform(1, 1.5))
    floor = np.array([_HALF + lean, draw.uniform(112, 124)])
    _ellipse(
        sheet, floor, (wide * 0.95, draw.uniform(18, 30)), min(255, soft * draw.uniform(1.4, 2.2)), draw.uniform(-5, 25)
    )
    picture = _tissue(draw, cv2.GaussianBlur(sheet, (0, 0), draw.uniform(2, 5)))
    return np.ascontiguousarray(picture[:, :: draw.choice([-1, 1])])


def draw_bones(draw: np.random.Generator) -> np.ndarray:
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
