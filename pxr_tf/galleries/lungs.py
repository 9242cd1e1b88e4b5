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
from pxr_tf.pictures.lung_crop import lungs_as_seen, why_whole
from pxr_tf.pictures.lung_source import BUILTIN, GivenLungs, LungSource, check_places, find_masks, open_source
from pxr_tf.pictures.lung_store import FoundLungs, open_lungs
from pxr_tf.pictures.preparation import Preparation

NO_MASK = "no mask"


class LungsSeen(NamedTuple):
    """The lungs of pictures, one at a time: a thousand masks would be 50 MB."""

    found: FoundLungs
    paths: Mapping[str, str]  # image id -> file
    preparation: Preparation
    lowest_confidence: float

    def why_not(self, image_id: str) -> str:
        """Return why a picture's lungs are not trusted, in a few words; "" if they are."""
        lungs = self.found.of(self.paths[image_id])
        return NO_MASK if lungs is None else why_whole(lungs, self.lowest_confidence)

    def mask_of(self, image_id: str) -> np.ndarray | None:
        """Return the lungs as the network sees them, bool [size, size]; None if they are not trusted."""
        if self.why_not(image_id):
            return None
        return lungs_as_seen(self.found.of(self.paths[image_id]), self.preparation, self.lowest_confidence)


def open_gallery_source(
    atlas: str | None, masks: str | None, own: LungSource | None, table: pd.DataFrame, cache: Path
) -> LungSource:
    """Return the lung source: given masks or atlas, the run's own, or the built-in. Raises `PxrError` without masks."""
    check_places(atlas or BUILTIN, masks)
    if masks is None and own is not None:
        return own
    if masks is not None and not find_masks(masks, table.path):
        raise PxrError(
            f"--masks received {masks!r}, but no picture has a mask there. Accepted: data, or a folder of PNGs "
            "named like their pictures."
        )
    covered = table if masks is None else table[table.path.isin(find_masks(masks, table.path))]
    return open_source(atlas or Image.model_fields["atlas"].default, masks, covered, cache)


def find_shown_lungs(
    table: pd.DataFrame, source: LungSource, preparation: Preparation, cache: Path, on_event: OnEvent
) -> LungsSeen:
    """Return the lungs of the table's pictures; about 0.1 s each the first time, then from the cache."""
    covered = table[table.path.isin(source.masks)] if isinstance(source, GivenLungs) else table
    found = open_lungs(
        cache,
        covered,
        source,
        on_progress=partial(emit_progress, on_event, "finding lungs"),
        on_wait=partial(emit_wait, on_event),
    )
    paths = dict(zip(table.image_id, table.path, strict=True))
    return LungsSeen(found, paths, preparation, source.lowest_confidence)
