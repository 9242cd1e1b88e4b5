"""``pxr_tf.predict``: the same as ``pxr predict``, as a data frame, in a process without TensorFlow."""

import subprocess
import sys

import pandas as pd
import pytest
from messages import any_of, refused
from tiny import write_tiny_phantoms

import pxr_tf
from pxr_tf.executors.inline import Inline
from pxr_tf.inference.predict import PredictRequest, predict_pictures
from pxr_tf.inference.predictions_file import write_predictions
from pxr_tf.runs.finished import open_run


@pytest.fixture
def inline(monkeypatch):
    monkeypatch.setattr("pxr_tf.executors.choose.LocalProcess", Inline)


def test_a_frame_has_what_the_file_has(own_copy, inline, tmp_path):
    folder, _ = write_tiny_phantoms(tmp_path / "others", seed=5)
    found = pxr_tf.predict(own_copy, folder)
    run = open_run(own_copy)
    write_predictions(predict_pictures(PredictRequest(run, (str(folder),)), Inline()), run, tmp_path / "file.csv")
    pd.testing.assert_frame_equal(
        found, pd.read_csv(tmp_path / "file.csv", keep_default_na=False), check_dtype=False, rtol=1e-6
    )


def test_one_picture_or_several_of_an_opened_run_by_one_fold(own_copy, inline):
    run = pxr_tf.open_run(own_copy)
    first, second = run.manifest.image_id[:2]
    assert list(pxr_tf.predict(run, first).image_id) == [first]
    both = pxr_tf.predict(run, [second, first], fold="1")
    assert list(both.image_id) == [second, first] and set(both.models) == {1}


def test_a_word_that_names_nothing_is_refused(own_copy):
    with refused("PICTURE", "'nowhere'", any_of("accepted")):
        pxr_tf.predict(own_copy, "nowhere")


def test_calling_it_loads_no_tensorflow():
    code = "import sys, pxr_tf; pxr_tf.predict; sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
