"""A zip file as data: unpacked once, to a folder that its bytes name, after all that it declares was checked."""

import lzma
import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pxr_tf import files, locks
from pxr_tf.errors import PxrError, shown
from pxr_tf.rundir import default_cache
from pxr_tf.sets.file_kinds import is_litter

ZIP = ".zip"
MOST_FILES = 200_000
MOST_BYTES = 360_000_000  # of one file: the largest picture that is read (`pictures.decode`)
MOST_RATIO = 100  # of all bytes to those of the zip: X-rays reach 4, as raw values perhaps 20; a bomb has 1,000
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, ValueError)
_REMEDY = "Make the zip again, or unpack it yourself."


def unpacked(path: str | Path) -> Path:
    """Return the absolute path of data; of a zip, the folder with its files, named like it. Links are kept.

    The folder is ``$XDG_CACHE_HOME/pxr_tf/zips/<digest of the zip>/<its name>``, ``~/.cache`` by default. A second call
    finds it there. Raises `PxrError` for a zip that is damaged, encrypted, too large, or that names places outside it.
    """
    place = Path(os.path.abspath(os.path.expanduser(path)))
    if place.suffix.lower() != ZIP or not place.is_file():
        return place
    with files.reading(f"DATA {path}"):
        key = files.digest_file(place)
    home = default_cache() / "zips" / key
    folder = home / place.stem
    if not folder.is_dir():
        with locks.hold(locks.lock_of(home)):
            if not folder.is_dir():
                try:
                    _unpack(place, folder)
                except PxrError:
                    shutil.rmtree(home, ignore_errors=True)
                    raise
    return folder


def _unpack(place: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(place) as archive:
            members = _check(place, archive)
            with files.written_whole(folder) as partial:
                shutil.rmtree(partial, ignore_errors=True)
                for member in members:
                    target = partial / member.filename
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(member) as source, open(target, "xb") as file:
                        shutil.copyfileobj(source, file)  # zipfile stops at the declared size, and checks the CRC
    except (*_DAMAGE, FileExistsError, NotADirectoryError) as error:
        raise PxrError(f"DATA {place} cannot be unpacked: {error}. {_REMEDY}") from error


def _check(place: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of a zip that are unpacked; raise `PxrError` for one that must not be."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    total, size = sum(member.file_size for member in members), place.stat().st_size
    faults = [(fault, member.filename) for member in members if (fault := _fault_of(member))]
    if len(members) > MOST_FILES:
        faults = [(f"{len(members):,} files; at most {MOST_FILES:,} are unpacked", "")]
    elif total > MOST_RATIO * size:
        faults = [(f"{total:,} bytes, packed into {size:,}; at most {MOST_RATIO} times as many are unpacked", "")]
    if faults:
        fault, name = faults[0]
        which = f" ({shown(name, 60)})" if name else ""
        raise PxrError(f"DATA {place} holds {fault}{which}. {_REMEDY}")
    visible = [member for member in members if not any(map(_is_hidden, PurePosixPath(member.filename).parts))]
    if not visible:
        hidden = "a zip of hidden files alone" if members else "an empty zip"
        raise PxrError(f"DATA {place} is {hidden}; accepted: a zip of pictures. Put the data into it.")
    return visible


def _fault_of(member: zipfile.ZipInfo) -> str:
    """Return why a file must not be unpacked, after "holds"; "" if it may be."""
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
        return "a name that leads outside it"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "a link or a device"
    if member.flag_bits & 0x1:
        return "an encrypted file"
    if member.file_size > MOST_BYTES:
        return f"a file of {member.file_size:,} bytes; at most {MOST_BYTES:,} are unpacked"
    return ""


def _is_hidden(part: str) -> bool:
    return is_litter(part) or part.startswith("__MACOSX")
