"""Augmented pictures as pure functions of (seed, image id, copy, epoch): same bytes in any order, on any thread.

The presets use albumentations. Its `Compose.set_random_seed` is called before every picture with a hash of those
four values, so nothing depends on what was drawn before.
"""

import hashlib
import os
import threading

import numpy as np

from pxr_tf.errors import PxrError, nearest

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations asks a server for news when it is imported

PRESETS = ("none", "bozickovic2021", "practical")
_composed = threading.local()


def check_preset(name: str) -> str:
    """Return the name of a preset; raise `PxrError` for an unknown one."""
    if name not in PRESETS:
        raise PxrError(f"Unknown augmentation preset {name!r}. Known: {', '.join(PRESETS)}.{nearest(name, PRESETS)}")
    return name


def augment_image(image: np.ndarray, preset: str, *, seed: int, image_id: str, copy: int, epoch: int = 0) -> np.ndarray:
    """Return a changed uint8 picture of the same shape [height, width]; ``none`` returns the picture itself."""
    if check_preset(preset) == "none":
        return image
    transform = _transform(preset)
    transform.set_random_seed(_seed_of(seed, image_id, copy, epoch))
    return transform(image=image)["image"]


def _seed_of(seed: int, image_id: str, copy: int, epoch: int) -> int:
    text = f"{seed}\x1f{image_id}\x1f{copy}\x1f{epoch}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())


def _transform(preset: str):
    """Return this thread's own copy of a preset: albumentations' random state is not shared between threads."""
    if not hasattr(_composed, preset):
        setattr(_composed, preset, _compose(preset))
    return getattr(_composed, preset)


def _compose(preset: str):
    import albumentations as A
    import cv2

    # The paper: rotation up to 15 degrees, zoom 0.8 to 1.2, shift up to a tenth of either side, mirrored left to right.
    # It augments COVID-19 alone, so black corners would give that class away: there the border is stretched (ours).
    black, stretched = cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE
    movement = A.Affine(
        rotate=(-15, 15),
        scale=(0.8, 1.2),
        translate_percent=(-0.1, 0.1),
        interpolation=cv2.INTER_LINEAR,
        border_mode={"bozickovic2021": stretched, "practical": black}[preset],
        fill=0,
        p=1.0,
    )
    return A.Compose([movement, A.HorizontalFlip(p=0.5)])
