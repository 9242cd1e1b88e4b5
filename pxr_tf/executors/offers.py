"""Whether a folder is the same folder on two machines: one writes a word and holds a lock, the other looks for both."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pxr_tf import locks
from pxr_tf.errors import PxrError

NAME = ".pxr-shared-"  # what the names of these files begin with


class Offer(NamedTuple):
    """A word in a folder, for other machines to find."""

    folder: str  # absolute
    word: str

    @property
    def file(self) -> Path:
        """The file with the word."""
        return Path(self.folder) / f"{NAME}{self.word}"

    @property
    def lock(self) -> Path:
        """The lock that is held meanwhile."""
        return self.file.with_suffix(".lock")


@contextmanager
def offer(folder: str) -> Iterator[Offer]:
    """Write a word into a folder, which is made if missing, and hold a lock there; remove both at the end."""
    made = Offer(folder, secrets.token_hex(8))
    try:
        with locks.hold(made.lock):
            made.file.write_text(made.word)
            yield made
    finally:
        for file in (made.file, made.lock, *Path(folder).glob(f"{made.file.name}-*")):
            file.unlink(missing_ok=True)


def examine(made: Offer, name: str) -> str:
    """Return why a folder is not shared with this machine, "" if it is; leave a file with `name` for `is_answered`."""
    if not Path(made.folder).is_dir():
        return "it does not exist there"
    if not made.file.is_file() or made.file.read_text() != made.word:
        return "another folder has this name there"
    try:
        _answer(made, name).write_text(name)
    except OSError as error:
        return f"it cannot be written to there ({error.strerror})"
    try:
        with locks.hold(made.lock, patience=0):
            return "its locks do not reach that far"
    except PxrError:  # it is held, as it should be
        return ""


def is_answered(made: Offer, name: str) -> bool:
    """Return whether the file that another machine left can be read here."""
    answer = _answer(made, name)
    return answer.is_file() and answer.read_text() == name


def _answer(made: Offer, name: str) -> Path:
    return made.file.with_name(f"{made.file.name}-{name}")
