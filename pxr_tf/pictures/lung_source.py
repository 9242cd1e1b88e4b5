"""Lung sources say where the lungs are in a picture file: an atlas, a trained network, or given masks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.lungs.atlas import builtin_atlas
from pxr_tf.lungs.confidence import TRUSTED
from pxr_tf.lungs.find import LungFinder, Lungs, find_lungs
from pxr_tf.lungs.network import ACCEPTED_NETWORKS, LungNetwork, read_network
from pxr_tf.pictures.decode import load_grey, read_header
from pxr_tf.pictures.given_masks import check_owners, find_given, read_given
from pxr_tf.pictures.lung_atlas import read_atlas
from pxr_tf.pictures.store import PICTURES_VERSION

_VERSION = 2  # raise it when the same file and source would give another mask
BUILTIN = "builtin"  # the atlas that needs no pairs
_DATA = "data"  # masks next to the images


class LungSource(Protocol):
    """What says where the lungs are in the files of some data."""

    @property
    def identity(self) -> str:
        """A name, for people and keys, that differs between sources that may give other lungs for the same data."""

    @property
    def lowest_confidence(self) -> float:
        """The confidence below which a picture is shown whole."""

    def kept_under(self, side: int) -> str:
        """Return a digest of what decides a stored mask of `side` pixels, besides its key."""

    def with_keys(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the key of each file's lungs as ``content``; raise `PxrError` if files have none."""

    def find(self, path: str) -> Lungs:
        """Return the lungs in a file, in its own pixels; raise `UnreadableImageError` if it cannot be decoded."""


@dataclass(frozen=True)
class AtlasLungs:
    """Finds lungs by registration to an atlas, or with a network that was trained on pairs."""

    atlas: LungFinder
    lowest_confidence: float = TRUSTED
    place: str = ""  # where the atlas is, as the user named it; "" if that is unknown

    @property
    def identity(self) -> str:
        kind = "network" if isinstance(self.atlas, LungNetwork) else "atlas"
        return f"{kind} {self.atlas.digest}, method {_VERSION}, confidence {self.lowest_confidence:g}"

    def kept_under(self, side: int) -> str:
        return files.digest(
            _VERSION,
            PICTURES_VERSION,  # the store remembers faults of decoding
            side,
            self.atlas.digest,
            *rundir.name_versions("pillow", "opencv-python", "scipy", "numpy"),
        )

    def with_keys(self, table: pd.DataFrame) -> pd.DataFrame:
        return table

    def find(self, path: str) -> Lungs:
        return find_lungs(load_grey(path), self.atlas)


@dataclass(frozen=True)
class GivenLungs:
    """Reads lungs from masks that came with the data."""

    asked: str  # ``data`` or a folder, as the user gave it
    masks: Mapping[str, Path]  # picture's path -> its mask
    keys: Mapping[str, str]  # picture's path -> digests of its content and of its mask's
    lowest_confidence: float = 0.0

    @property
    def identity(self) -> str:
        return f"masks {files.digest(_VERSION, *sorted(set(self.keys.values())))}"

    def kept_under(self, side: int) -> str:
        return files.digest(_VERSION, PICTURES_VERSION, side, "masks", *rundir.name_versions("pillow", "opencv-python"))

    def with_keys(self, table: pd.DataFrame) -> pd.DataFrame:
        lacking = [Path(path).name for path in table.path if path not in self.masks]
        if lacking:
            place = f"masks/ next to images/ ({_DATA})" if self.asked == _DATA else f"the folder {self.asked}"
            raise PxrError(
                f"image.masks received {self.asked!r}, but there is no mask for {len(lacking):,} of "
                f"{count_words(len(table), 'image')} ({shorten(lacking, 3)}); accepted: a PNG named like each image in "
                f"{place}. Add all masks, or remove image.masks: then lungs are searched for."
            )
        return table[["path"]].assign(content=table.path.map(self.keys))

    def find(self, path: str) -> Lungs:
        header = read_header(path)
        return read_given(self.masks[path], (header.height, header.width))


def open_source(atlas: str, masks: str | None, table: pd.DataFrame, cache: Path) -> LungSource:
    """Return the lung source of a table (``path, content``): given `masks`, or else `atlas`; raise `PxrError`."""
    if masks is not None:
        found = find_masks(masks, table.path)
        contents = dict(zip(table.path, table.content, strict=True))
        with files.reading(f"image.masks {masks!r}"):
            keys = {path: f"{contents[path]}+{files.digest_file(mask)}" for path, mask in found.items()}
        return GivenLungs(masks, found, keys)
    return AtlasLungs(open_lung_finder(atlas, cache), place=atlas)


def open_lung_finder(atlas: str, cache: Path) -> LungFinder:
    """Return the built-in atlas, a folder's atlas (both kept below `cache`), or a file's network; raise `PxrError`."""
    if atlas == BUILTIN:
        return builtin_atlas(cache)
    return read_network(Path(atlas)) if _is_network(atlas) else read_atlas(Path(atlas), cache)


def check_places(atlas: str, masks: str | None) -> None:
    """Raise `PxrError` if the place of an atlas or of masks does not exist or holds something else."""
    if atlas != BUILTIN and _is_network(atlas):
        read_network(Path(atlas))
    with files.reading(f"image.masks {masks!r}"):
        if masks not in (None, _DATA) and not Path(masks).is_dir():
            raise PxrError(
                f"image.masks received {masks!r}, not a folder; accepted: {_DATA}, or a folder. Check the path."
            )


def find_masks(masks: str, paths: Iterable[str]) -> dict[str, Path]:
    """Return picture's path -> its mask, for pictures that have one; raise `PxrError` if two would share a mask.

    `masks` is a folder (`given_masks.find_given`), or ``data``: ``masks/`` next to the picture's folder, or in it.
    """
    paths = list(dict.fromkeys(paths))
    with files.reading(f"image.masks {masks!r}"):
        if masks == _DATA:
            return _masks_next_to(paths)
        relative = {str(path).lstrip("/"): path for path in paths}
        return {relative[name]: mask for name, mask in find_given(relative, Path(masks)).items()}


def _is_network(atlas: str) -> bool:
    """Return whether it is a file rather than a folder of pairs; raise `PxrError` if it does not exist."""
    with files.reading(f"The atlas {atlas!r}"):
        if not Path(atlas).exists():
            raise PxrError(f"atlas received {atlas!r}, which does not exist; {ACCEPTED_NETWORKS}. Check the path.")
        return Path(atlas).is_file()


def _masks_next_to(paths: Iterable[str]) -> dict[str, Path]:
    found = {}
    for path in map(Path, paths):
        places = (path.parent.parent / "masks", path.parent / "masks")
        mask = next((place / f"{path.stem}.png" for place in places if (place / f"{path.stem}.png").is_file()), None)
        if mask is not None:
            found[str(path)] = mask
    check_owners(found)
    return found
