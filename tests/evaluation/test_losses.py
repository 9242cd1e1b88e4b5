"""Losses of sensitivity as pictures get worse."""

import numpy as np

from pxr_tf.evaluation.losses import measure_losses

TRUTH = np.repeat([0, 1], 20)


def figures(*levels, truth=TRUTH, patients=None, classes=2):
    patients = np.arange(len(truth)) if patients is None else patients
    found = measure_losses(truth, np.array(levels), patients, classes)
    return {(one.level, one.figure, one.of, one.to): one for one in found}


def test_each_level_has_its_sensitivities_and_what_is_lost():
    worse = np.concatenate([np.repeat([0, 1], [15, 5]), np.ones(20, int)])
    found = figures(TRUTH, worse)
    assert found[0, "balanced_accuracy", None, None].value == 1
    assert found[1, "called", 0, 0].value == 0.75 and found[1, "called", 0, 1].value == 0.25
    assert found[1, "gained", 0, 1].value == 0.25 and found[1, "gained", 1, 1].value == 0
    assert found[1, "balanced_accuracy", None, None].value == 0.875
    lost = found[1, "lost", None, None]
    assert lost.value == 0.125 and lost.ends.low < 0.125 < lost.ends.high
    assert found[0, "lost", None, None].value == 0


def test_a_class_without_pictures_has_no_share_and_does_not_count():
    found = figures(TRUTH, TRUTH, classes=3)
    assert np.isnan(found[0, "called", 2, 2].value)
    assert found[1, "balanced_accuracy", None, None].value == 1
