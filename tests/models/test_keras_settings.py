"""Keras computes the same whatever a person's ``keras.json`` and environment variables say."""

import json
import os
import subprocess
import sys

import pytest
from messages import assert_says

SHOW = """
import json, sys
from pxr_tf.errors import PxrError
sys.argv[1:] and __import__("keras").config.set_floatx("float64")
try:
    from pxr_tf.models.keras_settings import fix_keras
    fix_keras()
except PxrError as error:
    sys.exit(str(error))
import keras, os
from keras import config
layer = keras.layers.Conv2D(1, 1)
print(json.dumps([config.backend(), config.floatx(), config.image_data_format(), config.epsilon(), config.max_epochs(),
                  layer.data_format, layer.compute_dtype, os.environ["KERAS_BACKEND"]]))
"""
FIXED = ["tensorflow", "float32", "channels_last", 1e-7, None, "channels_last", "float32", "tensorflow"]


def ask_keras(home, settings: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Return what a process with this ``keras.json`` ends with."""
    (home / "keras.json").write_text(settings)
    environment = os.environ | {"KERAS_HOME": str(home)} | variables
    command = [sys.executable, "-c", SHOW, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("settings", "words", "variables"),
    [
        (
            {"floatx": "float16", "epsilon": 0.1, "backend": "jax", "image_data_format": "channels_first"},
            [],
            {"KERAS_MAX_EPOCHS": "1", "KERAS_BACKEND": "torch"},
        ),
        ({"backend": "theano"}, ["keras is imported first"], {"KERAS_BACKEND": "tensorflow"}),
    ],
)
def test_settings_of_a_person_have_no_effect(tmp_path, settings, words, variables):
    ended = ask_keras(tmp_path, json.dumps(settings), *words, **variables)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == FIXED


def test_settings_that_keras_refuses_are_named(tmp_path):
    ended = ask_keras(tmp_path, '{"floatx": "bfloat16"}')
    assert ended.returncode == 1
    assert_says(ended.stderr, str(tmp_path / "keras.json"), "bfloat16", "delete")
    assert "Traceback" not in ended.stderr
