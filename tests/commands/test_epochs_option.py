"""``--epochs``: exactly that many epochs, even if validation chooses the number in the recipe."""

import pytest

from pxr_tf.config import load_experiment
from pxr_tf.studies.experiments import fixed_epochs

RECIPE = "bozickovic2021"


@pytest.mark.parametrize("chosen", [{"patience": 2}, {"keep": "best"}])
def test_fixed_epoch_numbers_leave_validation_no_choice(chosen):
    values = {f"phases.0.{key}": value for key, value in {"patience": None, **chosen}.items()}
    experiment = load_experiment(RECIPE, values)
    assert experiment.phases[0].keeps_best
    fixed = load_experiment(RECIPE, values | fixed_epochs(experiment, "3")).phases[0]
    assert (fixed.max_epochs, fixed.keeps_best) == (3, False)
