"""Degradations: nothing at strength 0, more at each strength, the same every time."""

import numpy as np
import pytest

from pxr_tf.audit.degrade import DEGRADATIONS
from pxr_tf.phantoms.sets import draw_phantom

PICTURE = draw_phantom(3, 0, "viral", 224).image


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degradation_grows_with_its_strength_from_nothing(name):
    how = DEGRADATIONS[name]
    assert np.array_equal(how.degrade(PICTURE, 0, 7), PICTURE)
    moved = [abs(how.degrade(PICTURE, strength, 7).astype(int) - PICTURE).mean() for strength in how.strengths]
    assert len(moved) == 5 and min(moved) > 0 and moved[-1] > 2 * moved[0]
    assert how.mild in how.strengths[:2]


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degradation_is_decided_by_its_seed(name):
    degrade, strength = DEGRADATIONS[name].degrade, DEGRADATIONS[name].strengths[-1]
    first = degrade(PICTURE, strength, 7)
    assert first.dtype == np.uint8 and first.shape == PICTURE.shape
    assert np.array_equal(degrade(PICTURE, strength, 7), first)
    assert np.array_equal(degrade(PICTURE, strength, 8), first) == (name in ("blur", "crop"))


def test_half_of_the_seeds_darken_and_half_brighten():
    means = [DEGRADATIONS["exposure"].degrade(PICTURE, 0.5, seed).mean() for seed in (1, 2)]
    assert means[0] < PICTURE.mean() < means[1]
