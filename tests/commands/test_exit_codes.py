"""A command exits with 2 if its input is wrong, and with 1 if its work failed: a run, or a process that died."""

import sys

import pytest
from lung_pictures import write_chests
from messages import assert_says, assert_tells

from pxr_tf.errors import PxrError
from pxr_tf.executors import inline
from pxr_tf.executors.local import LocalProcess


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


@pytest.fixture
def dying(pxr, tmp_path, monkeypatch):
    """Every process that a command starts dies at once."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr("pxr_tf.executors.choose.LocalProcess", LocalProcess)


@pytest.mark.parametrize("command", ["features", "explain", "feature-maps"])
def test_a_process_that_dies_exits_with_1(pxr, dying, own_copy, command):
    code, _, wrong = pxr(command, own_copy)
    assert code == 1
    assert_says(wrong, "failed", "exit code 3")


def test_a_training_of_lungs_that_dies_exits_with_1(pxr, dying, tmp_path):
    write_chests(tmp_path / "pairs", range(6))
    code, _, wrong = pxr("lungs", "train", tmp_path / "pairs")
    assert code == 1
    assert_says(wrong, "failed", "exit code 3")


@pytest.mark.parametrize("words", [("feature-maps", "--layer", "nowhere"), ("explain", "--layer", "nowhere")])
def test_wrong_input_that_only_a_task_can_notice_exits_with_2(pxr, own_copy, words):
    code, _, wrong = pxr(words[0], own_copy, *words[1:])
    assert code == 2
    assert_says(wrong, "nowhere")
