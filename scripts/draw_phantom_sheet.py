"""Draw the README's phantoms.png and lungs.png: ``python scripts/draw_phantom_sheet.py docs``.

Captions are large, so that they can be read on a phone, which shows a picture at 370 pixels.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import Image, ImageDraw

from pxr_tf.galleries.sheet import font
from pxr_tf.lungs.atlas import builtin_atlas
from pxr_tf.lungs.find import find_lungs
from pxr_tf.phantoms.sets import draw_phantom

CLASSES = ("normal", "bacterial", "viral", "covid19")
SIZE, GAP, CAPTION = 240, 8, 46
LETTERS, LONG = 32, 26  # pixels, of short and long captions
RED = (255, 40, 40)
SICK = {5: "viral", 3: "bacterial", 8: "covid19"}  # patient -> class, for the lungs; the atlas has other seeds


def draw_strip(pictures: Sequence[np.ndarray], captions: Sequence[str], letters: int) -> Image.Image:
    """Return pictures, uint8 [SIZE, SIZE] or [SIZE, SIZE, 3], side by side with a caption below each."""
    strip = Image.new("RGB", (len(pictures) * (SIZE + GAP) - GAP, SIZE + CAPTION), "white")
    pen = ImageDraw.Draw(strip)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = number * (SIZE + GAP)
        strip.paste(Image.fromarray(picture), (left, 0))
        pen.text((left + 2, SIZE + 4), caption, (20, 20, 20), font(letters))
    return strip


def draw_classes(patient_seed: int = 11) -> Image.Image:
    """Return the same patient with each class's lungs."""
    pictures = [draw_phantom(patient_seed, 0, label, SIZE).image for label in CLASSES]
    return draw_strip(pictures, CLASSES, LETTERS).convert("L")


def draw_lungs(cache: Path) -> Image.Image:
    """Return three patients with the lungs that the built-in atlas finds, and their confidence."""
    atlas = builtin_atlas(cache)
    pictures = [draw_phantom(seed, 0, label, SIZE).image for seed, label in SICK.items()]
    found = [find_lungs(picture, atlas) for picture in pictures]
    outlined = []
    for picture, lungs in zip(pictures, found, strict=True):
        lines, _ = cv2.findContours(lungs.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outlined.append(cv2.drawContours(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB), lines, -1, RED, 2))
    return draw_strip(outlined, [f"confidence {lungs.confidence:.2f}" for lungs in found], LONG).quantize(128)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    draw_classes().save(folder / "phantoms.png", optimize=True)
    with TemporaryDirectory() as cache:
        draw_lungs(Path(cache)).save(folder / "lungs.png", optimize=True)
