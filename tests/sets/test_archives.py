"""A zip is data: its pictures are those of the folder that was packed. Zips that could do harm have one line each."""

import struct
import zipfile
from pathlib import Path

import pytest
from messages import refused
from miniature_sets import write_image, write_kermany

from pxr_tf.sets import archives
from pxr_tf.sets.any_pictures import list_pictures, read_to_evaluate
from pxr_tf.sets.archives import unpacked
from pxr_tf.sets.find import read_source, read_sources


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pxr_tf" / "zips"


def pack(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return to


def zip_of(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def test_a_zip_has_the_rows_of_its_folder_and_is_unpacked_once(tmp_path, cache):
    write_kermany(tmp_path / "films")
    packed = pack(tmp_path / "films", tmp_path / "films.zip")
    (from_folder, notes), (from_zip, other_notes) = read_sources([tmp_path / "films"]), read_sources([packed])
    assert from_zip.drop(columns="path").equals(from_folder.drop(columns="path")) and len(notes) == len(other_notes)
    stamps = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    assert read_sources([packed])[0].equals(from_zip)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file() and path in stamps} == stamps


def test_pictures_without_a_layout_are_listed_and_evaluated_from_a_zip(tmp_path):
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "films" / name)
    packed = pack(tmp_path / "films", tmp_path / "films.ZIP")
    assert list(list_pictures([str(packed)])[0]) == ["films/a.png", "films/b.png"]
    assert [row["source"] for row in read_to_evaluate(packed)[0]] == ["films", "films"]


def test_a_changed_zip_is_unpacked_anew(tmp_path):
    zip_of(tmp_path / "a.zip", ("normal/a.png", b"x"))
    first = unpacked(tmp_path / "a.zip")
    zip_of(tmp_path / "a.zip", ("normal/b.png", b"x"))
    second = unpacked(tmp_path / "a.zip")
    assert first != second and [path.name for path in second.rglob("*.png")] == ["b.png"]


def test_what_systems_add_to_a_zip_is_not_unpacked(tmp_path):
    packed = zip_of(tmp_path / "a.zip", ("x/a.png", b"x"), ("__MACOSX/x/._a.png", b"x"), ("x/Thumbs.db", b"x"))
    assert [path.name for path in unpacked(packed).rglob("*") if path.is_file()] == ["a.png"]


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("normal/a.png")
    info.external_attr = 0o120777 << 16
    return info


def encrypt(path: Path) -> None:
    """Set the flag of encryption in both headers of a zip of one file."""
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)


def understate(path: Path) -> None:
    """Make a zip of one file declare one byte of it."""
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\1\2") + 24
    data[place : place + 4] = struct.pack("<I", 1)
    path.write_bytes(data)


def keep(path: Path) -> None:
    """Leave a zip as it is."""


BAD = {
    "a name that leads outside it ('../a.png')": ([("../a.png", b"x")], keep),
    "a name that leads outside it ('/etc/a.png')": ([("/etc/a.png", b"x")], keep),
    "a link or a device ('normal/a.png')": ([(link(), b"/etc/passwd")], keep),
    "an encrypted file ('a.png')": ([("a.png", b"x" * 30)], encrypt),
    "30,000,000 bytes, packed into": ([("a.png", bytes(30_000_000))], keep),
    "cannot be unpacked: Bad CRC-32": ([("a.png", b"xyz")], understate),
    "cannot be unpacked: File is not a zip file": ([("a.png", b"x")], lambda path: path.write_bytes(b"no zip")),
    "is an empty zip": ([], keep),
    "is a zip of hidden files alone": ([("__MACOSX/._a.png", b"x"), (".DS_Store", b"x")], keep),
    "cannot be unpacked: [Errno": ([("a", b"x"), ("a/b.png", b"x")], keep),
}


@pytest.mark.parametrize("said", BAD)
def test_a_bad_zip_is_refused_in_one_line_and_leaves_nothing(tmp_path, cache, said):
    members, damage = BAD[said]
    packed = zip_of(tmp_path / "a.zip", *members)
    damage(packed)
    with refused(str(packed), said):
        read_source(packed)
    assert not [
        path for path in tmp_path.rglob("*") if path.suffix == ".png" or (path.is_dir() and path.parent == cache)
    ]


def test_a_zip_of_too_many_or_too_large_files_is_refused(tmp_path, monkeypatch):
    packed = zip_of(tmp_path / "a.zip", ("a.png", b"x"), ("b.png", b"y" * 9))
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    with refused("2 files; at most 1 are unpacked"):
        unpacked(packed)
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    monkeypatch.setattr(archives, "MOST_BYTES", 8)
    with refused("a file of 9 bytes; at most 8 are unpacked ('b.png')"):
        unpacked(packed)
