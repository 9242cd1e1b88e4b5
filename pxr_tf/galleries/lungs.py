"""Find the lungs in a gallery's pictures, or read their masks: the lungs as the network sees them."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.config.image import Image
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.galleries.request import GalleryRequest
from pxr_tf.pictures.lung_crop import lungs_as_seen, why_whole
from pxr_tf.pictures.lung_source import BUILTIN, GivenLungs, LungSource, check_places, find_masks, open_source
from pxr_tf.pictures.lung_store import FoundLungs, open_lungs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.crop import check_same_atlas, crops_by_atlas, open_lung_source

NO_MASK = "no mask"


class LungsSeen(NamedTuple):
    """The lungs of pictures, one at a time: a thousand masks would be 50 MB."""

    found: FoundLungs
    paths: Mapping[str, str]  # image id -> file
    preparation: Preparation
    lowest_confidence: float
    cropped: FoundLungs | None = None  # the lungs that cropped the run's pictures; None: whole pictures, or `found`
    lowest_to_crop: float = 0.0  # confidence below which a picture was not cropped

    def why_not(self, image_id: str) -> str:
        """Return why a picture's lungs are not trusted, in a few words; "" if they are."""
        lungs = self.found.of(self.paths[image_id])
        return NO_MASK if lungs is None else why_whole(lungs, self.lowest_confidence)

    def mask_of(self, image_id: str) -> np.ndarray | None:
        """Return the lungs as the network sees them, bool [size, size]; None if they are not trusted."""
        if self.why_not(image_id):
            return None
        path = self.paths[image_id]
        lungs = self.found.of(path)
        if self.cropped is None:
            return lungs_as_seen(lungs, self.preparation, self.lowest_confidence)
        return lungs_as_seen(lungs, self.preparation, self.lowest_to_crop, self.cropped.of(path))


class GallerySources(NamedTuple):
    """The lung sources of a gallery."""

    own: LungSource | None  # crops the run's own pictures
    shown: LungSource | None  # finds lungs for the checks and outlines; None: no checks


def open_sources(asked: GalleryRequest, table: pd.DataFrame) -> GallerySources:
    """Return the lung sources of the gallery's pictures (``path, content``). Raises `PxrError`."""
    own = _open_own(asked, table)
    return GallerySources(own, _open_shown(asked, own, table) if asked.checks else None)


def _open_own(asked: GalleryRequest, table: pd.DataFrame) -> LungSource | None:
    """Return what crops the run's pictures; ``--atlas`` may be the present place of the run's atlas."""
    run, image = asked.run, asked.run.recipe.image
    if asked.atlas is not None and crops_by_atlas(image):
        there = open_source(asked.atlas, None, table, run.cache)
        other_use = asked.checks and asked.masks is None and (image.atlas == BUILTIN or Path(image.atlas).exists())
        if there.identity == run.lung_identity or not other_use:
            check_same_atlas(there, run.lung_identity, asked.atlas)
            return there
    own = open_lung_source(image, table, run.cache)
    check_same_atlas(own, run.lung_identity, image.atlas)
    return own


def _open_shown(asked: GalleryRequest, own: LungSource | None, table: pd.DataFrame) -> LungSource:
    """Return the given masks or atlas, else what the run's crop uses, else the built-in atlas."""
    masks, cache = asked.masks, asked.run.cache
    check_places(asked.atlas or BUILTIN, masks)
    if masks is None:
        if own is not None and asked.atlas is None:
            return own
        return open_source(asked.atlas or Image.model_fields["atlas"].default, None, table, cache)
    found = find_masks(masks, table.path)
    if not found:
        raise PxrError(
            f"--masks received {masks!r}, but no picture has a mask there. Accepted: data, or a folder of PNGs "
            "named like their pictures."
        )
    return open_source(BUILTIN, masks, table[table.path.isin(found)], cache)


def find_shown_lungs(
    table: pd.DataFrame, sources: GallerySources, preparation: Preparation, cache: Path, on_event: OnEvent
) -> LungsSeen | None:
    """Return the lungs of the table's pictures, None without checks; 0.1 s each the first time, then from the cache."""
    own, shown = sources
    if shown is None:
        return None
    paths = dict(zip(table.image_id, table.path, strict=True))
    seen = LungsSeen(_find(table, shown, cache, on_event), paths, preparation, shown.lowest_confidence)
    if own is None or own is shown:
        return seen
    return seen._replace(cropped=_find(table, own, cache, on_event), lowest_to_crop=own.lowest_confidence)


def _find(table: pd.DataFrame, source: LungSource, cache: Path, on_event: OnEvent) -> FoundLungs:
    covered = table[table.path.isin(source.masks)] if isinstance(source, GivenLungs) else table
    return open_lungs(
        cache,
        covered,
        source,
        on_progress=partial(emit_progress, on_event, "finding lungs"),
        on_wait=partial(emit_wait, on_event),
    )
