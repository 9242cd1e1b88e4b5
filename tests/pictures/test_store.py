"""The store: decoded once, rebuilt when damaged, resumed when killed, built by one of two, never half a store."""

import errno
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pxr_tf import files, locks
from pxr_tf.errors import PxrError
from pxr_tf.pictures import store
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.store import open_store, store_key

SIZE, COUNT = 16, 10

BUILDER = """
import sys, time
from pathlib import Path
import pandas as pd
from pxr_tf.pictures import store

folder, decode = Path(sys.argv[1]), store.load_prepared
def decode_slowly(path, size, resize):
    (folder / "started").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    return decode(path, size, resize)
store.load_prepared = decode_slowly
table = pd.read_csv(folder / "table.csv")
store.open_store(folder / "cache", table, size=16, resize="squash", threads=1)
"""


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    """Return rows of ten pictures, each of its own grey, in random order of content."""
    rows = []
    for number in range(COUNT):
        path = tmp_path / f"{number}.png"
        Image.new("L", (20, 20), 20 * number).save(path)
        rows.append((str(path), f"content{number * 7 % COUNT}"))
    return pd.DataFrame(rows, columns=["path", "content"])


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """Return the list of the paths that are decoded from now on."""
    paths: list[str] = []
    monkeypatch.setattr(store, "load_prepared", lambda path, *how: (paths.append(path), load_prepared(path, *how))[1])
    return paths


def open_here(table: pd.DataFrame, cache: Path, **options) -> store.Store:
    return open_store(cache, table, **{"size": SIZE, "resize": "squash", "threads": 2, **options})


def greys(opened: store.Store, table: pd.DataFrame) -> list[int]:
    """Return the first pixel of each row's picture."""
    return [int(opened.images[opened.rows[content], 0, 0]) for content in table.content]


def names_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_picture_is_found_by_its_content(tmp_path, table):
    seen = []
    opened = open_here(table, tmp_path / "cache", on_progress=lambda done, total: seen.append((done, total)))
    assert greys(opened, table) == [20 * number for number in range(COUNT)]
    assert opened.images.shape == (COUNT, SIZE, SIZE)
    assert isinstance(opened.images, np.memmap)
    assert not opened.images.flags.writeable
    assert opened.faults == {}
    assert seen[-1] == (COUNT, COUNT)
    assert names_below(tmp_path / "cache") == [f"store-{opened.key}", f"store-{opened.key}.lock"]
    assert names_below(tmp_path / "cache" / f"store-{opened.key}") == ["images.npy", "index.json"]


def test_the_key_depends_on_contents_and_preparation_only():
    key = store_key(["a", "b", "b"], 32, "squash")
    assert store_key(["b", "a"], 32, "squash") == key
    others = [(["a"], 32, "squash"), (["a", "c"], 32, "squash"), (["a", "b"], 33, "squash"), (["a", "b"], 32, "pad")]
    assert key not in [store_key(*other) for other in others]


def test_a_second_opening_decodes_nothing_whatever_the_order_and_the_paths(tmp_path, table, decoded):
    first = open_here(table, tmp_path / "cache")
    assert sorted(decoded) == sorted(table.path)
    elsewhere = table.sample(frac=1, random_state=0).assign(path="/moved/away.png")
    second = open_here(pd.concat([elsewhere, elsewhere]), tmp_path / "cache")
    assert len(decoded) == COUNT
    assert second.key == first.key
    assert np.array_equal(second.images, first.images)


def damage(folder: Path, kind: str) -> None:
    images, index = folder / "images.npy", folder / "index.json"
    values, pixels = json.loads(index.read_text()), bytearray(images.read_bytes())
    contents = values["contents"]
    if kind == "pixel":
        pixels[-1] ^= 1
        images.write_bytes(pixels)
    elif kind == "truncated":
        images.write_bytes(pixels[:-5])
    elif kind == "no images":
        images.unlink()
    elif kind == "empty images":
        images.write_bytes(b"")
    elif kind == "no index":
        index.unlink()
    elif kind == "half an index":
        index.write_text(index.read_text()[:30])
    else:
        changed = {
            "index of rows swapped": {"contents": contents[::-1]},
            "index of other contents": {"contents": ["x", *contents[1:]]},
            "index without faults": {"faults": None},
            "index with a strange fault": {"faults": {"y": "damaged"}},
            "index of a list": {"contents": 3},
        }[kind]
        index.write_text(json.dumps(values | changed))


@pytest.mark.parametrize(
    "kind",
    [
        "pixel",
        "truncated",
        "no images",
        "empty images",
        "no index",
        "half an index",
        "index of rows swapped",
        "index of other contents",
        "index without faults",
        "index with a strange fault",
        "index of a list",
    ],
)
def test_a_damaged_store_is_rebuilt(tmp_path, table, decoded, kind):
    first = open_here(table, tmp_path / "cache")
    folder, expected = tmp_path / "cache" / f"store-{first.key}", np.array(first.images)
    damage(folder, kind)
    second = open_here(table, tmp_path / "cache")
    assert len(decoded) == 2 * COUNT
    assert np.array_equal(second.images, expected)
    assert (second.rows, second.faults) == (first.rows, {})


def test_no_flipped_bit_in_the_header_passes_or_crashes(tmp_path, table):
    opened = open_here(table.head(2), tmp_path / "cache")
    folder, contents = tmp_path / "cache" / f"store-{opened.key}", sorted(table.content.head(2))
    file = folder / "images.npy"
    whole = file.read_bytes()
    for place in range(128):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            file.write_bytes(flipped)
            assert not store.is_whole(folder, contents, SIZE)


@pytest.mark.parametrize("killed_after", [0, 4, 7, 9])
def test_a_killed_build_goes_on_from_its_last_block(tmp_path, table, monkeypatch, decoded, killed_after):
    undisturbed = open_here(table, tmp_path / "other")
    decoded.clear()
    monkeypatch.setattr(store, "BLOCK", 3)
    working = store.load_prepared

    def die_later(path, *how):
        if len(decoded) >= killed_after:
            raise KeyboardInterrupt
        return working(path, *how)

    monkeypatch.setattr(store, "load_prepared", die_later)
    with pytest.raises(KeyboardInterrupt):
        open_here(table, tmp_path / "cache", threads=1)
    assert not any(name.startswith("store-") and "." not in name for name in names_below(tmp_path / "cache"))
    monkeypatch.setattr(store, "load_prepared", working)
    decoded.clear()
    resumed = open_here(table, tmp_path / "cache", threads=1)
    assert len(decoded) == COUNT - killed_after // 3 * 3
    for name in ("images.npy", "index.json"):
        paths = [tmp_path / cache / f"store-{resumed.key}" / name for cache in ("cache", "other")]
        assert paths[0].read_bytes() == paths[1].read_bytes()
    assert resumed.rows == undisturbed.rows


@pytest.mark.parametrize(("damaged", "kept"), [("progress.json", 9), ("images.npy", 9), ("images.npy", -SIZE)])
def test_a_damaged_half_built_store_is_begun_again(tmp_path, table, monkeypatch, decoded, damaged, kept):
    monkeypatch.setattr(store, "BLOCK", 3)
    working = files.write_json
    monkeypatch.setattr(files, "write_json", lambda path, value: working(path, value) or stop_after_six(value))

    def stop_after_six(value):
        if value.get("done") == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_here(table, tmp_path / "cache")
    (partial,) = (tmp_path / "cache").glob("*.partial")
    (partial / damaged).write_bytes((partial / damaged).read_bytes()[:kept])
    decoded.clear()
    monkeypatch.setattr(files, "write_json", working)
    assert greys(open_here(table, tmp_path / "cache"), table) == [20 * number for number in range(COUNT)]
    assert len(decoded) == COUNT


def test_unreadable_files_become_faults_and_are_never_fatal(tmp_path, table):
    contents = {1: b"no picture", 4: b"", 7: Path(table.path[7]).read_bytes()[:45]}
    for number, content in contents.items():
        Path(table.path[number]).write_bytes(content)
    Path(table.path[9]).unlink()
    opened = open_here(table, tmp_path / "cache")
    expected = {1: "not a JPEG or PNG", 4: "empty file", 7: "damaged PNG", 9: "No such file"}
    for number, reason in expected.items():
        assert reason in opened.faults[table.content[number]]
    assert len(opened.faults) == 4
    black = [0 if number in expected else 20 * number for number in range(COUNT)]
    assert greys(opened, table) == black
    assert open_here(table, tmp_path / "cache").faults == opened.faults


def test_two_processes_build_one_store(tmp_path, table, decoded):
    """The other process has begun; this one is told, waits, and decodes nothing."""
    table.to_csv(tmp_path / "table.csv", index=False)
    with subprocess.Popen([sys.executable, "-c", BUILDER, str(tmp_path)], stderr=subprocess.PIPE) as builder:
        while not (tmp_path / "started").exists():
            assert builder.poll() is None, builder.stderr.read().decode()
            time.sleep(0.02)
        told = []

        def go(holder: str) -> None:
            told.append(holder)
            (tmp_path / "go").touch()

        opened = open_here(table, tmp_path / "cache", on_wait=go)
        assert builder.wait() == 0
    assert told == [f"process {builder.pid} on {locks.socket.gethostname()}"]
    assert decoded == []
    assert greys(opened, table) == [20 * number for number in range(COUNT)]


class FullDisk:
    """A file that takes so many bytes and no more."""

    def __init__(self, path: Path, mode: str, room: int = 1000) -> None:
        self.file, self.room = path.open(mode), room

    def write(self, data: bytes) -> int:
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(data)
        return self.file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.file.close()


@pytest.mark.parametrize("when", ["at the start", "while building", "at the end"])
def test_a_full_disk_leaves_nothing_that_looks_whole(tmp_path, table, monkeypatch, decoded, when):
    working = files.write_json

    def write_json(path: Path, value) -> None:
        if path.name == {"while building": "progress.json", "at the end": "index.json"}.get(when):
            path.with_name(path.name + ".partial").write_text("{")
            raise OSError(errno.ENOSPC, "No space left on device")
        working(path, value)

    monkeypatch.setattr(files, "write_json", write_json)
    if when == "at the start":
        monkeypatch.setattr(store, "open", FullDisk, raising=False)
    with pytest.raises(OSError, match="No space left") as caught:
        open_here(table, tmp_path / "cache")
    assert "disk is full" in files.explain_os_error(caught.value)
    assert not isinstance(caught.value, PxrError)
    key = store_key(table.content.tolist(), SIZE, "squash")
    assert f"store-{key}" not in names_below(tmp_path / "cache")
    monkeypatch.setattr(store, "open", open, raising=False)
    monkeypatch.setattr(files, "write_json", working)
    decoded.clear()
    assert greys(open_here(table, tmp_path / "cache"), table) == [20 * number for number in range(COUNT)]
    assert len(decoded) == (0 if when == "at the end" else COUNT)
