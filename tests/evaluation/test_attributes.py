"""Utility and detectability of attributes, and classes that share no source."""

import numpy as np
import pytest

from pxr_tf.evaluation.attributes import (
    common_values,
    link_classes,
    measure_detectability,
    measure_utility,
    shared_information,
)
from pxr_tf.evaluation.probes import Fold

COUNT = 240


@pytest.fixture
def folds():
    half = np.arange(COUNT) < COUNT / 2
    return [Fold(np.flatnonzero(half), np.flatnonzero(~half)), Fold(np.flatnonzero(~half), np.flatnonzero(half))]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_shared_information_is_1_for_the_same_and_0_for_unrelated():
    truth = np.arange(COUNT) % 2
    assert shared_information(truth, truth) == pytest.approx(1)
    assert shared_information(truth, np.arange(COUNT) // 2 % 2) == pytest.approx(0, abs=1e-9)
    assert shared_information(truth, truth + 2 * (np.arange(COUNT) % 3)) == pytest.approx(1)
    assert shared_information(np.zeros(COUNT), truth) == 0


def test_utility_is_what_the_attribute_alone_says(folds, rng):
    truth, patients = rng.integers(0, 2, COUNT), np.arange(COUNT)
    useless = measure_utility(rng.integers(0, 3, COUNT), truth, patients, folds)
    assert useless.low < 0.55
    useful = measure_utility(truth + 2 * rng.integers(0, 2, COUNT), truth, patients, folds)
    assert useful.value == 1


def test_an_attribute_that_only_goes_with_the_class_is_not_detected_within_it(folds, rng):
    truth, patients, every = rng.integers(0, 2, COUNT), np.arange(COUNT), np.ones(COUNT, bool)
    values = np.where(rng.random(COUNT) < 0.85, truth, 1 - truth)
    shows_class = np.column_stack([truth + rng.normal(0, 0.2, COUNT), rng.normal(size=COUNT)])
    assert measure_detectability(shows_class, values, patients, folds, every).value > 0.75
    assert measure_detectability(shows_class, values, patients, folds, truth == 0).low < 0.6
    shows_both = np.column_stack([shows_class, values + rng.normal(0, 0.2, COUNT)])
    assert measure_detectability(shows_both, values, patients, folds, truth == 0).low > 0.8


def test_a_single_common_value_cannot_be_detected(folds, rng):
    values = np.zeros(COUNT, int)
    values[:9] = 1  # nine patients
    found = measure_detectability(rng.normal(size=(COUNT, 2)), values, np.arange(COUNT), folds, np.ones(COUNT, bool))
    assert np.isnan(found).all()
    assert list(common_values(values, np.arange(COUNT))) == [0]
    assert list(common_values(np.arange(COUNT) % 2, np.arange(COUNT) // 60)) == []  # four patients


def test_an_attribute_that_no_test_row_of_a_class_has_is_unknown_there(rng):
    half, truth = np.arange(COUNT) < COUNT / 2, (np.arange(COUNT) >= COUNT / 2).astype(int)
    split = [Fold(np.flatnonzero(half), np.flatnonzero(~half))]  # all training rows are of the first class
    values, patients = rng.integers(0, 2, COUNT), np.arange(COUNT)
    assert np.isnan(measure_detectability(rng.normal(size=(COUNT, 2)), values, patients, split, truth == 0)).all()
    assert np.isnan(measure_utility(values, truth, patients, [])).all()


def test_classes_are_linked_through_sources():
    classes = np.repeat(["a", "b", "c", "d"], 60)
    sources = np.where(np.isin(classes, ["a", "b"]), "one", "two")
    patients = np.arange(COUNT).astype(str)
    assert link_classes(classes, sources, patients) == [("a", "b"), ("c", "d")]
    sources[classes == "d"] = "three"
    assert link_classes(classes, sources, patients) == [("a", "b"), ("c",), ("d",)]
    sources[np.flatnonzero(classes == "d")[:9]] = "one"  # nine patients link nothing
    assert link_classes(classes, sources, patients)[2] == ("d",)
    sources[np.flatnonzero(classes == "d")[:10]] = "one"
    assert link_classes(classes, sources, patients) == [("a", "b", "d"), ("c",)]
