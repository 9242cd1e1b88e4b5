"""Distort one pair of a picture and its lungs for training: moved, bent, foggy, dark, inverted."""

import cv2
import numpy as np

from pxr_tf.lungs.network import NETWORK_SIDE, prepare_square

_TURN, _SHIFT, _ZOOM = 15.0, 0.12, (0.7, 1.25)  # degrees; share of the side; factors, drawn separately across and down
BEND = 4.0  # pixels, largest standard deviation; over a grid of BENDS x BENDS points
BENDS = 6
GAMMA = 0.7  # largest natural logarithm of the exponent
FOG, CONSOLIDATION = 0.3, 0.6  # largest share of the way to white that clouds add: anywhere, and within the lungs
SOFT = 4.0  # pixels, standard deviation: a consolidation must not show the outline of its lung
CLOUDS = (3, 12)  # grid points per side on which a cloud is drawn: from a lobe to a spot
_DIM, _NOISE = 0.4, 5.0  # the lowest factor of grey levels; the largest standard deviation of noise, in grey levels
INVERTED = 0.3  # share of the pictures
# Share of the pictures turned on a side or upside down. They get no lungs, so that the network learns to reject them.
NOT_UPRIGHT = 0.05


def distort(picture: np.ndarray, lungs: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a uint8 pair distorted: (uint8 picture, float32 share of lung); all are [NETWORK_SIDE, NETWORK_SIDE]."""
    places = _choose_places(rng)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_CONSTANT
    picture = cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=border)
    share = cv2.remap(lungs, places, None, cv2.INTER_LINEAR).astype(np.float32) / 255
    picture = _expose(picture, share, rng)
    if rng.random() < NOT_UPRIGHT:
        picture, share = np.rot90(picture, rng.integers(1, 4)), np.zeros_like(share)
    return prepare_square(np.ascontiguousarray(picture)), share


def _choose_places(rng: np.random.Generator) -> np.ndarray:
    """Return each pixel's origin, float32 [side, side, (column, row)]: an affine map, bent; half of them mirrored."""
    turn = np.deg2rad(rng.uniform(-_TURN, _TURN))
    zoom = rng.uniform(*_ZOOM, 2) * (rng.choice([-1, 1]), 1)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / zoom
    bent = rng.uniform(0, BEND) * _cloud(rng, BENDS, 2)
    middle = (NETWORK_SIDE - 1) / 2
    return ((_PLACES - middle) @ matrix.T + middle + rng.uniform(-_SHIFT, _SHIFT, 2) * NETWORK_SIDE + bent).astype("f4")


def _expose(picture: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture, uint8, with another exposure and noise; perhaps cloudy, less sharp or inverted."""
    values = (picture.astype(np.float32) / 255) ** float(np.exp(rng.uniform(-GAMMA, GAMMA)))
    if rng.random() < 0.5:
        values = _whiten(values, rng.uniform(0, FOG), rng)
    if rng.random() < 0.5:
        values = _whiten(values, rng.uniform(0, CONSOLIDATION) * cv2.GaussianBlur(share, (0, 0), SOFT), rng)
    if rng.random() < 0.25:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.5, 2))
    values = 255 * values * rng.uniform(_DIM, 1)
    values = values + rng.uniform(0, _NOISE) * rng.standard_normal(values.shape, np.float32)
    values = np.clip(values, 0, 255).astype(np.uint8)
    return 255 - values if rng.random() < INVERTED else values


def _whiten(values: np.ndarray, strength: float | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return grey values, 0 to 1, behind clouds of this strength."""
    cloud = np.maximum(_cloud(rng, rng.integers(*CLOUDS)), 0)
    return values + (1 - values) * np.minimum(strength * cloud, 1)


def _cloud(rng: np.random.Generator, points: int, channels: int = 1) -> np.ndarray:
    """Return smooth noise, standard deviation about 1: float32 [side, side] or [side, side, channels]."""
    coarse = rng.normal(size=(points, points, channels)).astype(np.float32)
    return cv2.resize(coarse, (NETWORK_SIDE, NETWORK_SIDE), interpolation=cv2.INTER_CUBIC)


_PLACES = np.dstack(np.meshgrid(*[np.arange(NETWORK_SIDE, dtype=np.float32)] * 2))
