"""Draw what the page shows of a picture: the X-ray, and layers over it with transparent pixels, as data URIs."""

import base64
from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf.explain.maps import at_picture_size, share_inside, share_of_area
from pxr_tf.galleries.overlay import enlarge, fade, outline
from pxr_tf.inference.uploads import Prepared
from pxr_tf.pictures.preparation import Preparation

LARGEST = 768  # pixels of the longer side of a shown picture
LAYER = 400  # pixels of a layer's sides, about as it is shown: a line has one pixel
_QUALITY = 88  # of the shown picture


class Drawn(NamedTuple):
    """A picture with its layers, which cover it exactly."""

    picture: str  # data URI, as are the layers
    width: int  # pixels
    height: int
    heat: str  # "" without a heat map
    lungs: str  # "" if no lungs were found with confidence
    inside: float | None  # share of the heat map within the lungs
    area: float | None  # share of the picture that the lungs cover


def draw(prepared: Prepared, preparation: Preparation, heat: np.ndarray | None) -> Drawn:
    """Return a picture as the models see it: the whole picture in its own aspect if nothing was cropped or added."""
    shown = prepared.picture
    if preparation.crop != "none" or preparation.resize == "pad":
        shown = enlarge(prepared.pixels, LAYER)
    scale = min(1, LARGEST / max(shown.shape))
    height, width = (max(1, round(side * scale)) for side in shown.shape)
    shown = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)
    mask = prepared.lungs if prepared.lungs.size else None
    inside = area = None
    if heat is not None and mask is not None:
        inside = float(share_inside(at_picture_size(heat[None], len(mask)), mask[None])[0])
        area = float(share_of_area(mask[None])[0])
    return Drawn(
        _uri("jpeg", cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()),
        *(width, height),
        "" if heat is None else _uri("png", to_png(fade(heat, LAYER, signed=False))),
        "" if mask is None else _uri("png", to_png(_outline(mask))),
        *(None if inside is None or np.isnan(inside) else inside, area),
    )


def to_png(pixels: np.ndarray) -> bytes:
    """Return RGBA pixels, uint8 [height, width, 4], as a PNG."""
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))[1].tobytes()


def _outline(mask: np.ndarray) -> np.ndarray:
    """Return the border of a mask on a transparent layer, uint8 [LAYER, LAYER, 4]."""
    line = np.zeros((LAYER, LAYER, 3), np.uint8)
    outline(line, mask)
    strength = line.max(2)
    colour = line[strength == strength.max()][0] if strength.any() else np.zeros(3, np.uint8)
    layer = np.empty((LAYER, LAYER, 4), np.uint8)
    layer[..., :3], layer[..., 3] = colour, np.minimum(255, strength.astype(int) * 255 // max(1, strength.max()))
    return layer


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
