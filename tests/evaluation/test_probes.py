"""Probes learn on a fold's training rows, and are judged on its test rows alone."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pxr_tf.evaluation.probes import Fold, linear_probe, probe_folds, tree_probe

COUNT = 120


@pytest.fixture
def truth():
    return np.arange(COUNT) % 3


@pytest.fixture
def folds():
    half = np.arange(COUNT) < COUNT / 2
    return [Fold(np.flatnonzero(half), np.flatnonzero(~half)), Fold(np.flatnonzero(~half), np.flatnonzero(half))]


@pytest.mark.parametrize("make_probe", [linear_probe, tree_probe])
def test_a_probe_finds_what_is_there_and_nothing_else(truth, folds, make_probe):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(COUNT, 4))
    found = probe_folds(np.column_stack([noise, truth + rng.normal(0, 0.1, COUNT)]), truth, 3, folds, make_probe)
    np.testing.assert_allclose(found.sum(1), 1)
    assert roc_auc_score(truth == 2, found[:, 2]) > 0.95
    nothing = probe_folds(noise, truth, 3, folds, make_probe)
    assert abs(roc_auc_score(truth == 2, nothing[:, 2]) - 0.5) < 0.2


def test_test_rows_are_not_learned_from(truth, folds):
    values = np.random.default_rng(0).normal(size=(COUNT, 5))
    other = truth.copy()
    other[folds[0].test] = 0
    first = [probe_folds(values, labels, 3, folds[:1])[folds[0].test] for labels in (truth, other)]
    np.testing.assert_array_equal(*first)


def test_rows_that_no_fold_tests_are_unknown(truth, folds):
    found = probe_folds(np.random.default_rng(0).normal(size=(COUNT, 5)), truth, 3, folds[:1])
    assert np.isnan(found[folds[0].train]).all()
    assert not np.isnan(found[folds[0].test]).any()


def test_a_class_without_training_rows_is_never_said(truth, folds):
    few = [Fold(folds[0].train[truth[folds[0].train] != 1], folds[0].test)]
    found = probe_folds(np.random.default_rng(0).normal(size=(COUNT, 5)), truth, 3, few)[few[0].test]
    assert (found[:, 1] == 0).all()
    one = [Fold(folds[0].train[truth[folds[0].train] == 1], folds[0].test)]
    found = probe_folds(np.zeros((COUNT, 5)), truth, 3, one)[one[0].test]
    assert (found == [0, 1, 0]).all()
