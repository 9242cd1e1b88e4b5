"""One picture that no file holds: prepare it exactly as `pxr predict` prepares files. No TensorFlow here."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.lungs.find import find_lungs
from pxr_tf.pictures.decode import load_grey, load_prepared, resize_grey
from pxr_tf.pictures.dicom import contradictions
from pxr_tf.pictures.fingerprints import THUMBNAIL
from pxr_tf.pictures.lung_crop import load_cropped, lungs_as_seen, why_whole
from pxr_tf.pictures.lung_source import BUILTIN, AtlasLungs, open_source
from pxr_tf.pictures.lung_store import as_stored
from pxr_tf.runs.crop import check_same_atlas, crops_by_atlas, preparation_of, with_atlas
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.sets.file_kinds import JPEG


class Prepared(NamedTuple):
    """A decoded picture, and what is made of it before a model sees it."""

    content: str  # digest of the file's bytes, as in a manifest
    picture: np.ndarray  # uint8 [height, width], the whole picture
    pixels: np.ndarray  # uint8 [size, size], what the models see
    thumbnail: np.ndarray  # uint8 [32, 32], for fingerprints
    whole: str  # why it is not cropped; "" if it is, or if the run does not crop
    says: tuple[str, ...]  # what a DICOM file says against a frontal chest X-ray, for the gate
    lungs: np.ndarray  # bool [size, size], the lungs in `pixels`; empty [0, 0] if none were found with confidence


class Answer(NamedTuple):
    """What the models say about one picture: the columns of `pxr predict`, and conformal sets."""

    predicted: str
    probabilities: Mapping[str, float]  # class -> calibrated probability, if the run has a temperature
    as_given: Mapping[str, float]  # class -> probability as the models give it: thresholds and sets are about these
    agreement: float  # share of the models that predict this class
    models: int  # how many were asked
    known: str  # ``test``, ``validation`` or ``training``: the role of the run's picture that it shows; "" if external
    caution: str  # what an audit found about the predicted class, or ""
    sets: Mapping[float, tuple[str, ...]]  # promised coverage -> classes; empty without a calibration
    asked: tuple[int, ...]  # numbers of the folds whose models were asked
    unlike: float | None = None  # percentile among the run's own held-out pictures: `likeness`; None without one


@dataclass(frozen=True)
class Preparer:
    """Prepares pictures for the models of one run."""

    run: RunDirectory
    atlas: str | None = None  # where the atlas of the run's crop is now; None: where it was

    def open(self) -> "Preparer":
        """Load what finds the lungs; raise `PxrError` if the run's pictures cannot be prepared without files."""
        _ = self.source
        return self

    @cached_property
    def source(self) -> AtlasLungs:
        """What finds lungs: the run's own lung source, or the built-in atlas if the run does not crop."""
        image = with_atlas(self.run.recipe, self.atlas).image
        if image.crop != "none" and not crops_by_atlas(image):
            raise PxrError(
                f"Run {str(self.run.folder)!r} crops by given masks (image.masks), which new pictures do not have. "
                "Accepted: a run that shows whole pictures, or finds lungs by an atlas or a network."
            )
        nothing = pd.DataFrame({"path": [], "content": []})
        source = open_source(image.atlas if image.crop != "none" else BUILTIN, None, nothing, self.run.cache)
        if image.crop != "none":
            check_same_atlas(source, self.run.lung_identity, image.atlas)
        return source

    def prepare(self, data: bytes) -> Prepared:
        """Return the picture in a file's bytes; raise `UnreadableImageError` with the reason that `predict` gives."""
        picture = load_grey(data)
        lungs = as_stored(find_lungs(picture, self.source.atlas))
        preparation = preparation_of(self.run.recipe.image, self.run.lung_identity)
        whole = why_whole(lungs, self.source.lowest_confidence)
        seen = np.zeros((0, 0), bool) if whole else lungs_as_seen(lungs, preparation, self.source.lowest_confidence)
        if preparation.crop != "none":
            pixels = load_cropped(data, preparation, lungs, self.source.lowest_confidence)
        elif data.startswith(JPEG):  # is shrunk while it is decoded
            pixels = load_prepared(data, preparation)
        else:
            pixels = resize_grey(picture, preparation.size, preparation.resize)
        return Prepared(
            files.digest_bytes(data),
            picture,
            pixels,
            resize_grey(picture, THUMBNAIL.size, THUMBNAIL.resize),
            whole if preparation.crop != "none" else "",
            tuple(contradictions(data)),
            seen,
        )
