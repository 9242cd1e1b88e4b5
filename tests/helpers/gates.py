"""A gate of phantoms, fitted in seconds: fewer examples than a real one has."""

from functools import cache

import numpy as np
import pytest

from pxr_tf.inference import gate_fit
from pxr_tf.inference.gate import Gate, Judge
from pxr_tf.inference.gate_features import NUMBERS
from pxr_tf.inference.gate_fit import FILM, Films, Given
from pxr_tf.phantoms.sets import draw_phantom

CLASSES = ("bacterial", "covid19", "normal", "viral")


def draw_films(first: int, count: int) -> np.ndarray:
    """Return phantoms of these patients, uint8 [count, side, side]."""
    numbers = range(first, first + count)
    return np.stack([draw_phantom(number, number, CLASSES[number % 4], FILM.size).image for number in numbers])


def ring(number: int) -> np.ndarray:
    """Return a bright ring of some size, uint8 [side, side]: what somebody gives to be refused."""
    down, across = np.mgrid[: FILM.size, : FILM.size] - FILM.size / 2
    return ((np.abs(np.hypot(down, across) - 20 - number % 30) < 8) * 200).astype(np.uint8)


def gate_that_refuses_all(accepted: int, films: int) -> Gate:
    """Return a gate without knowledge, which says that it accepts so many held-out films of a source."""
    sizes = {"hidden": (NUMBERS, 2), "hidden_bias": (2,), "output": (2, 2), "output_bias": (2,), "middle": (NUMBERS,)}
    sizes |= {"directions": (NUMBERS, 2), "spread": (2, 2), "weight": (1,)}
    judge = Judge(**{name: np.ones(size, np.float32) for name, size in sizes.items()})
    held_out = {"source": {"accepted": accepted, "films": films, "low": 0.0, "high": 1.0}}
    return Gate(("frontal", "other"), (judge,), 2.0, 0.0, {"held_out": held_out, "given": {}})


@cache
def phantom_gate() -> Gate:
    """Return a gate of 120 phantoms, which also refuses rings."""
    films = Films(draw_films(0, 120), np.repeat(["a", "b"], 60), np.array([f"p{number // 2}" for number in range(120)]))
    rings = Given(np.stack([ring(number) for number in range(12)]), np.repeat("rings", 12))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate_fit, "EXAMPLES", 450)
        patch.setattr(gate_fit, "GIVEN", 50)
        return gate_fit.fit_gate(films, rings)
