"""Two groups of images: one population is not told apart, two are, and patients stay together."""

import numpy as np

from pxr_tf.evaluation.populations import tell_apart


def draw(shift, seed=0, patients=60, each=2):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(patients), each)
    second = (np.arange(patients) % 3 == 0)[person]
    values = rng.normal(size=(patients, 6))[person] + rng.normal(0, 0.1, (len(person), 6)) + shift * second[:, None]
    return values, second, person


def test_one_population_is_not_told_apart_although_patients_have_several_images():
    """A patient's images are nearly equal: with some of them in training, the others would be recognised."""
    assert tell_apart(*draw(0.0)).low < 0.6


def test_two_populations_are_told_apart():
    found = tell_apart(*draw(3.0))
    assert 0.75 < found.low < found.value
    assert found.p < 1e-4


def test_few_patients_of_a_group_say_nothing():
    values, second, person = draw(1.5, patients=27)
    assert np.isnan(tell_apart(values, second, person)).all()
