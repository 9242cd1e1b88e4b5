"""Keyed arrays: damage costs only its block, and readers see only whole rows."""

import errno
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import refused

from pxr_tf import files
from pxr_tf.arrays import JOURNAL_FILE, ROWS_FILE, load_array, missing_keys, open_writer

KEYS = [f"key {letter}" for letter in "abcdefghij"]
FAULTS = {"key x": "damaged: “ü”\nand more"}

WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from pxr_tf.arrays import open_writer
folder = Path(sys.argv[1])
with open_writer(folder, (2,), np.float32) as writer:
    (folder.parent / "started").touch()
    while not (folder.parent / "go").exists():
        time.sleep(0.01)
    writer.append(["theirs"], np.ones((1, 2), np.float32))
"""

TIRELESS_WRITER = """
import sys
from pathlib import Path
import numpy as np
from pxr_tf.arrays import open_writer
with open_writer(Path(sys.argv[1]), (1000,), np.int64) as writer:
    keys = writer.missing(map(str, range(100_000)))
    writer.reserve(5000)
    for start in range(0, len(keys), 10):
        block = keys[start : start + 10]
        writer.append(block, [np.full(1000, int(key)) for key in block])
"""


def rows_of(keys) -> np.ndarray:
    """Return float32 [keys, 2]: a distinct row for each key."""
    return np.array([[ord(key[-1]), len(key)] for key in keys], np.float32).reshape(-1, 2)


def open_here(folder, **options):
    return open_writer(folder, (2,), np.float32, **options)


def fill(folder, keys=KEYS, block: int = 4, faults=FAULTS) -> list[str]:
    """Append the missing keys in blocks, the faults with the last block; return the keys added."""
    with open_here(folder) as writer:
        missing = writer.missing(keys)
        for start in range(0, len(missing), block):
            part = missing[start : start + block]
            writer.append(part, rows_of(part), faults if start + block >= len(missing) else None)
    return missing


def check(folder, keys=KEYS) -> None:
    """Assert that the array has the right row for each key."""
    array = load_array(folder)
    for key in keys:
        np.testing.assert_array_equal(array.values[array.rows[key]], rows_of([key])[0])


@pytest.fixture
def filled(tmp_path):
    """The folder of an array of ten rows in three blocks, with a fault."""
    fill(tmp_path / "array")
    return tmp_path / "array"


def test_rows_are_found_by_their_keys(filled):
    check(filled)
    array = load_array(filled)
    assert array.faults == FAULTS
    assert isinstance(array.values, np.memmap)
    assert array.values.shape == (10, 2) and array.values.dtype == np.float32
    assert not array.values.flags.writeable
    assert array.values.ctypes.data % 4096 == 0
    assert sorted(path.name for path in filled.iterdir()) == [JOURNAL_FILE, ROWS_FILE]
    assert (filled / ROWS_FILE).read_bytes() == rows_of(KEYS).tobytes()


def test_only_missing_keys_are_returned(filled):
    assert missing_keys(filled, KEYS) == []
    assert missing_keys(filled, ["z", "key a", "y", "z", "key x"]) == ["z", "y"]
    assert fill(filled, ["z", *KEYS, "y"], faults=None) == ["z", "y"]
    check(filled, [*KEYS, "y", "z"])


def test_a_missing_or_empty_folder_is_an_empty_array(tmp_path):
    array = load_array(tmp_path / "none")
    assert (len(array.values), array.rows, array.faults) == (0, {}, {})
    assert missing_keys(tmp_path / "none", ["a"]) == ["a"]
    assert not (tmp_path / "none").exists()
    with open_here(tmp_path / "array") as writer:
        writer.append([], [], {"a": "no picture"})
    assert load_array(tmp_path / "array").faults == {"a": "no picture"}
    assert len(load_array(tmp_path / "array").values) == 0
    fill(tmp_path / "array", ["b"], faults=None)
    check(tmp_path / "array", ["b"])


def test_a_row_replaces_a_fault(filled):
    with open_here(filled) as writer:
        writer.append(["key x"], rows_of(["key x"]))
    assert load_array(filled).faults == {}
    check(filled, ["key x"])


def test_a_readers_rows_stay_while_others_write(filled):
    before = load_array(filled)
    fill(filled, ["new"])
    assert len(before.values) == 10
    np.testing.assert_array_equal(before.values, rows_of(KEYS))
    assert "new" not in before.rows and "new" in load_array(filled).rows


@pytest.mark.parametrize("rows", [rows_of(["a"]).astype(np.float64), rows_of(["a"])[:, :1], rows_of(["a", "b"]), []])
def test_rows_that_do_not_fit_are_refused_and_not_kept(filled, rows):
    with open_here(filled) as writer, pytest.raises(ValueError, match="received"):
        writer.append(["a"], rows)
    assert fill(filled, ["a", *KEYS]) == ["a"]
    check(filled, ["a", *KEYS])


def test_rows_of_another_kind_need_another_folder(filled):
    with refused("<f4 (2,)", "<f4 (3,)", error=ValueError), open_writer(filled, (3,), "f4"):
        pass


@pytest.mark.parametrize("kept", range(4))
def test_a_journal_cut_short_anywhere_is_repaired(filled, kept):
    lines = (filled / JOURNAL_FILE).read_bytes().splitlines(keepends=True)
    lost = KEYS[4 * kept :]
    line = lines[kept] if kept < 3 else b""
    for length in {0, 1, 8, 9, 30, len(line) - 1} if line else {0}:
        (filled / JOURNAL_FILE).write_bytes(b"".join(lines[:kept]) + line[:length])
        assert missing_keys(filled, KEYS) == lost
        assert fill(filled) == lost
        check(filled)
        assert len(load_array(filled).values) == 10  # rows without a journal line were overwritten


@settings(max_examples=30)
@given(st.data())
def test_any_damaged_byte_of_the_journal_costs_its_block_at_most(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journal") / "array"
    fill(folder)
    journal = bytearray((folder / JOURNAL_FILE).read_bytes())
    place = data.draw(st.integers(0, len(journal) - 1))
    journal[place] ^= data.draw(st.integers(1, 255))
    (folder / JOURNAL_FILE).write_bytes(journal)
    lines = (folder / JOURNAL_FILE).read_bytes()[:place].count(b"\n")
    again = fill(folder, faults=None)
    assert set(again) <= set(KEYS[4 * lines : 4 * lines + 8])  # a damaged line end also damages the next line
    check(folder)
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize("row", [0, 3, 4, 9])
def test_a_flipped_bit_costs_only_its_block(filled, row):
    data = bytearray((filled / ROWS_FILE).read_bytes())
    data[8 * row + 3] ^= 16
    (filled / ROWS_FILE).write_bytes(data)
    lost = KEYS[row // 4 * 4 :][:4]
    others = [key for key in KEYS if key not in lost]
    assert missing_keys(filled, others) == []
    assert missing_keys(filled, KEYS) == lost
    assert fill(filled, others) == []  # only requested blocks are read
    assert fill(filled) == lost
    check(filled)
    assert fill(filled) == []
    assert load_array(filled).faults == FAULTS


def test_a_damaged_block_is_forgotten_for_readers_that_do_not_verify(filled):
    (filled / ROWS_FILE).write_bytes(bytes(32) + (filled / ROWS_FILE).read_bytes()[32:])
    with open_here(filled) as writer:
        assert writer.missing(["key a"]) == ["key a"]
    assert not load_array(filled).rows.keys() & set(KEYS[:4])
    assert missing_keys(filled, KEYS) == KEYS[:4]


@pytest.mark.parametrize("size", [0, 1, 31, 33, 79])
def test_rows_cut_off_cost_only_their_blocks(filled, size):
    (filled / ROWS_FILE).write_bytes((filled / ROWS_FILE).read_bytes()[:size])
    kept = KEYS[: size // 32 * 4]
    check(filled, kept)
    assert missing_keys(filled, KEYS) == KEYS[len(kept) :]
    assert fill(filled, [*kept, "new"]) == ["new"]  # the file is longer again, but the cut-off rows do not come back
    assert load_array(filled).rows.keys() == {*kept, "new"}
    assert fill(filled) == KEYS[len(kept) :]
    check(filled)


@pytest.mark.parametrize("name", [ROWS_FILE, JOURNAL_FILE])
def test_a_lost_file_is_written_again(filled, name):
    (filled / name).unlink()
    assert missing_keys(filled, KEYS) == KEYS
    assert fill(filled) == KEYS
    check(filled)


def test_a_write_that_was_cut_short_is_overwritten(filled):
    with open(filled / ROWS_FILE, "ab") as rows:
        rows.write(b"half a block")
    assert fill(filled, ["new"]) == ["new"]
    check(filled, [*KEYS, "new"])
    assert len(load_array(filled).values) == 11


def test_reserved_space_is_kept_for_the_rows(filled):
    with open_here(filled) as writer:
        writer.reserve(1000)
        assert (filled / ROWS_FILE).stat().st_size == 1010 * 8
        writer.reserve(10)
        assert (filled / ROWS_FILE).stat().st_size == 1010 * 8
    assert len(load_array(filled).values) == 10
    fill(filled, ["new"])
    check(filled, [*KEYS, "new"])


def test_a_disk_that_is_too_small_is_reported_and_not_filled(filled):
    before = (filled / ROWS_FILE).stat().st_size
    with open_here(filled) as writer, pytest.raises(OSError) as caught:
        writer.reserve(2 * shutil.disk_usage(filled).free // 8)
    assert caught.value.errno == errno.ENOSPC
    assert str(filled / ROWS_FILE) in files.explain_os_error(caught.value)
    assert (filled / ROWS_FILE).stat().st_size == before
    check(filled)


def test_space_is_released_if_a_quota_is_used_up(filled, monkeypatch):
    def half(descriptor: int, start: int, count: int) -> None:
        os.ftruncate(descriptor, start + count // 2)
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr("os.posix_fallocate", half, raising=False)
    with open_here(filled) as writer, pytest.raises(OSError, match="quota"):
        writer.reserve(1000)
    assert (filled / ROWS_FILE).stat().st_size == 80


def test_zeros_are_written_if_the_system_cannot_reserve(filled, monkeypatch):
    monkeypatch.delattr("os.posix_fallocate", raising=False)
    with open_here(filled) as writer:
        writer.reserve(300_000)
    assert (filled / ROWS_FILE).stat().st_size == 300_010 * 8
    check(filled)


def test_writers_take_turns(tmp_path):
    folder = tmp_path / "array"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stderr=subprocess.PIPE) as other:
        while not (tmp_path / "started").exists():
            assert other.poll() is None, other.stderr.read().decode()
            time.sleep(0.02)
        assert missing_keys(folder, ["ours", "theirs"]) == ["ours", "theirs"]  # reading needs no lock
        holders = []

        def go(holder: str) -> None:
            holders.append(holder)
            (tmp_path / "go").touch()

        with open_here(folder, on_wait=go) as writer:
            assert writer.missing(["ours", "theirs"]) == ["ours"]
        assert other.wait() == 0
    assert len(holders) == 1 and f"process {other.pid} " in holders[0]


def test_a_writer_killed_at_any_moment_loses_only_its_block(tmp_path):
    """It is killed with signal 9 five times, each time with more rows; readers see only whole rows."""
    folder, known = tmp_path / "array", 0
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", TIRELESS_WRITER, str(folder)], stderr=subprocess.PIPE) as writer:
            while len(load_array(folder).rows) < known + 30:
                assert writer.poll() is None, writer.stderr.read().decode()
                time.sleep(0.003)
            writer.kill()
        array = load_array(folder)
        assert missing_keys(folder, array.rows) == []
        known = len(array.rows)
        assert known % 10 == 0
        assert all((array.values[row] == int(key)).all() for key, row in array.rows.items())
