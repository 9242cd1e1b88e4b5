"""Bundles: finished runs that were packed to leave their run directory, as a folder or a zip. Open and check one.

A bundle has the layout of a run directory, so whatever takes a finished run takes a bundle. ``bundle.json`` tells them
apart: it lists every file with its size and SHA-256, and opening a bundle checks all of them. Nothing in a bundle is
executed or unpickled: it holds text, NumPy arrays, and models that Keras loads in safe mode.
"""

import hashlib
import json
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from pxr_tf import files, locks
from pxr_tf.errors import PxrError, count_words, shorten

ABOUT = "bundle.json"
FORMAT = 1  # raise it when older versions of pxr_tf cannot read a new bundle
THUMBNAILS = "thumbnails.npy"  # uint8 [pictures, 32, 32]: of each row of images, by which copies are recognised
ATLAS = "atlas"  # what finds lungs, if the run's crop does not use the built-in atlas
RESULTS = ("predicted/", "evaluated/", "explained", "features.parquet")  # of commands that run inside a bundle
MAX_ABOUT, MAX_BYTES = 2**22, 2**34  # bytes of bundle.json, and of all files together
_AGAIN = "Copy it again, or make a new one (pxr bundle)."
_BLOCK = 2**20


def is_bundle(path: Path) -> bool:
    """Return whether a path is a bundle: a folder, or any zip."""
    return (path / ABOUT).is_file() or (path.is_file() and zipfile.is_zipfile(path))


def was_packed(path: Path) -> bool:
    """Return whether a path is a bundle; a zip is only if it holds `ABOUT`, so that no other zip is replaced."""
    if not is_bundle(path) or path.is_dir():
        return is_bundle(path)
    with zipfile.ZipFile(path) as archive:
        return any(PurePosixPath(name).name == ABOUT for name in archive.namelist())


def open_checked(path: Path, cache: Path) -> Path:
    """Return the folder of a bundle whose files are all as they were packed; a zip is unpacked once, into `cache`.

    Raises `PxrError` for a bundle that is damaged, was edited, or was made by a newer version.
    """
    with files.reading(f"The bundle {path}"):
        if path.is_dir():
            about = _checked((path / ABOUT).read_bytes()[: MAX_ABOUT + 1], path)
            _check_files(about["files"], path, lambda name: _open_inside(path, name))
            _check_unlisted(about["files"], path)
            return path
        return _unpack(path, cache)


def read_about(folder: Path) -> dict[str, Any]:
    """Return ``bundle.json`` of a bundle that was opened."""
    return dict(json.loads((folder / ABOUT).read_text(encoding="utf-8")))


def read_thumbnails(folder: Path, contents: list[str]) -> dict[str, np.ndarray]:
    """Return content -> uint8 [32, 32]; `contents` are those of the bundle's rows of images, in their order."""
    found = np.load(folder / THUMBNAILS, allow_pickle=False)
    if found.dtype != np.uint8 or found.shape != (len(contents), 32, 32):
        raise PxrError(f"{folder / THUMBNAILS} does not have one thumbnail per image. {_AGAIN}")
    return dict(zip(contents, found, strict=True))


def list_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return name -> size and SHA-256 of every file below a folder, as ``bundle.json`` lists them."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / ABOUT)
    return {path.relative_to(folder).as_posix(): _facts(path) for path in found}


def _facts(path: Path) -> dict[str, Any]:
    with files.open_regular(path) as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _checked(text: bytes, path: Path) -> dict[str, Any]:
    """Return what ``bundle.json`` says; raise `PxrError` if this version cannot read it."""
    try:
        about = json.loads(text)
        version, listed = int(about["format"]), about["files"]
        names = [PurePosixPath(name) for name in listed]
        total = sum(int(facts["bytes"]) for facts in listed.values())
        hashes = all(len(bytes.fromhex(facts["sha256"])) == 32 for facts in listed.values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PxrError(f"The {ABOUT} of the bundle {path} is damaged. {_AGAIN}") from error
    if version > FORMAT:
        raise PxrError(
            f"The bundle {path} has format {version}, made by pxr_tf {about.get('pxr_tf', '?')}; accepted: format "
            f"{FORMAT} and older. Install a newer pxr_tf."
        )
    unsafe = [str(name) for name in names if name.is_absolute() or ".." in name.parts or "\\" in str(name)]
    if unsafe or not hashes or not 0 <= total <= MAX_BYTES:
        fault = f"names {shorten(unsafe)}" if unsafe else f"declares {total:,} bytes"
        raise PxrError(f"The bundle {path} {fault}; accepted: files inside it, at most {MAX_BYTES:,} bytes. {_AGAIN}")
    return dict(about)


def _check_files(listed: Mapping[str, Mapping[str, Any]], path: Path, open_one: Callable[[str], BinaryIO]) -> None:
    """Raise `PxrError` if a listed file is missing or has other bytes."""
    missing, changed = [], []
    for name, facts in listed.items():
        try:
            with open_one(name) as file:
                if not _has_digest(file, facts):
                    changed.append(name)
        except (FileNotFoundError, KeyError, IsADirectoryError, NotADirectoryError):
            missing.append(name)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            changed.append(name)
    if missing or changed:
        fault = (
            f"lacks {shorten(missing, 3)}" if missing else f"has other bytes than were packed in {shorten(changed, 3)}"
        )
        raise PxrError(f"The bundle {path} {fault}. {_AGAIN}")


def _check_unlisted(listed: Mapping[str, Any], path: Path) -> None:
    """Raise `PxrError` if a folder has other files: a gate or an audit that nobody packed would be believed.

    Hidden files may be there (a hub's client leaves some), and what commands write that run inside the folder.
    """
    names = (file.relative_to(path).as_posix() for file in sorted(path.rglob("*")) if not file.is_dir())
    extra = [
        name
        for name in names
        if name not in listed and name != ABOUT and "/." not in f"/{name}" and not name.startswith(RESULTS)
    ]
    if extra:
        raise PxrError(f"The bundle {path} holds what was not packed: {shorten(extra, 3)}. Remove it, or pack again.")


def _has_digest(file: BinaryIO, facts: Mapping[str, Any], copy: BinaryIO | None = None) -> bool:
    """Return whether a file has the listed size and SHA-256; read no byte beyond the size, and write them to `copy`."""
    left, digest = int(facts["bytes"]), hashlib.sha256()
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        digest.update(block)
        left -= len(block)
        if copy is not None:
            copy.write(block)
    return left == 0 and not file.read(1) and digest.hexdigest() == facts["sha256"]


def _open_inside(folder: Path, name: str) -> BinaryIO:
    path = folder / name
    if not stat.S_ISREG(os.lstat(path).st_mode):  # a link may lead elsewhere
        raise FileNotFoundError(name)
    return open(path, "rb")


def _unpack(path: Path, cache: Path) -> Path:
    """Return the folder into which a zip is unpacked, below `cache`; only listed files are, and all are checked."""
    out = cache / "bundles" / files.digest_file(path)
    with locks.hold(cache / "bundles" / f"{out.name}.lock"):
        if not (out / ABOUT).is_file():
            with _zip_faults(path), zipfile.ZipFile(path) as archive, files.written_whole(out) as partial:
                shutil.rmtree(partial, ignore_errors=True)
                _extract(archive, path, partial)
            return out
    _check_files(read_about(out)["files"], out, lambda name: _open_inside(out, name))
    return out


def _extract(archive: zipfile.ZipFile, path: Path, out: Path) -> None:
    names = {info.filename for info in archive.infolist()}
    prefix = next(
        (name.removesuffix(ABOUT) for name in sorted(names, key=len) if PurePosixPath(name).name == ABOUT), None
    )
    if prefix is None:
        raise PxrError(f"{path} is a zip without {ABOUT}. Accepted: a bundle, which `pxr bundle` makes.")
    with archive.open(prefix + ABOUT) as file:
        text = file.read(MAX_ABOUT + 1)
    about = _checked(text, path)
    lacking = [name for name in about["files"] if prefix + name not in names]
    if lacking:
        raise PxrError(f"The bundle {path} lacks {shorten(lacking, 3)}. {_AGAIN}")
    for name, facts in about["files"].items():
        place = out / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(prefix + name) as file, open(place, "wb") as copy:
            if not _has_digest(file, facts, copy):
                raise PxrError(f"The bundle {path} has other bytes than were packed in {name}. {_AGAIN}")
    (out / ABOUT).write_bytes(text)


@contextmanager
def _zip_faults(path: Path) -> Iterator[None]:
    """Raise a `PxrError` for an encrypted or damaged zip."""
    try:
        yield
    except RuntimeError as error:  # zipfile has no type of its own for encryption
        raise PxrError(f"The bundle {path} is an encrypted zip. Accepted: a zip without a password.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise PxrError(f"The bundle {path} is a damaged zip ({error or type(error).__name__}). {_AGAIN}") from error


def refuse_bundle(path: Path) -> None:
    """Raise the `PxrError` of a command that writes into a run directory, and therefore takes no bundle."""
    listed = count_words(len(read_about(path)["files"]), "file") if path.is_dir() else "files"
    raise PxrError(f"{str(path)!r} is a bundle, whose {listed} never change. Accepted: the folder of a finished run.")
