"""Augment pictures as a pure function of (seed, image id, copy, epoch): same bytes in any order, on any thread.

An augmentation is a `Movement`, or the name of a preset. Both use albumentations. `Compose.set_random_seed` is called
before every picture with a hash of those four values, so nothing depends on earlier draws.
"""

import hashlib
import os
import threading
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from pxr_tf.errors import PxrError, nearest
from pxr_tf.vocabulary.augmentation import Augments, Movement

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations asks a server for updates when it is imported


# The paper: rotation up to 15 degrees, zoom 0.8 to 1.2, shift up to a tenth of either side, mirrored left to right.
# It augments COVID-19 alone, so black corners would give that class away: the border is stretched (our choice).
_PAPER = Movement(rotate=15, zoom=(0.8, 1.2), shift=0.1, mirror=True, border="stretch")
_MOVEMENTS: Mapping[str, Movement | None] = MappingProxyType(
    {"none": None, "bozickovic2021": _PAPER, "practical": _PAPER.model_copy(update={"border": "black"})}
)
PRESETS = tuple(_MOVEMENTS)
_composed = threading.local()


def find_movement(name: str) -> Movement | None:
    """Return the movement of a preset, None for ``none``; raise `PxrError` for an unknown preset."""
    if name not in _MOVEMENTS:
        raise PxrError(
            f"Unknown augmentation preset {name!r}. Known: {', '.join(PRESETS)}; or a mapping of "
            f"{', '.join(Movement.model_fields)}.{nearest(name, PRESETS)}"
        )
    return _MOVEMENTS[name]


def augment_image(
    image: np.ndarray, how: Augments, *, seed: int, image_id: str, copy: int, epoch: int = 0
) -> np.ndarray:
    """Return an augmented uint8 picture of the same shape [height, width]; the preset ``none`` changes nothing."""
    movement = find_movement(how) if isinstance(how, str) else how
    if movement is None:
        return image
    transform = _transform(movement)
    drawn = hashlib.blake2b(f"{seed}\x1f{image_id}\x1f{copy}\x1f{epoch}".encode(), digest_size=4)
    transform.set_random_seed(int.from_bytes(drawn.digest()))
    return transform(image=image)["image"]


def _transform(movement: Movement):
    """Return this thread's own copy: albumentations' random state is not shared between threads."""
    if not hasattr(_composed, "transforms"):
        _composed.transforms = {}
    if movement not in _composed.transforms:
        _composed.transforms[movement] = _compose(movement)
    return _composed.transforms[movement]


def _compose(movement: Movement):
    import albumentations as A
    import cv2

    affine = A.Affine(
        rotate=(-movement.rotate, movement.rotate),
        scale=movement.zoom,
        translate_percent=(-movement.shift, movement.shift),
        interpolation=cv2.INTER_LINEAR,
        border_mode={"stretch": cv2.BORDER_REPLICATE, "black": cv2.BORDER_CONSTANT}[movement.border],
        fill=0,
        p=1.0,
    )
    gamma = (100 * (1 - movement.exposure), 100 * (1 + movement.exposure))
    tones = {  # each only if it changes something: a step that does nothing would change what later steps draw
        A.RandomGamma(gamma_limit=gamma, p=1.0): movement.exposure,
        A.GaussianBlur(blur_limit=0, sigma_limit=(0, movement.blur), p=1.0): movement.blur,
        A.GaussNoise(std_range=(0, movement.noise / 255), p=1.0): movement.noise,
    }
    used = [step for step, amount in tones.items() if amount]
    return A.Compose([affine, A.HorizontalFlip(p=0.5 if movement.mirror else 0.0), *used])
