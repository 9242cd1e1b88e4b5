"""The request for a gallery, and the options of its tasks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pxr_tf import files
from pxr_tf.runs.directory import spell
from pxr_tf.runs.finished import FinishedRun

FOLDER, OF_IMAGES = "explained", "explained-images-"  # in the run directory: for cases; for named images, with a digest


@dataclass(frozen=True)
class GalleryRequest:
    """What a gallery should show, and how."""

    run: FinishedRun
    images: tuple[str, ...] = ()  # ids of the run, files, folders; empty: the most telling cases of each class
    methods: tuple[str, ...] = ()  # empty: the defaults
    layer: str | None = None
    target: str = "predicted"  # the class that is explained: predicted, true, or its name
    fold: str | None = None  # whose model; None: the fold that tested the picture
    number: int | None = None  # of cases per group and class; None: `run.NUMBER`
    out: Path | None = None
    atlas: str | None = None
    masks: str | None = None
    checks: bool = True
    check_pictures: int | None = None  # per fold, for the slow checks; None: `run.CHECK_PICTURES`
    skip_unreadable: bool = False
    dicom: bool = False  # also write sheets of DICOM pictures as Secondary Captures
    anonymise: bool = False  # the same in a study without identity, with the films

    @property
    def folder(self) -> Path:
        """The gallery's folder."""
        name = f"{OF_IMAGES}{_digest_names(self.images)}" if self.images else FOLDER
        return spell(self.out) if self.out else self.run.results / name


@dataclass(frozen=True)
class ExplainedPicture:
    """A picture of the tasks ``explain`` and ``explain_checks``."""

    image_id: str
    content: str
    label: str  # "" if unknown
    predicted: str  # "" if the run did not test it
    key: str  # digest of all that decides its maps
    file: Path  # where its maps are written


@dataclass(frozen=True)
class ExplainPictures:
    """Options of the task ``explain``."""

    pictures: tuple[ExplainedPicture, ...]
    methods: tuple[str, ...]
    layer: str | None
    target: str
    lungs: str | None  # identity of the lung source that crops the pictures; None: no crop


@dataclass(frozen=True)
class CheckMaps:
    """Options of the task ``explain_checks``."""

    folds: Mapping[str, tuple[ExplainedPicture, ...]]  # fold -> pictures that its model explained
    others: tuple[str, ...]  # folds whose models are compared for agreement
    permuted: str | None  # the run directory of the same experiment on permuted labels
    to: Path  # the table that is written


def _digest_names(images: Sequence[str]) -> str:
    """Return a short digest of the named images; the spelling of paths does not matter."""
    paths = [os.path.expanduser(word) for word in images]
    return files.digest(*sorted({os.path.realpath(path) if os.path.exists(path) else path for path in paths}), size=4)
