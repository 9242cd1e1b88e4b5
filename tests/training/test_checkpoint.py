"""The checkpoint: it returns what was saved, and None if it is damaged."""

import numpy as np
import pytest

from pxr_tf.training.checkpoint import load_checkpoint, save_checkpoint

STATE = {"phase": 1, "done": 3, "best_loss": 0.25, "history": [{"phase": "head", "loss": 1.5}], "chosen": {"head": 2}}
ARRAYS = {
    "model": [np.arange(6, dtype=np.float32).reshape(2, 3), np.array([7], np.uint32)],
    "optimizer": [np.array(number, np.int64) for number in range(12)],  # more than ten: 10 must not sort before 2
    "best": [],
}


def test_state_and_arrays_come_back_in_their_order(tmp_path):
    save_checkpoint(tmp_path / "c.npz", STATE, ARRAYS)
    state, arrays = load_checkpoint(tmp_path / "c.npz")
    assert state == STATE
    assert arrays.keys() == {"model", "optimizer"}
    for name, group in arrays.items():
        for ours, theirs in zip(group, ARRAYS[name], strict=True):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)


def test_a_missing_checkpoint_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "c.npz") is None


@pytest.mark.parametrize("length", [0, 1, 30, -1, -40])
def test_a_damaged_checkpoint_is_none(tmp_path, length):
    save_checkpoint(tmp_path / "c.npz", STATE, ARRAYS)
    (tmp_path / "c.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:length])
    assert load_checkpoint(tmp_path / "c.npz") is None


def test_an_unfinished_checkpoint_does_not_replace_the_earlier_one(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "c.npz", STATE, ARRAYS)

    def stop_half_way(file, **arrays):
        file.write(b"PK")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", stop_half_way)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path / "c.npz", {}, {})
    assert load_checkpoint(tmp_path / "c.npz")[0] == STATE
