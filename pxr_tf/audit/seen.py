"""The pictures of an audit and their lungs, and every view of them: decoded and found once, kept in the cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf import arrays, files
from pxr_tf.audit.material import Material
from pxr_tf.audit.views import RAW, VIEWS, VIEWS_VERSION, count_greys, shrink
from pxr_tf.events import emit_progress, emit_wait
from pxr_tf.pictures.gather import decode_images
from pxr_tf.pictures.lung_crop import lungs_as_seen
from pxr_tf.pictures.lung_source import BUILTIN, LungSource, open_source
from pxr_tf.pictures.lung_store import MASK_SIDE, FoundLungs, open_lungs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import fill, load_pictures, pictures_key
from pxr_tf.runs.crop import check_same_atlas, open_lung_source, preparation_of

DATA_SIZE = 128  # pixels of a side, for data without a run: only raw pixels are probed, at a quarter of it
ENCODED = "reencoded"
# Where no lungs were found: the share of rows and columns that are counted as lungs, from and to
NO_LUNGS = (0.1, 0.75), (0.1, 0.9)
_BATCH = 256  # pictures of a view that are made together: 13 MB at 224 pixels
_SEEN_VERSION = 1  # raise it if the same lungs would give another mask


@dataclass(frozen=True)
class Seen:
    """Where the pictures of an audit and the lungs in them are kept; enough for any process to make a view."""

    cache: Path
    preparation: Preparation
    base: Preparation  # of the view `reencoded`
    masks: Path  # keyed array of packed bits, by content: the lungs as a network sees them
    decided_by: str  # names what decides the masks

    def view_key(self, view: str) -> str:
        """Return a text that differs if the view's pixels may; it is empty for whole pictures, which have no view."""
        if view == "whole":
            return ""
        return files.digest(view, VIEWS_VERSION, pictures_key(self.base_of(view)), self.decided_by)

    def base_of(self, view: str) -> Preparation:
        """Return how files become the pictures that the view begins with."""
        return self.base if view == ENCODED else self.preparation

    def open(self, view: str) -> "ViewLoader":
        """Return what loads pictures of the view."""
        stored = load_pictures(self.cache, self.base_of(view))
        return ViewLoader(view, stored.pixels, stored.rows, arrays.load_array(self.masks))


@dataclass(frozen=True)
class ViewLoader:
    """Loads pictures of one view."""

    view: str
    pixels: np.ndarray  # uint8 [rows, size, size]
    rows: dict[str, int]  # content -> row of `pixels`
    masks: arrays.KeyedArray

    def load(self, contents: Sequence[str]) -> np.ndarray:
        """Return uint8 [contents, size, size]; raise KeyError for a content without a picture."""
        size = self.pixels.shape[1]
        pictures = self.pixels[[self.rows[content] for content in contents]]
        if self.view in ("whole", ENCODED, "thumbnail"):
            return VIEWS[self.view](pictures, np.empty(0, bool))  # lungs make no difference
        packed = self.masks.values[[self.masks.rows[content] for content in contents]]
        bits = np.unpackbits(packed, axis=1, count=size * size)
        return VIEWS[self.view](pictures, bits.reshape(pictures.shape).astype(bool))


def decode(material: Material, table: pd.DataFrame, preparation: Preparation, crop: LungSource | None) -> pd.DataFrame:
    """Return the rows whose pictures can be read, decoded into the cache; `crop` says where the lungs are."""
    return decode_images(
        table,
        preparation,
        material.cache,
        skip_unreadable=True,
        on_progress=partial(emit_progress, material.on_event),
        on_wait=partial(emit_wait, material.on_event),
        source=crop,
    ).table


def see(material: Material, table: pd.DataFrame) -> tuple[pd.DataFrame, Seen]:
    """Return the rows whose pictures can be read, decoded into the cache with their lungs, and where that is."""
    crop, preparation = open_preparation(material, table)
    base = Preparation(preparation.size, "average") if preparation.crop == "none" else preparation
    for wanted in (preparation, base):
        table = decode(material, table, wanted, crop)
    source = crop or open_source(BUILTIN, None, table, material.cache)
    found = open_lungs(
        material.cache,
        table,
        source,
        on_progress=partial(emit_progress, material.on_event, "finding lungs"),
        on_wait=partial(emit_wait, material.on_event),
    )
    decided_by = files.digest(_SEEN_VERSION, source.identity, source.kept_under(MASK_SIDE), preparation.digest)
    masks = material.cache / f"lungs-seen-{decided_by}"
    _keep_masks(masks, table, found, source, preparation)
    return table, Seen(material.cache, preparation, base, masks, decided_by)


def read_raw(seen: Seen, view: str, contents: Sequence[str]) -> np.ndarray:
    """Return the pictures of a view at `RAW` x `RAW` pixels, float32 [contents, pixels]; kept in the cache."""
    folder = seen.cache / f"raw-{files.digest(RAW, pictures_key(seen.base_of(view)), seen.view_key(view))}"
    missing = arrays.missing_keys(folder, contents)
    if missing:
        loader = seen.open(view)
        with arrays.open_writer(folder, (RAW, RAW), np.uint8) as writer:
            missing = writer.missing(contents)
            for start in range(0, len(missing), _BATCH):
                part = missing[start : start + _BATCH]
                writer.append(part, [shrink(picture, RAW) for picture in loader.load(part)])
    stored = arrays.load_array(folder)
    values = stored.values[[stored.rows[content] for content in contents]]
    return values.reshape(len(contents), -1).astype(np.float32)


def read_greys(seen: Seen, contents: Sequence[str]) -> np.ndarray:
    """Return the histograms of whole pictures, float32 [contents, bins]."""
    loader = seen.open("whole")
    parts = [contents[start : start + _BATCH] for start in range(0, len(contents), _BATCH)]
    return np.concatenate([count_greys(loader.load(part)) for part in parts])


def open_preparation(material: Material, table: pd.DataFrame) -> tuple[LungSource | None, Preparation]:
    """Return the lung source if the run crops, and how a file becomes a picture."""
    if material.run is None:
        return None, Preparation(DATA_SIZE, "squash")
    image = material.run.recipe.image
    crop = open_lung_source(image, table, material.cache)
    check_same_atlas(crop, material.run.lung_identity, image.atlas)
    return crop, preparation_of(image, crop and crop.identity)


def _keep_masks(
    folder: Path, table: pd.DataFrame, found: FoundLungs, source: LungSource, preparation: Preparation
) -> None:
    def pack(path: str) -> np.ndarray:
        lungs = found.of(path)
        mask = None if lungs is None else lungs_as_seen(lungs, preparation, source.lowest_confidence)
        return np.packbits(_usual_place(preparation.size) if mask is None or not mask.any() else mask)

    fill(folder, (-(-(preparation.size**2) // 8),), table, pack)


def _usual_place(size: int) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    rows, columns = (slice(*(round(share * size) for share in ends)) for ends in NO_LUNGS)
    mask[rows, columns] = True
    return mask
