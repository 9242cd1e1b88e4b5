"""A command exits with 2 if its input is wrong, and with 1 if a run failed, also if it is the only one."""

import pytest
from messages import assert_tells

from pxr_tf.errors import PxrError
from pxr_tf.executors import inline


@pytest.mark.parametrize("words", [["--seeds", "0"], ["--seeds", "0,1"]])
def test_a_run_whose_training_fails_exits_with_1(pxr, recipe, data, monkeypatch, words):
    perform = inline.perform

    def fail(task, emit):
        if task.kind == "fit":
            raise PxrError("The memory is used up.")
        perform(task, emit)

    monkeypatch.setattr(inline, "perform", fail)
    code, said, wrong = pxr("cv", "--config", recipe, "--data", data, *words)
    assert code == 1
    assert_tells(said + wrong, "The memory is used up.")
    assert "Traceback" not in said + wrong


def test_wrong_input_exits_with_2(pxr, recipe):
    code, _, wrong = pxr("cv", "--config", recipe, "--data", "nowhere")
    assert code == 2
    assert_tells(wrong, "nowhere")
