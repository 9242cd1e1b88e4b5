"""Crops of an experiment: where its lungs come from, and what its run directory records of each image."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf.config import Experiment
from pxr_tf.config.image import Image
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.errors import PxrError, count_words
from pxr_tf.events import Say
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.lung_crop import load_cropped, why_whole
from pxr_tf.pictures.lung_source import AtlasLungs, LungSource, open_source
from pxr_tf.pictures.lung_store import FoundLungs, find_in
from pxr_tf.pictures.preparation import Preparation

LUNG_COLUMNS = ("image_id", "confidence", "left", "top", "right", "bottom", "cropped", "why_not")
# Shares of a class's images that are shown whole. If a share is larger, or two classes differ by more, the crop itself
# may give the class away.
MANY = 0.1
UNEQUAL = 0.03


def open_lung_source(image: Image, table: pd.DataFrame, cache: Path) -> LungSource | None:
    """Return the lung source for the table's files; None without a crop. Raises `PxrError`."""
    return None if image.crop == "none" else open_source(image.atlas, image.masks, table, cache)


def crops_by_atlas(image: Image) -> bool:
    """Return whether pictures are cropped by lungs that an atlas finds, or a network, and not by given masks."""
    return image.crop != "none" and image.masks is None


def with_atlas(experiment: Experiment, atlas: str | None) -> Experiment:
    """Return the experiment with its atlas at this path; unchanged for None. Raises `PxrError`."""
    if atlas is None:
        return experiment
    if not crops_by_atlas(experiment.image):
        raise PxrError(f"--atlas received {atlas!r}, but the run does not find lungs with an atlas. Leave it out.")
    return experiment.model_copy(update={"image": experiment.image.model_copy(update={"atlas": atlas})})


def preparation_of(image: Image, identity: str | None = None) -> Preparation:
    """Return how a file becomes the picture that a model sees; `identity` names the lung source of a crop."""
    if image.crop == "none":
        return Preparation(image.size, image.resize)
    if not identity:
        raise ValueError(f"crop {image.crop} needs the identity of its lung source")
    return Preparation(image.size, image.resize, image.crop, image.crop_margin, identity)


def describe_lungs(table: pd.DataFrame, found: FoundLungs, source: LungSource) -> pd.DataFrame:
    """Return a row per image (`LUNG_COLUMNS`): box in pixels as shown, half-open; ``why_not`` is empty if cropped."""
    rows = []
    for image_id, path in zip(table.image_id, table.path, strict=True):
        lungs = found.of(path)
        reason = why_whole(lungs, source.lowest_confidence)
        rows.append((image_id, lungs.confidence, *lungs.box, "no" if reason else "yes", reason))
    return pd.DataFrame(rows, columns=LUNG_COLUMNS)


def count_whole(lungs: pd.DataFrame, where: Path) -> str:
    """Return words on how many images are cropped; `lungs` (`describe_lungs`) is written to the file `where`."""
    whole = int((lungs.cropped == "no").sum())
    if not whole:
        return f"Lungs: all {count_words(len(lungs), 'image')} are cropped. Boxes and confidence:\n{where}"
    reasons = ", ".join(
        f"{reason} ({count:,})" for reason, count in lungs.why_not[lungs.cropped == "no"].value_counts().items()
    )
    return (
        f"Lungs: {len(lungs) - whole:,} of {count_words(len(lungs), 'image')} are cropped; {whole:,} shown whole: "
        f"{reasons}. They are listed in:\n{where}"
    )


def lung_warnings(table: pd.DataFrame, lungs: pd.DataFrame) -> list[RunWarning]:
    """Return a warning if many images of a class (``image_id, label``) are whole, or more than of another class."""
    whole = table.assign(whole=table.image_id.isin(lungs.image_id[lungs.cropped == "no"])).groupby("label").whole.mean()
    if whole.max() <= MANY and whole.max() - whole.min() <= UNEQUAL:
        return []
    shares = ", ".join(f"{label} {100 * share:.0f} %" for label, share in whole.items())
    text = (
        f"Some images were not cropped because no lungs were found reliably: {shares}. They do not show the effect of "
        "the crop. If the share differs by class, the model can use that as a shortcut."
    )
    return [RunWarning("lungs", str(whole.idxmax()), "shown whole", float(whole.max()), text)]


def check_same_atlas(source: LungSource | None, identity: str | None, atlas: str) -> None:
    """Raise `PxrError` if the `source`, now at the path `atlas`, is not the atlas of the training (`identity`)."""
    if isinstance(source, AtlasLungs) and source.identity != identity:
        raise PxrError(
            f"The model was trained with another atlas ({identity}); the present atlas, {atlas!r}, is "
            f"{source.identity}. Restore the old atlas, or give its path (--atlas, ATLAS=...)."
        )


def make_loader(
    preparation: Preparation, image: Image, paths: Iterable[str], cache: Path, say: Say
) -> Callable[[str], np.ndarray]:
    """Return a function that prepares one of these files as a model needs it (`preparation`): uint8 [size, size].

    `image` says where the atlas or the masks are now. Raises `PxrError` if the atlas has changed, or a file has no
    mask. The function raises `UnreadableImageError`, and calls `say` if a picture is shown whole.
    """
    if preparation.crop == "none":
        return partial(load_prepared, preparation=preparation)
    files = pd.DataFrame({"path": list(paths)}).assign(content="")
    source = open_source(image.atlas, image.masks, files, cache)
    source.with_keys(files)
    check_same_atlas(source, preparation.lungs, image.atlas)

    def load(path: str) -> np.ndarray:
        lungs = find_in(path, source)
        reason = why_whole(lungs, source.lowest_confidence)
        if reason:
            say(f"Shown whole ({reason}):\n{path}")
        return load_cropped(path, preparation, lungs, source.lowest_confidence)

    return load
