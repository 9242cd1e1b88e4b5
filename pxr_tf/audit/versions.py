"""Versions of a test picture: what the task ``audit_changes`` is asked for, and how each is made."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pxr_tf import files
from pxr_tf.audit import files_like
from pxr_tf.audit.changes import SIMPLE, exchange_frame, match_histogram, match_spectrum
from pxr_tf.audit.degrade import DEGRADATIONS
from pxr_tf.pictures.decode import InaccessibleImageError, load_grey

VERSION = 1  # increase it if a change would give other pixels
UNCHANGED = "unchanged"
LIKE_FILES = (files_like.TABLES_ALONE, files_like.SIZE_ALONE, files_like.BOTH)
CONTRAST, SHARPNESS, FRAME, TOGETHER = "contrast", "sharpness", "frame", "together"
IMITATIONS = (*LIKE_FILES, CONTRAST, SHARPNESS, FRAME, TOGETHER)  # changes that imitate the pictures of a class


class Change(NamedTuple):
    """A change of a picture."""

    kind: str  # `UNCHANGED`, one of `SIMPLE`, of `IMITATIONS` or of `DEGRADATIONS`
    strength: float = 0.0  # of a degradation
    of: str = ""  # the class that an imitation imitates


class Look(NamedTuple):
    """What the prepared pictures of a class have in common."""

    histogram: tuple[float, ...]  # the mean share of each of 256 greys
    spectrum: tuple[float, ...]  # the mean of `changes.measure_spectrum`


class Donor(NamedTuple):
    """The picture of a class that is imitated."""

    content: str
    path: str


@dataclass(frozen=True)
class AuditPicture:
    """A picture that is changed."""

    content: str
    path: str
    donors: Mapping[str, Donor]  # class -> the picture of that class that it imitates


@dataclass(frozen=True)
class PredictVersions:
    """Options of the task ``audit_changes``: each picture is predicted after each change, by the fold's model."""

    pictures: tuple[AuditPicture, ...]
    changes: tuple[Change, ...]
    looks: Mapping[str, Look]  # of each class
    to: Path  # JSON with the ``folder`` of the predictions, a keyed array


@dataclass(frozen=True)
class Original:
    """A picture before any change, and what changes need besides."""

    about: AuditPicture
    find_pixels: Callable[[str], np.ndarray]  # content -> prepared picture, uint8 [side, side]
    prepare: Callable[[bytes, str], np.ndarray]  # (changed file, path of the original) -> prepared picture

    @cached_property
    def pixels(self) -> np.ndarray:
        """The prepared picture, uint8 [side, side]."""
        return self.find_pixels(self.about.content)

    @cached_property
    def whole(self) -> np.ndarray:
        """The file's own pixels, uint8 [height, width]; raises `UnreadableImageError`."""
        if files.digest_file(Path(self.about.path)) != self.about.content:
            raise InaccessibleImageError("changed since the run")
        return load_grey(self.about.path)


def name_version(change: Change, picture: AuditPicture, looks: Mapping[str, Look]) -> str:
    """Return the key of a picture's version: it names all that decides its pixels, except for the preparation."""
    words = [change.kind, picture.content]
    if change.kind in DEGRADATIONS:
        words.append(f"{change.strength:g}")
    if change.kind in (CONTRAST, TOGETHER):
        words.append(files.digest(*looks[change.of].histogram))
    if change.kind in (SHARPNESS, TOGETHER):
        words.append(files.digest(*looks[change.of].spectrum))
    if change.kind in (*LIKE_FILES, FRAME, TOGETHER):
        words.append(picture.donors[change.of].content)
    return " ".join(words)


def make_version(change: Change, original: Original, looks: Mapping[str, Look]) -> np.ndarray:
    """Return a version, uint8 [side, side]; raise `UnreadableImageError` if a file is needed and cannot be read."""
    if change.kind == UNCHANGED:
        return original.pixels
    if change.kind in SIMPLE:
        return SIMPLE[change.kind](original.pixels)
    if change.kind in DEGRADATIONS:
        seed = int.from_bytes(hashlib.blake2b(original.about.content.encode(), digest_size=4).digest())
        return DEGRADATIONS[change.kind].degrade(original.pixels, change.strength, seed)
    return _imitate(change.kind, original, original.about.donors[change.of], looks[change.of])


def _imitate(kind: str, original: Original, donor: Donor, look: Look) -> np.ndarray:
    pixels = original.pixels
    if kind in (*LIKE_FILES, TOGETHER):
        what = files_like.BOTH if kind == TOGETHER else kind
        changed = files_like.save_like(original.whole, files_like.read_encoding(donor.path), what)
        pixels = original.prepare(changed, original.about.path)
    if kind in (SHARPNESS, TOGETHER):
        pixels = match_spectrum(pixels, np.array(look.spectrum))
    if kind in (CONTRAST, TOGETHER):
        pixels = match_histogram(pixels, np.array(look.histogram))
    if kind in (FRAME, TOGETHER):
        pixels = exchange_frame(pixels, original.find_pixels(donor.content))
    return pixels
