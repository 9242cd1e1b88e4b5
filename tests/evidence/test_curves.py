"""Curves for figures: thinned, and the same precision as scikit-learn's."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve
from written_runs import write_validated

from pxr_tf.evaluation.roc import against_rest
from pxr_tf.evidence.curves import RATES, STEP, held_out_curves, thin
from pxr_tf.runs.finished import open_run


def test_the_curve_has_the_precision_of_each_threshold(tmp_path):
    run = open_run(write_validated(tmp_path / "run", folds=2))
    curves = held_out_curves(run, "all")
    rows = run.predictions[(run.predictions.role == "test") & (run.predictions.fold == "0")]
    one = against_rest(rows, "pneumonia")
    precision, recall, thresholds = precision_recall_curve(one.actual, one.scores)
    by_threshold = {value: pair for value, *pair in zip(thresholds, precision, recall, strict=False)}
    own = curves[(curves.fold == "0") & np.isfinite(curves.threshold)]
    assert len(own) > 5
    expected = [by_threshold[value] for value in own.threshold]
    np.testing.assert_allclose(own[["precision", "sensitivity"]].astype(float), expected)
    assert set(curves.fold) == {"0", "1"}
    np.testing.assert_allclose(own.share.astype(float), one.actual.mean())


def test_a_thinned_curve_keeps_its_ends_and_every_visible_step():
    steps = np.linspace(0, 1, 5001)
    curve = pd.DataFrame(dict.fromkeys(RATES, steps))
    kept = thin(curve)
    assert kept.index[0] == 0 and kept.index[-1] == 5000
    assert len(kept) < 310
    assert np.diff(kept.sensitivity).max() < 1.1 * STEP + 1 / 5000
    jump = pd.DataFrame({name: [0.0, 0.0, 0.5, 0.5, 1.0] for name in RATES})
    assert thin(jump).sensitivity.tolist() == [0.0, 0.5, 1.0]
