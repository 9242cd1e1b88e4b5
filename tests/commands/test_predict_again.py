"""``pxr predict`` is stopped and continues: nothing is predicted twice, and nothing is stored under a wrong name."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_says
from predicted import SHARES, model_shares
from tiny import RUN_DEPTH

from pxr_tf import arrays
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


@pytest.fixture
def predicted(monkeypatch) -> list[str]:
    """What was predicted: ``<array of the model>/<content>``."""
    done: list[str] = []
    append = arrays.Writer.append

    def record(self, keys, rows, faults=None):
        append(self, keys, rows, faults)
        if self._dtype == np.float32:
            done.extend(f"{self._folder.name}/{key}" for key in keys)

    monkeypatch.setattr(arrays.Writer, "append", record)
    return done


def test_a_model_is_not_asked_about_pictures_that_others_answer_for(predict, own_copy, data, others, predicted):
    found = predict(own_copy, data, *others)
    assert set(found.models) == {1, 2}
    assert len(predicted) == len(set(predicted)) == found.models.sum()
    contents = [name.partition("/")[2] for name in predicted]
    own = set(open_run(own_copy).manifest.content)
    assert [contents.count(content) for content in own] == [1] * len(own)
    alone = predict(own_copy, data, "--fold", "0")
    assert set(alone.models) == {1} and len(predicted) == len(set(predicted))


def test_a_command_stopped_in_the_middle_continues_and_predicts_nothing_twice(
    pxr, own_copy, data, others, predicted, monkeypatch
):
    stopping, add = True, predict_task._add

    def stop(*args):
        if stopping and len(predicted) >= 20:
            raise KeyboardInterrupt
        add(*args)

    runs = own_copy.parents[RUN_DEPTH - 1]
    undisturbed = shutil.copytree(runs, "undisturbed") / own_copy.relative_to(runs)
    assert pxr("predict", undisturbed, data, *others, "--out", "whole.csv")[0] == 0
    predicted.clear()
    monkeypatch.setattr(predict_task, "_block_of", lambda size: 4)
    monkeypatch.setattr(prediction, "SHARD", 7)
    monkeypatch.setattr(predict_task, "_add", stop)
    assert pxr("predict", own_copy, data, *others, "--out", "out.csv")[0] == 130
    assert 20 <= len(predicted) < 28 and not Path("out.csv").exists()
    stopping = False
    for out in ("out.csv", "again.csv"):
        assert pxr("predict", own_copy, data, *others, "--out", out)[0] == 0
        assert len(predicted) == len(set(predicted)) == pd.read_csv(out).models.sum()
        assert Path(out).read_bytes() == Path("whole.csv").read_bytes()


def test_folds_with_one_model_are_predicted_once(predict, own_copy, others):
    """Two writers of one array waited for each other forever."""
    shutil.copy(own_copy / "fold-0" / "model.keras", own_copy / "fold-1" / "model.keras")
    found = predict(own_copy, *others)
    np.testing.assert_allclose(found[SHARES], model_shares(own_copy, others)[:, 0], atol=1e-6)
    assert set(found.agreement) == {1} and set(found.models) == {2}


def test_a_file_that_changes_meanwhile_is_not_stored_under_its_old_content(pxr, own_copy, others, monkeypatch):
    picture = Path(shutil.copy(others[0], "changing.jpeg"))
    run_tasks = prediction.run_or_raise

    def change_first(*args):
        shutil.copy(others[1], picture)
        return run_tasks(*args)

    monkeypatch.setattr(prediction, "run_or_raise", change_first)
    code, _, said = pxr("predict", own_copy, picture, "--out", "out.csv")
    assert (code, said.count("\n")) == (2, 1)
    assert_says(said, "changing.jpeg", any_of("changed"), any_of("again"))
    monkeypatch.undo()
