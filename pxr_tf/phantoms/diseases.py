"""What each class does to the lungs: functions that return the fluid that `anatomy.draw_chest` adds to a chest.

`site` is the patient's random generator; it fixes the disease's place. `day` is the image's; it fixes the severity.
"""

import cv2
import numpy as np

from pxr_tf.errors import PxrError, nearest
from pxr_tf.phantoms.anatomy import Disease, LungView, View, ramp


def _weave(rng: np.random.Generator, view: View, cell: float) -> np.ndarray:
    """Return smooth noise float32 [size, size] of about unit spread; `cell` is its grain in anatomy units."""
    count = int(2.6 / cell) + 4
    grid = rng.standard_normal((count, count)).astype(np.float32)
    across, down = (view.x + 1.3) / np.float32(cell) + 1, (view.y + 1.3) / np.float32(cell) + 1
    return 1.5 * cv2.remap(grid, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _consolidate(site: np.random.Generator, day: np.random.Generator, view: View, lungs: LungView) -> np.ndarray:
    """Return fluid in one lobe or segment, with air-filled bronchi in it: bacterial pneumonia."""
    side = site.choice([-1, 1])
    outward, downward = site.uniform(0.4, 0.8), site.uniform(0.2, 0.85)
    size = site.uniform(0.95, 1.5)
    edge = 0.35 * _weave(site, view, 0.16) + 0.12 * _weave(site, view, 0.06)
    distance = np.hypot((lungs.outward - outward) / 0.42, (lungs.downward - downward) / 0.24) / size
    # A fissure bounds the lobe on one side: the edge is sharp there.
    fissure = downward + site.choice([-1, 1]) * 0.16 * size
    beyond = (lungs.downward - fissure) * np.sign(fissure - downward)
    lobe = ramp(1.15 - distance + edge * 0.5, 0, 0.6) * ramp(beyond, 0.06, 0)
    bronchi = ramp(np.abs(_weave(site, view, 0.11)), 0.22, 0.05)
    fluid = day.uniform(0.55, 1.0) * lobe * (1 - 0.25 * bronchi)
    return fluid * (np.sign(view.x) == side)


def _haze(site: np.random.Generator, day: np.random.Generator, view: View, lungs: LungView) -> np.ndarray:
    """Return thickened interstitium all over both lungs, more a net than a cloud: viral pneumonia."""
    severity = day.uniform(0.6, 1.1)
    net = ramp(np.abs(_weave(site, view, 0.055)), 0.7, 0.0) + ramp(np.abs(_weave(site, view, 0.035)), 0.7, 0)
    cloud = 0.24 + 0.05 * _weave(site, view, 0.4)
    hilar = 1 + 0.5 * ramp(lungs.outward, 0.8, 0.3)
    return severity * hilar * (cloud + 0.16 * net)


def _patch(site: np.random.Generator, day: np.random.Generator, view: View, lungs: LungView) -> np.ndarray:
    """Return ground glass in patches at the edges of both lower lungs: COVID-19 pneumonia."""
    severity = day.uniform(0.45, 0.9)
    total = np.zeros_like(view.x)
    for side in (-1, 1):
        strength = site.uniform(0.7, 1.0)  # never quite the same on both sides
        for _ in range(site.integers(3, 6)):
            outward, downward = site.uniform(0.7, 1.0), site.uniform(0.5, 0.95)
            width, height = site.uniform(0.18, 0.34), site.uniform(0.08, 0.18)
            spot = np.exp(-(((lungs.outward - outward) / width) ** 2) - ((lungs.downward - downward) / height) ** 2)
            total = np.maximum(total, strength * spot * (np.sign(view.x) == side))
    return severity * np.clip(total * (1.15 + 0.25 * _weave(site, view, 0.09)), 0, 1)


DISEASES: dict[str, Disease | None] = {"bacterial": _consolidate, "covid19": _patch, "normal": None, "viral": _haze}
PHANTOM_CLASSES = tuple(DISEASES)


def check_class(label: str) -> None:
    """Raise `PxrError` if the label is not in `PHANTOM_CLASSES`."""
    if label not in PHANTOM_CLASSES:
        raise PxrError(
            f"Unknown class {label!r}. Phantoms exist for: {', '.join(PHANTOM_CLASSES)}."
            f"{nearest(label, PHANTOM_CLASSES)}"
        )
