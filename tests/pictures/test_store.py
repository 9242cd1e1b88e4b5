"""The store: a picture is decoded once for all requests; damage and kills lose one block at most."""

import errno
import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import assert_tells
from PIL import Image

from pxr_tf import files, locks
from pxr_tf.data.patients import add_content
from pxr_tf.errors import PxrError
from pxr_tf.pictures import store
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import CHANGED, Pictures, load_pictures, open_pictures, pictures_key

PREPARATION, COUNT, BLOCK = Preparation(16, "squash"), 10, 3

BUILDER = """
import sys, time
from pathlib import Path
import pandas as pd
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import open_pictures

folder = Path(sys.argv[1])
def decode_slowly(path, preparation):
    (folder / "started").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    return load_prepared(path, preparation)
table = pd.read_csv(folder / "table.csv")
open_pictures(folder / "cache", table, Preparation(16, "squash"), threads=1, decode=decode_slowly)
"""

WITH_FEW_FILES = """
import resource, sys
from pathlib import Path
import pandas as pd
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import open_pictures

folder, held = Path(sys.argv[1]), []
def decode(path, preparation):
    if path.endswith("4.png"):  # another part of the program opens as many files as the system allows
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 4096))
        try:
            while True:
                held.append(open(path, "rb"))
        except OSError:
            pass
    try:
        return load_prepared(path, preparation)
    finally:
        held.clear()
table = pd.read_csv(folder / "table.csv")
opened = open_pictures(folder / "cache", table, Preparation(16, "squash"), threads=1, decode=decode)
print(opened.faults)
"""


class Decoder:
    """Decodes, keeps the paths that it was called with, and interrupts after `last` paths."""

    def __init__(self, last: float = float("inf")) -> None:
        self.paths: list[str] = []
        self.last = last

    def __call__(self, path: str, preparation: Preparation) -> np.ndarray:
        if len(self.paths) >= self.last:
            raise KeyboardInterrupt
        self.paths.append(path)
        return load_prepared(path, preparation)


def write_pictures(folder: Path, numbers: range) -> pd.DataFrame:
    """Write a picture for each number, each of another grey; return their rows, in random order of content."""
    rows = []
    for number in numbers:
        path = folder / f"{number}.png"
        Image.new("L", (20, 20), 10 * number).save(path)
        rows.append((str(path), f"content{number * 7 % COUNT}{number // COUNT}"))
    return pd.DataFrame(rows, columns=["path", "content"])


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    return write_pictures(tmp_path, range(COUNT))


@pytest.fixture
def decoder() -> Decoder:
    return Decoder()


def open_here(table: pd.DataFrame, cache: Path, preparation=PREPARATION, **options) -> Pictures:
    return open_pictures(cache, table, preparation, **{"threads": 2, "block": BLOCK, **options})


def greys(opened: Pictures, table: pd.DataFrame) -> list[int]:
    """Return the first pixel of each row's picture."""
    return [int(opened.pixels[opened.rows[content], 0, 0]) for content in table.content]


GREYS = [10 * number for number in range(COUNT)]


def folder_of(cache: Path) -> Path:
    return cache / f"pictures-{pictures_key(PREPARATION)}"


def names_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_picture_is_found_by_its_content(tmp_path, table):
    seen = []
    opened = open_here(table, tmp_path / "cache", on_progress=lambda done, total: seen.append((done, total)))
    assert greys(opened, table) == GREYS
    assert opened.pixels.shape == (COUNT, 16, 16)
    assert isinstance(opened.pixels, np.memmap)
    assert not opened.pixels.flags.writeable
    assert opened.pixels.ctypes.data % 64 == 0  # TensorFlow reads the pages themselves
    assert opened.faults == {}
    assert seen == [(3, COUNT), (6, COUNT), (9, COUNT), (COUNT, COUNT)]
    assert names_below(tmp_path / "cache") == [f"pictures-{opened.key}", f"pictures-{opened.key}.lock"]


def test_the_key_depends_on_the_preparation_the_libraries_and_the_version_only(monkeypatch):
    key = pictures_key(Preparation(32, "squash"))
    assert pictures_key(Preparation(resize="squash", size=32)) == key
    others = [pictures_key(Preparation(33, "squash")), pictures_key(Preparation(32, "pad"))]
    for versions in (("1.0", "4.0"), ("1.1", "4.0"), ("1.0", "4.1")):
        monkeypatch.setattr(
            "importlib.metadata.version", dict(zip(("pillow", "opencv-python"), versions, strict=True)).get
        )
        others.append(pictures_key(Preparation(32, "squash")))
    monkeypatch.setattr(store, "PICTURES_VERSION", store.PICTURES_VERSION + 1)
    others.append(pictures_key(Preparation(32, "squash")))
    assert len({key, *others}) == 1 + len(others)


def test_a_second_opening_decodes_nothing_for_any_order_and_paths(tmp_path, table, decoder):
    first = open_here(table, tmp_path / "cache", decode=decoder)
    assert sorted(decoder.paths) == sorted(table.path)
    elsewhere = table.sample(frac=1, random_state=0).assign(path="/moved/away.png")
    seen = []
    again = {"decode": decoder, "on_progress": lambda *numbers: seen.append(numbers)}
    second = open_here(pd.concat([elsewhere, elsewhere]), tmp_path / "cache", **again)
    assert len(decoder.paths) == COUNT and seen == []
    assert second.key == first.key
    assert np.array_equal(second.pixels, first.pixels)
    loaded = load_pictures(tmp_path / "cache", PREPARATION)
    assert np.array_equal(loaded.pixels, first.pixels)
    assert (loaded.key, loaded.rows, loaded.faults) == (first.key, first.rows, {})


def test_a_data_set_grown_by_ten_images_decodes_ten(tmp_path, table, decoder):
    first, seen = open_here(table, tmp_path / "cache"), []
    grown = pd.concat([write_pictures(tmp_path, range(COUNT, 2 * COUNT)), table])
    grown = grown.sample(frac=1, random_state=0)
    options = {"decode": decoder, "on_progress": lambda *numbers: seen.append(numbers)}
    second = open_here(grown, tmp_path / "cache", **options)
    assert set(decoder.paths) == {str(tmp_path / f"{number}.png") for number in range(COUNT, 2 * COUNT)}
    assert len(decoder.paths) == 10 and seen[-1] == (10, 10)
    assert greys(second, table) == GREYS
    assert sorted(greys(second, grown)) == [10 * number for number in range(2 * COUNT)]
    assert greys(first, table) == GREYS and len(first.pixels) == COUNT  # an open reader keeps its old rows


def test_another_class_list_decodes_nothing(tmp_path, table, decoder):
    open_here(table, tmp_path / "cache")
    some = table.iloc[2:6]
    assert greys(open_here(some, tmp_path / "cache", decode=decoder), some) == GREYS[2:6]
    assert decoder.paths == []


def test_another_preparation_has_another_store(tmp_path, table, decoder):
    open_here(table, tmp_path / "cache")
    other = open_here(table, tmp_path / "cache", Preparation(8, "pad"), decode=decoder)
    assert len(decoder.paths) == COUNT and other.pixels.shape == (COUNT, 8, 8)


def test_an_opening_that_decodes_nothing_does_not_wait(tmp_path, table):
    open_here(table, tmp_path / "cache")
    with locks.hold(tmp_path / "cache" / f"pictures-{pictures_key(PREPARATION)}.lock"):
        assert greys(open_here(table, tmp_path / "cache"), table) == GREYS


@pytest.mark.parametrize("number", [0, 4, 9])
def test_a_flipped_bit_loses_its_block_only(tmp_path, table, decoder, number):
    opened = open_here(table, tmp_path / "cache")
    rows = next(folder_of(tmp_path / "cache").glob("*.raw"))
    data = bytearray(rows.read_bytes())
    data[256 * opened.rows[table.content[number]] + 77] ^= 1
    rows.write_bytes(data)
    again = open_here(table, tmp_path / "cache", decode=decoder)
    start = number // BLOCK * BLOCK
    assert sorted(decoder.paths) == sorted(table.path[start : start + BLOCK])
    assert greys(again, table) == GREYS
    assert (again.pixels[[again.rows[content] for content in table.content]].std((1, 2)) == 0).all()


def damage(folder: Path, kind: str) -> int:
    """Damage the store; return how many of its pictures are lost."""
    (rows,), (journal,) = folder.glob("*.raw"), folder.glob("journal*")
    lines = journal.read_bytes().splitlines(keepends=True)
    if kind == "truncated pictures":
        rows.write_bytes(rows.read_bytes()[:-5])
        return 1
    if kind == "truncated journal":
        journal.write_bytes(b"".join(lines)[:-5])
        return 1
    if kind == "damaged line":
        journal.write_bytes(lines[0] + lines[1].replace(b"content", b"contend") + b"".join(lines[2:]))
        return 3
    if kind == "strange journal":
        journal.write_bytes(bytes(range(256)) * 20)
    elif kind in ("no pictures", "no journal"):
        (rows if kind == "no pictures" else journal).unlink()
    elif kind in ("empty pictures", "empty journal"):
        (rows if kind == "empty pictures" else journal).write_bytes(b"")
    return COUNT


@pytest.mark.parametrize(
    "kind",
    [
        "truncated pictures",
        "truncated journal",
        "damaged line",
        "strange journal",
        "no pictures",
        "no journal",
        "empty pictures",
        "empty journal",
    ],
)
def test_only_the_damaged_part_of_a_store_is_decoded_again(tmp_path, table, decoder, kind):
    open_here(table, tmp_path / "cache")
    lost = damage(folder_of(tmp_path / "cache"), kind)
    again = open_here(table, tmp_path / "cache", decode=decoder)
    assert len(decoder.paths) == len(set(decoder.paths)) == lost
    assert greys(again, table) == GREYS
    open_here(table, tmp_path / "cache", decode=decoder)
    assert len(decoder.paths) == lost


@pytest.mark.parametrize("last", [0, 4, 7, 9])
def test_a_killed_build_continues_from_its_last_block(tmp_path, table, decoder, last):
    undisturbed = open_here(table, tmp_path / "other")
    with pytest.raises(KeyboardInterrupt):
        open_here(table, tmp_path / "cache", threads=1, decode=Decoder(last))
    assert len(load_pictures(tmp_path / "cache", PREPARATION).rows) == last // BLOCK * BLOCK
    resumed = open_here(table, tmp_path / "cache", decode=decoder)
    assert len(decoder.paths) == COUNT - last // BLOCK * BLOCK
    assert np.array_equal(resumed.pixels, undisturbed.pixels)
    assert resumed.rows == undisturbed.rows


def test_unreadable_files_become_faults_and_are_never_fatal(tmp_path, table, decoder):
    contents = {1: b"no picture", 4: b"", 7: Path(table.path[7]).read_bytes()[:45]}
    for number, content in contents.items():
        Path(table.path[number]).write_bytes(content)
    opened = open_here(table, tmp_path / "cache")
    expected = {1: "not a JPEG, PNG or DICOM", 4: "empty file", 7: "damaged PNG"}
    for number, reason in expected.items():
        assert reason in opened.faults[table.content[number]]
    assert len(opened.faults) == 3
    whole = table.drop(index=list(expected))
    assert opened.rows.keys() == set(whole.content)
    assert greys(opened, whole) == [10 * number for number in whole.index]
    assert open_here(table, tmp_path / "cache", decode=decoder).faults == opened.faults
    assert decoder.paths == []  # these bytes are never a picture


def test_a_store_may_have_no_picture(tmp_path, table):
    for path in table.path:
        Path(path).write_bytes(b"no picture")
    opened = open_here(table, tmp_path / "cache")
    assert (opened.pixels.shape, opened.rows, len(opened.faults)) == ((0, 16, 16), {}, COUNT)


def test_a_missing_file_is_reported_this_time_only(tmp_path, table, decoder):
    path = Path(table.path[3])
    path.rename(tmp_path / "away.png")
    opened = open_here(table, tmp_path / "cache")
    assert opened.faults == {table.content[3]: "No such file or directory"}
    assert load_pictures(tmp_path / "cache", PREPARATION).faults == {}
    (tmp_path / "away.png").rename(path)
    assert greys(open_here(table, tmp_path / "cache", decode=decoder), table) == GREYS
    assert decoder.paths == [str(path)]


def test_too_many_open_files_are_reported_this_time_only(tmp_path, table, decoder):
    table.to_csv(tmp_path / "table.csv", index=False)
    command = [sys.executable, "-c", WITH_FEW_FILES, str(tmp_path)]
    seen = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert seen == f"{ {table.content[4]: 'Too many open files'} }\n"
    opened = open_here(table, tmp_path / "cache", decode=decoder)
    assert greys(opened, table) == GREYS and opened.faults == {}
    assert decoder.paths == [table.path[4]]


def test_a_file_without_a_content_is_never_stored(tmp_path, table, decoder):
    """Its key names a row of one manifest; in another manifest it may be another file."""
    Path(table.path[2]).write_bytes(b"")
    manifest = add_content(table[["path"]].assign(image_id=[f"image {number}" for number in range(COUNT)]))
    assert open_here(manifest, tmp_path / "cache").faults == {"unreadable:image 2": "empty file"}
    Image.new("L", (20, 20), 99).save(table.path[2])
    opened = open_here(manifest, tmp_path / "cache", decode=decoder)
    assert decoder.paths == [table.path[2]]
    assert opened.faults == {"unreadable:image 2": "could not be read at first; run the same command again"}
    assert load_pictures(tmp_path / "cache", PREPARATION).faults == {}
    assert "unreadable:image 2" not in opened.rows


def replace(path: str, data: bytes) -> None:
    Path(path + ".new").write_bytes(data)
    os.replace(path + ".new", path)


def point_elsewhere(path: str, data: bytes) -> None:
    Path(path + ".new").write_bytes(data)
    os.unlink(path)
    os.symlink(path + ".new", path)


CHANGES = {
    "replaced": replace,
    "written over": lambda path, data: Path(path).write_bytes(data),
    "linked to another": point_elsewhere,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("what", ["another picture", "no picture", "the same picture"])
def test_a_file_that_changes_after_its_content_was_found_is_never_stored_under_it(tmp_path, table, change, what):
    path, old = table.path[2], Path(table.path[2]).read_bytes()
    new = {"another picture": Path(table.path[7]).read_bytes(), "no picture": b"none", "the same picture": old}[what]
    os.utime(path, (0, 0))  # the clock of a file system may stand still for some milliseconds
    manifest = add_content(table[["path"]].assign(image_id=table.path))

    def decode(asked: str, preparation: Preparation) -> np.ndarray:
        if asked == path:
            CHANGES[change](path, new)
        return load_prepared(asked, preparation)

    opened = open_here(manifest, tmp_path / "cache", decode=decode)
    changed = {} if what == "the same picture" else {manifest.content[2]: CHANGED}
    assert opened.faults == changed
    assert set(opened.rows) == set(manifest.content) - set(changed)
    assert load_pictures(tmp_path / "cache", PREPARATION).faults == {}
    replace(path, old)
    assert greys(open_here(manifest, tmp_path / "cache"), manifest) == GREYS


def test_two_processes_build_one_store(tmp_path, table, decoder):
    """The other process has begun; this process says so, waits, and decodes nothing."""
    table.to_csv(tmp_path / "table.csv", index=False)
    with subprocess.Popen([sys.executable, "-c", BUILDER, str(tmp_path)], stderr=subprocess.PIPE) as builder:
        while not (tmp_path / "started").exists():
            assert builder.poll() is None, builder.stderr.read().decode()
            time.sleep(0.02)
        seen = []

        def go(holder: str) -> None:
            seen.append(holder)
            (tmp_path / "go").touch()

        opened = open_here(table, tmp_path / "cache", on_wait=go, decode=decoder)
        assert builder.wait() == 0
    assert seen == [f"process {builder.pid} on {locks.socket.gethostname()}"]
    assert decoder.paths == []
    assert greys(opened, table) == GREYS


def test_a_disk_that_is_too_small_is_reported_before_any_picture_is_decoded(tmp_path, table, monkeypatch, decoder):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(9999, 9000, COUNT * 256 - 1))
    with pytest.raises(OSError, match="No space left") as caught:
        open_here(table, tmp_path / "cache", decode=decoder)
    assert_tells(files.explain_os_error(caught.value), "disk", "full")
    assert not isinstance(caught.value, PxrError)
    assert decoder.paths == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(9999, 9000, COUNT * 256))
    assert greys(open_here(table, tmp_path / "cache", decode=decoder), table) == GREYS


def test_a_disk_that_fills_up_while_decoding_loses_one_block(tmp_path, table, monkeypatch, decoder):
    syncs = []

    def sync(descriptor: int) -> None:
        syncs.append(descriptor)
        if len(syncs) > 4:  # two for each block: its pictures, its line in the journal
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", sync)
        with pytest.raises(OSError, match="No space left"):
            open_here(table, tmp_path / "cache")
    assert greys(open_here(table, tmp_path / "cache", decode=decoder), table) == GREYS
    assert len(decoder.paths) == COUNT - 2 * BLOCK
