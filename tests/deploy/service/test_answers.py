"""The public form of an answer."""

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

import numpy as np

from pxr_tf.deploy.service.answers import result_of
from pxr_tf.inference.uploads import Answer


def test_numbers_have_the_digits_that_float32_has():
    share = float(np.float32(95.1))
    values = {name: {} for name in ("probabilities", "as_given", "sets")}
    known = {"predicted": "normal", "agreement": 1.0, "models": 1, "known": "", "caution": "", "asked": (0,)}
    answer = Answer(**values, **known, unlike=share)
    assert share != 95.1 and result_of("x", answer, "").unlike == 95.1
