"""Draw one phantom of each class side by side: ``python scripts/draw_phantom_sheet.py docs/phantoms.png``."""

import sys

import cv2
import numpy as np

from pxr_tf.phantoms.sets import draw_phantom

CLASSES = ("normal", "bacterial", "viral", "covid19")
SIZE, GAP, CAPTION = 240, 8, 26


def draw_sheet(patient_seed: int = 11) -> np.ndarray:
    """Return uint8 [height, width]: the same patient with each class's lungs, a caption below each."""
    columns = []
    for label in CLASSES:
        caption = np.full((CAPTION, SIZE), 255, np.uint8)
        cv2.putText(caption, label, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1, cv2.LINE_AA)
        columns += [np.vstack([draw_phantom(patient_seed, 0, label, SIZE).image, caption])]
        columns += [np.full((SIZE + CAPTION, GAP), 255, np.uint8)]
    return np.hstack(columns[:-1])


if __name__ == "__main__":
    cv2.imwrite(sys.argv[1], draw_sheet())
