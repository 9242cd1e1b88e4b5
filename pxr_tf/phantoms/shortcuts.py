"""Shortcuts: giveaways outside the lungs that are planted in a class on purpose."""

from collections.abc import Mapping

import cv2
import numpy as np

from pxr_tf.errors import PxrError, nearest
from pxr_tf.phantoms.diseases import check_class

SHORTCUTS = ("border", "marker", "quality")
JPEG_QUALITY, POOR_QUALITY = 92, 25


def parse_shortcuts(text: str) -> dict[str, frozenset[str]]:
    """Return class -> names of shortcuts from ``covid19:marker,normal:border+quality``; empty text plants none.

    ``marker`` is a bright letter in a corner, ``quality`` poor JPEG quality, ``border`` a black frame. Raises
    `PxrError`.
    """
    shortcuts: dict[str, frozenset[str]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        label, colon, names = (piece.strip() for piece in part.partition(":"))
        if not colon or label in shortcuts:
            raise PxrError(
                f"Shortcut {part!r} {'names a class twice' if colon else 'has no colon'}. "
                "Write each class once, as in covid19:marker,normal:border+quality."
            )
        shortcuts[label] = frozenset(name.strip() for name in names.split("+"))
    check_shortcuts(shortcuts)
    return shortcuts


def check_shortcuts(shortcuts: Mapping[str, frozenset[str]]) -> None:
    """Raise `PxrError` for a class or a shortcut that does not exist."""
    for label, names in shortcuts.items():
        check_class(label)
        for name in sorted(names.difference(SHORTCUTS)):
            raise PxrError(
                f"Unknown shortcut {name!r} for class {label}. Known: {', '.join(SHORTCUTS)}.{nearest(name, SHORTCUTS)}"
            )


def add_border(image: np.ndarray) -> np.ndarray:
    """Return an image, uint8 [size, size], with a black frame of a twentieth of its size."""
    width = max(1, len(image) // 20)
    return cv2.copyMakeBorder(image[width:-width, width:-width], *[width] * 4, cv2.BORDER_CONSTANT, value=0)


def plant_marker(image: np.ndarray) -> np.ndarray:
    """Draw a bright letter into the top left corner of an image, uint8 [size, size], and return it."""
    size = len(image)
    corner = (round(0.07 * size), round(0.17 * size))
    return cv2.putText(image, "R", corner, cv2.FONT_HERSHEY_SIMPLEX, size / 250, 255, max(1, size // 80), cv2.LINE_AA)
