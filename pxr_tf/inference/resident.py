"""A run's models in memory: they answer one prepared picture at a time, with the arithmetic of `pxr predict`."""

from collections.abc import Callable

import keras
import numpy as np
import pandas as pd

from pxr_tf.errors import PxrError
from pxr_tf.evidence.calibrated import read_calibration, read_cutoffs
from pxr_tf.explain.cam import compile_maps, mean_gradients
from pxr_tf.explain.logits import find_layer, open_logits
from pxr_tf.inference.cautions import add_cautions
from pxr_tf.inference.ensemble import choose_models
from pxr_tf.inference.likeness import find_likeness
from pxr_tf.inference.opinions import hear_models
from pxr_tf.inference.own_models import load_own, open_model
from pxr_tf.inference.predict import choose_folds, class_order
from pxr_tf.inference.uploads import Answer, Prepared
from pxr_tf.pictures.fingerprints import THUMBNAIL, KnownPictures, find_copies
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.training.device import set_up


class Resident:
    """The models of a finished run, loaded once. Not for several threads at once."""

    def __init__(self, run: FinishedRun, fold: str | None = None) -> None:
        """Load the models; raise `PxrError` if one is missing or damaged."""
        set_up(False, "float32")
        self.run, self.folds, self.classes = run, choose_folds(run, fold), class_order(run)
        likeness = find_likeness(run, self.folds)
        self._width = len(self.classes) + (likeness is not None)
        self._asks = [load_own(run, name, likeness, batch=1) for name in self.folds]
        calibration = read_calibration(run)
        self.temperature: float | None = calibration.calibration["temperature"] if calibration else None
        self._cutoffs = read_cutoffs(calibration, self.classes) if calibration else {}
        cautions = add_cautions(pd.DataFrame({"predicted": self.classes}), run, self.classes)
        self._cautions = dict(zip(cautions.predicted, cautions.get("caution", [""] * len(cautions)), strict=True))
        self._known = set(run.manifest.content)
        self._pictures = KnownPictures.of(_thumbnails_of(run))
        self._explainers = [_make_explainer(open_model(run, name)[0]) for name in self.folds]

    @property
    def unrecognised(self) -> int:
        """How many pictures of the run are recognised by their bytes alone, as the cache lacks their thumbnails."""
        return len(self._known - set(self._pictures.names))

    @property
    def explains(self) -> bool:
        """Whether the models have feature maps, which a heat map is made of."""
        return all(self._explainers)

    def answer(self, picture: Prepared) -> Answer:
        """Return what the models say about a picture."""
        used, known = choose_models(self.run, pd.Series([self._find_own(picture)]), self.folds)
        found = np.full((1, len(self.folds), self._width), np.nan, np.float32)
        asked = np.flatnonzero(used[0])
        for number in asked:
            found[0, number] = self._asks[number](picture.pixels[None, ..., None])[0]
        opinion, given, far = hear_models(found, used, len(self.classes), self.temperature)
        predicted = self.classes[opinion.predicted[0]]
        return Answer(
            predicted,
            dict(zip(self.classes, opinion.probabilities[0].tolist(), strict=True)),
            dict(zip(self.classes, given[0].tolist(), strict=True)),
            float(opinion.agreement[0]),
            int(opinion.models[0]),
            str(known[0]),
            self._cautions[predicted],
            {promised: self._choose(given[0] >= cutoffs) for promised, cutoffs in self._cutoffs.items()},
            tuple(asked.tolist()),
            None if far is None else float(far[0]),
        )

    def explain(self, picture: Prepared, answer: Answer) -> np.ndarray | None:
        """Return Grad-CAM for the predicted class, float32 [h, w], the mean over the models asked; None without."""
        if not self.explains:
            return None
        pixels = picture.pixels[None, ..., None].astype(np.float32)
        target = np.array([self.classes.index(answer.predicted)], np.int32)
        return np.mean([self._explainers[number](pixels, target)[0] for number in answer.asked], axis=0)

    def _find_own(self, picture: Prepared) -> str:
        """Return the content of the run's picture that it shows, "" for an external picture, as `copies.add_own`."""
        if picture.content in self._known:
            return picture.content
        return find_copies({picture.content: picture.thumbnail}, self._pictures).get(picture.content, "")

    def _choose(self, chosen: np.ndarray) -> tuple[str, ...]:
        return tuple(name for name, inside in zip(self.classes, chosen, strict=True) if inside)


def _thumbnails_of(run: FinishedRun) -> dict[str, np.ndarray]:
    """Return content -> thumbnail of the run's pictures: a bundle's own, or those that the cache has."""
    if run.packed_thumbnails is not None:
        return run.packed_thumbnails
    stored = load_pictures(run.cache, THUMBNAIL)
    kept = [content for content in dict.fromkeys(run.manifest.content) if content in stored.rows]
    return {content: stored.pixels[stored.rows[content]] for content in kept}


def _make_explainer(model: keras.Model) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """Return a compiled function, pixels [1, size, size, 1] and target [1] -> Grad-CAM [1, h, w]; None without maps."""
    logits = open_logits(model)
    try:
        return compile_maps(logits, find_layer(logits, None), mean_gradients)
    except PxrError:
        return None
