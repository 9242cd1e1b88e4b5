"""How unlike a picture is: percentiles among a run's own held-out pictures, each measured without its patient."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from messages import assert_says

from pxr_tf.errors import PxrError
from pxr_tf.inference.likeness import FAR, LIKENESS, find_likeness, fit_likeness, read_likeness, write_likeness

CHANNELS, PICTURES = 24, 400
MODELS = {"0": "a", "1": "b"}


def draw(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Return features whose directions differ in spread, shifted along a narrow one."""
    spread = np.linspace(3, 0.1, CHANNELS)
    drawn = np.random.default_rng(seed).normal(size=(count, CHANNELS)) * spread
    drawn[:, -1] += shift
    return drawn.astype(np.float32)


def rows_of(count: int, per_patient: int = 2) -> pd.DataFrame:
    numbers = np.arange(count)
    rows = {
        "fold": np.where(numbers < count // 2, "0", "1"),
        "patient_id": [f"p{one // per_patient}" for one in numbers],
    }
    return pd.DataFrame(rows).assign(role="test", source=np.where(numbers % 4, "x", "y"))


@pytest.fixture(scope="module")
def likeness():
    return fit_likeness(rows_of(PICTURES), draw(PICTURES, 0), MODELS)


def test_percentiles_of_new_pictures_of_the_same_kind_are_even(likeness):
    found = likeness.measure("0", draw(2000, 1))
    assert abs(found.mean() - 50) < 6 and (found >= FAR).mean() < 0.08
    assert sum(one["far"] for one in likeness.about["own"].values()) == pytest.approx(0.03 * PICTURES, abs=2)


def test_pictures_that_differ_where_the_runs_own_do_not_are_far(likeness):
    assert (likeness.measure("1", draw(200, 2, shift=4.0)) >= FAR).mean() > 0.95


def test_a_patients_pictures_do_not_make_each_other_usual():
    features, rows = draw(200, 3), rows_of(200, per_patient=10)
    features[:10] += 8  # one patient unlike all others, ten times
    found = fit_likeness(rows.assign(source=rows.patient_id), features, MODELS)
    assert found.about["own"]["p0"]["far"] == 3  # 3 % of 100 pictures in the fold, and all three are this patient's


def test_training_rows_do_not_count():
    rows = pd.concat([rows_of(80), rows_of(80).assign(role="train", source="trained")], ignore_index=True)
    found = fit_likeness(rows, draw(160, 4), MODELS)
    assert {name: one["pictures"] for name, one in found.about["own"].items()} == {"x": 60, "y": 20}


def test_a_fold_with_few_held_out_pictures_is_refused():
    with pytest.raises(PxrError) as error:
        fit_likeness(rows_of(20), draw(20, 5), MODELS)
    assert_says(str(error.value), "10 held-out pictures", "20")


def test_a_written_likeness_says_the_same_of_the_same_models_only(tmp_path, likeness):
    digests = {"0": "a", "1": "b", "holdout": "c"}
    run = SimpleNamespace(folder=tmp_path, packed=False, model_digest=digests.get)
    assert read_likeness(run) is None and not find_likeness(run, ["0"])
    write_likeness(tmp_path / LIKENESS, likeness)
    np.testing.assert_allclose(
        read_likeness(run).measure("1", draw(50, 6)), likeness.measure("1", draw(50, 6)), atol=0.1
    )
    assert find_likeness(run, ["0", "1"]) and not find_likeness(run, ["0", "holdout"])
    digests["1"] = "trained again"
    assert find_likeness(run, ["0"]) and not find_likeness(run, ["0", "1"])
    (tmp_path / LIKENESS).write_bytes((tmp_path / LIKENESS).read_bytes()[:-50])
    with pytest.raises(PxrError) as error:
        read_likeness(run)
    assert_says(str(error.value), LIKENESS, "pxr gate")
