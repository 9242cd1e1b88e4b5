"""Which class is explained."""

from pathlib import Path

import numpy as np
import pytest

from pxr_tf.galleries.maps_task import choose_targets
from pxr_tf.galleries.request import ExplainedPicture

CLASSES = ("normal", "viral", "bacterial")
ROWS = [
    ExplainedPicture("a", "", label="viral", predicted="bacterial", key="", file=Path("a")),
    ExplainedPicture("b", "", label="normal", predicted="", key="", file=Path("b")),
]
PROBABILITIES = np.array([[0.4, 0.3, 0.3], [0.1, 0.6, 0.3]])


@pytest.mark.parametrize(("asked", "targets"), [("predicted", [2, 1]), ("true", [1, 0]), ("normal", [0, 0])])
def test_the_predicted_class_is_from_the_run_or_for_external_pictures_from_the_network(asked, targets):
    assert choose_targets(ROWS, PROBABILITIES, CLASSES, asked).tolist() == targets
