"""What says where the lungs are in a picture file: an atlas, or masks that come with the data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.lungs.atlas import Atlas
from pxr_tf.lungs.builtin import builtin_atlas
from pxr_tf.lungs.find import Lungs, bounding_box, find_lungs, no_lungs
from pxr_tf.pictures.decode import UnreadableImageError, load_grey, read_header
from pxr_tf.pictures.lung_atlas import LUNG, read_atlas

VERSION = 1  # raise it when the same file and source would give another mask
BUILTIN = "builtin"  # the atlas that needs no folder
BESIDE = "data"  # masks that lie beside the images
LOWEST_CONFIDENCE = 0.8  # below it a picture is shown whole
ASPECT = 0.02  # by so much width : height of a mask may differ from its picture's; masks may be smaller


class LungSource(Protocol):
    """Says where the lungs are in the files of some data."""

    @property
    def identity(self) -> str:
        """What tells it, for people and for keys, from every source that may say something else of the same data."""

    @property
    def lowest_confidence(self) -> float:
        """The confidence below which a picture is shown whole."""

    def kept_under(self, side: int) -> str:
        """Return what decides a stored mask of so many pixels, its key aside."""

    def with_keys(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the key of each file's lungs as ``content``; raise `PxrError` for files without any."""

    def find(self, path: str) -> Lungs:
        """Return the lungs in a file, in its own pixels; raise `UnreadableImageError` where it cannot be decoded."""


@dataclass(frozen=True)
class AtlasLungs:
    """Lungs are found by registration to an atlas."""

    atlas: Atlas

    @property
    def identity(self) -> str:
        return f"atlas {self.atlas.digest}, confidence {self.lowest_confidence:g}"

    @property
    def lowest_confidence(self) -> float:
        return LOWEST_CONFIDENCE

    def kept_under(self, side: int) -> str:
        return files.digest(VERSION, side, self.atlas.digest, *_libraries("scipy", "numpy"))

    def with_keys(self, table: pd.DataFrame) -> pd.DataFrame:
        return table

    def find(self, path: str) -> Lungs:
        return find_lungs(load_grey(path), self.atlas)


@dataclass(frozen=True)
class GivenLungs:
    """Lungs are read from masks, white on black, that came with the data."""

    asked: str  # where they were said to be
    masks: Mapping[str, Path]  # picture's path -> its mask
    digests: Mapping[str, str]  # picture's path -> digest of its mask's file

    @property
    def identity(self) -> str:
        return f"masks {files.digest(*sorted(set(self.digests.values())))}"

    @property
    def lowest_confidence(self) -> float:
        return 0.0

    def kept_under(self, side: int) -> str:
        return files.digest(VERSION, side, "masks", *_libraries())

    def with_keys(self, table: pd.DataFrame) -> pd.DataFrame:
        lacking = [path for path in table.path if path not in self.masks]
        if lacking:
            where = f"masks/ beside images/ ({BESIDE})" if self.asked == BESIDE else f"the folder {self.asked}"
            raise PxrError(
                f"image.masks received {self.asked!r}, but {len(lacking):,} of {count_words(len(table), 'image')} have "
                f"no mask ({shorten(map(_name, lacking), 3)}); accepted: a PNG of each image's name in {where}. Add "
                "them, or leave image.masks out: lungs are found then."
            )
        keys = [f"{row.content}+{self.digests[row.path]}" for row in table.itertuples()]
        return table[["path"]].assign(content=keys)

    def find(self, path: str) -> Lungs:
        header, mask = read_header(path), _read_mask(self.masks[path])
        height, width = mask.shape
        if abs(width * header.height / (height * header.width) - 1) > ASPECT:
            raise PxrError(
                f"The mask {self.masks[path]} has {width} x {height} pixels, its picture {header.width} x "
                f"{header.height}; accepted: the same size, or the same shape. Resize it, or leave image.masks out."
            )
        exact = _enlarge(mask, header.width, header.height)
        if not exact.any():
            return no_lungs(exact.shape)
        return Lungs(exact, bounding_box(exact), 1.0, False)


def open_source(atlas: str, masks: str | None, table: pd.DataFrame, cache: Path) -> LungSource:
    """Return what says where the lungs are in the table's files (``path``): masks where they are asked for.

    An atlas is prepared the first time and kept below `cache`. Raises `PxrError`.
    """
    if masks is not None:
        found = find_masks(masks, table.path)
        with files.reading(f"image.masks {masks!r}"):
            return GivenLungs(masks, found, {path: files.digest_file(mask) for path, mask in found.items()})
    return AtlasLungs(builtin_atlas(cache) if atlas == BUILTIN else read_atlas(Path(atlas), cache))


def check_places(atlas: str, masks: str | None) -> None:
    """Raise `PxrError` where an atlas or masks are asked for in a folder that does not exist."""
    for key, given, word in (("atlas", atlas, BUILTIN), ("masks", masks or BESIDE, BESIDE)):
        with files.reading(f"image.{key} {given!r}"):
            if given != word and not Path(given).is_dir():
                raise PxrError(
                    f"image.{key} received {given!r}, which is no folder; accepted: {word}, or a folder. Check the "
                    "path."
                )


def find_masks(masks: str, paths: Iterable[str]) -> dict[str, Path]:
    """Return picture's path -> its mask, for those that have one; raise `PxrError` where two have one name.

    `masks` is a folder of PNGs, at any depth, or ``data``: ``masks`` beside the picture's folder, or in it.
    """
    paths = list(dict.fromkeys(paths))
    return _masks_beside(paths) if masks == BESIDE else _masks_in(Path(masks), paths)


def _masks_beside(paths: Iterable[str]) -> dict[str, Path]:
    found = {}
    for path in map(Path, paths):
        places = (path.parent.parent / "masks", path.parent / "masks")
        mask = next((place / f"{path.stem}.png" for place in places if (place / f"{path.stem}.png").is_file()), None)
        if mask is not None:
            found[str(path)] = mask
    return found


def _masks_in(folder: Path, paths: Iterable[str]) -> dict[str, Path]:
    by_stem: dict[str, Path] = {}
    with files.reading(f"image.masks {str(folder)!r}"):
        for mask in sorted(folder.rglob("*.png")):
            if mask.stem in by_stem:
                raise _two(folder, mask.name, by_stem[mask.stem], mask)
            by_stem[mask.stem] = mask
    owners: dict[str, str] = {}
    for path in paths:
        other = owners.setdefault(Path(path).stem, path)
        if other != path and Path(path).stem in by_stem:
            raise _two(folder, by_stem[Path(path).stem].name, other, path)
    return {path: by_stem[stem] for stem, path in owners.items() if stem in by_stem}


def _two(folder: Path, name: str, first: object, second: object) -> PxrError:
    return PxrError(
        f"image.masks received {str(folder)!r}, where {name} stands for two files, {first} and {second}; "
        "accepted: names that occur once. Rename them, or use image.masks=data."
    )


def _read_mask(path: Path) -> np.ndarray:
    try:
        return load_grey(path) >= LUNG
    except UnreadableImageError as error:
        raise PxrError(
            f"The mask {path} cannot be read: {error}. Replace it, or leave image.masks out: lungs are found then."
        ) from error


def _enlarge(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a mask at its picture's size: each pixel is that of the mask which covers its centre."""
    if mask.shape == (height, width):
        return mask
    rows = (np.arange(height) * 2 + 1) * mask.shape[0] // (2 * height)
    columns = (np.arange(width) * 2 + 1) * mask.shape[1] // (2 * width)
    return mask[rows[:, None], columns]


def _libraries(*more: str) -> list[str]:
    return [f"{name}={metadata.version(name)}" for name in ("pillow", "opencv-python", *more)]


def _name(path: str) -> str:
    return Path(path).name
