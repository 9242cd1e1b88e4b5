"""What a crop means for an experiment: where its lungs come from, and what its run directory says of each image."""

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
# Shares of a class's images that are shown whole. Where there are more, or two classes differ by more, the crop itself
# may tell the class.
MANY = 0.1
UNEQUAL = 0.03


def open_lung_source(image: Image, table: pd.DataFrame, cache: Path) -> LungSource | None:
    """Return what says where the lungs are in the table's files; None without a crop. Raises `PxrError`."""
    return None if image.crop == "none" else open_source(image.atlas, image.masks, table, cache)


def with_atlas(experiment: Experiment, atlas: str | None) -> Experiment:
    """Return the experiment with the place where its atlas lies now; unchanged for None. Raises `PxrError`."""
    if atlas is None:
        return experiment
    if experiment.image.crop == "none" or experiment.image.masks is not None:
        raise PxrError(f"--atlas received {atlas!r}, but the run finds no lungs by an atlas. Leave it out.")
    return experiment.model_copy(update={"image": experiment.image.model_copy(update={"atlas": atlas})})


def preparation_of(image: Image, identity: str | None = None) -> Preparation:
    """Return how a file becomes the picture that a model sees; `identity` names the lung source of a crop."""
    if image.crop == "none":
        return Preparation(image.size, image.resize)
    if not identity:
        raise ValueError(f"crop {image.crop} needs the identity of what says where lungs are")
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
    """Return in a sentence how many images are cropped; `lungs` comes from `describe_lungs` and is written `where`."""
    whole = int((lungs.cropped == "no").sum())
    if not whole:
        return f"Lungs: all {count_words(len(lungs), 'image')} are cropped; boxes and confidence are in {where}."
    reasons = ", ".join(
        f"{reason} ({count:,})" for reason, count in lungs.why_not[lungs.cropped == "no"].value_counts().items()
    )
    return (
        f"Lungs: {len(lungs) - whole:,} of {count_words(len(lungs), 'image')} are cropped; {whole:,} shown whole: "
        f"{reasons}. {where} lists them."
    )


def lung_warnings(table: pd.DataFrame, lungs: pd.DataFrame) -> list[RunWarning]:
    """Return a warning if many images of a class are shown whole, or more of one class than of another.

    `table` has ``image_id`` and ``label``.
    """
    whole = table.assign(whole=table.image_id.isin(lungs.image_id[lungs.cropped == "no"])).groupby("label").whole.mean()
    if whole.max() <= MANY and whole.max() - whole.min() <= UNEQUAL:
        return []
    shares = ", ".join(f"{label} {100 * share:.0f} %" for label, share in whole.items())
    text = (
        f"Images are shown whole where lungs were not found with confidence: {shares}. What a crop is "
        "worth is not seen on those, and where classes differ in it, a network may tell them apart by it."
    )
    return [RunWarning("lungs", str(whole.idxmax()), "shown whole", float(whole.max()), text)]


def check_same_atlas(source: LungSource | None, identity: str | None, atlas: str) -> None:
    """Raise `PxrError` if lungs are found by another atlas than the one that a model was trained with.

    `identity` names the lung source of the training; `atlas` is the place of the present one, for the message.
    """
    if isinstance(source, AtlasLungs) and source.identity != identity:
        raise PxrError(
            f"The model was trained on lungs found by another atlas ({identity}); the one at hand, {atlas!r}, is "
            f"{source.identity}. Put the old one back, or name its place (--atlas, ATLAS=...)."
        )


def make_loader(
    preparation: Preparation, image: Image, paths: Iterable[str], cache: Path, say: Say
) -> Callable[[str], np.ndarray]:
    """Return a function that prepares one of these files as a model wants it (`preparation`): uint8 [size, size].

    `image` says where the atlas or the masks are now. Raises `PxrError` if the atlas is another one, or a file has no
    mask. The function raises `UnreadableImageError`, and says (`say`) if a picture is shown whole.
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
            say(f"{path} is shown whole: {reason}.")
        return load_cropped(path, preparation, lungs, source.lowest_confidence)

    return load
