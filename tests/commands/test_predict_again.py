"""``pxr predict`` is stopped and continues: nothing is predicted twice, and nothing is stored under a wrong name."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from messages import any_of, assert_says
from predicted import SHARES, model_shares
from tiny import RUN_DEPTH

from pxr_tf.inference import predict as prediction
from pxr_tf.inference import predict_task
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.finished import open_run


def test_models_see_the_pictures_that_they_were_trained_on_to_the_byte(pxr, own_copy, data, monkeypatch):
    seen: dict[str, np.ndarray] = {}
    decode = predict_task._decode_blocks

    def watch(*args):
        for names, pixels in decode(*args):
            seen.update(zip(names, pixels, strict=True))
            yield names, pixels

    monkeypatch.setattr(predict_task, "_decode_blocks", watch)
    assert pxr("predict", own_copy, data)[0] == 0
    run = open_run(own_copy)
    stored = load_pictures(run.cache, run.preparation)
    assert set(seen) >= set(run.manifest.content)
    for content in run.manifest.content:
        assert seen[content].tobytes() == stored.pixels[stored.rows[content]].tobytes()


def test_a_command_stopped_in_the_middle_continues_and_predicts_nothing_twice(pxr, own_copy, data, monkeypatch):
    predicted: list[str] = []
    add, append = predict_task._add, predict_task.arrays.Writer.append
    stop_at = 3

    def count(self, keys, rows, faults=None):
        append(self, keys, rows, faults)
        if self._dtype == np.float32:
            predicted.extend(f"{self._folder.name}/{key}" for key in keys)

    def stop(*args):
        if stop_at and len(predicted) >= 20:
            raise KeyboardInterrupt
        add(*args)

    undisturbed = shutil.copytree(own_copy.parents[RUN_DEPTH - 1], "undisturbed") / own_copy.relative_to(
        own_copy.parents[RUN_DEPTH - 1]
    )
    assert pxr("predict", undisturbed, data, "--out", "whole.csv")[0] == 0
    monkeypatch.setattr(predict_task, "_block_of", lambda size: 4)
    monkeypatch.setattr(prediction, "SHARD", 7)
    monkeypatch.setattr(predict_task.arrays.Writer, "append", count)
    monkeypatch.setattr(predict_task, "_add", stop)
    assert pxr("predict", own_copy, data, "--out", "out.csv")[0] == 130
    assert 20 <= len(predicted) < 28 and not Path("out.csv").exists()
    stop_at = 0
    assert pxr("predict", own_copy, data, "--out", "out.csv")[0] == 0
    assert len(predicted) == len(set(predicted)) == 2 * pd.read_csv("out.csv").shape[0]
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert pxr("predict", own_copy, data, "--out", "again.csv")[0] == 0
    assert len(predicted) == len(set(predicted)) and Path("again.csv").read_bytes() == Path("out.csv").read_bytes()


def test_folds_with_one_model_are_predicted_once(predict, own_copy, others):
    """Two writers of one array waited for each other forever."""
    shutil.copy(own_copy / "fold-0" / "model.keras", own_copy / "fold-1" / "model.keras")
    found = predict(own_copy, *others)
    np.testing.assert_allclose(found[SHARES], model_shares(own_copy, others)[:, 0], atol=1e-6)
    assert set(found.agreement) == {1} and set(found.models) == {2}


def test_a_file_that_changes_meanwhile_is_not_stored_under_its_old_content(pxr, own_copy, others, monkeypatch):
    picture = Path(shutil.copy(others[0], "changing.jpeg"))
    compute = prediction._compute

    def change_first(*args):
        shutil.copy(others[1], picture)
        return compute(*args)

    monkeypatch.setattr(prediction, "_compute", change_first)
    code, _, said = pxr("predict", own_copy, picture, "--out", "out.csv")
    assert (code, said.count("\n")) == (2, 1)
    assert_says(said, "changing.jpeg", any_of("changed"), any_of("again"))
    monkeypatch.undo()
