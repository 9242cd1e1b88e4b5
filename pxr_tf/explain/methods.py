"""Explain a network's predictions: one function for all methods, each applied to the logit of a class."""

from collections.abc import Callable

import keras
import numpy as np

from pxr_tf.errors import PxrError, count_words, shown
from pxr_tf.events import OnProgress
from pxr_tf.explain.cam import grad_cam, grad_cam_plus_plus, layer_cam, score_cam
from pxr_tf.explain.gradients import integrated_gradients, saliency, smooth_grad
from pxr_tf.explain.guided import captum_guided_grad_cam, guided_grad_cam
from pxr_tf.explain.logits import find_layer
from pxr_tf.explain.method_table import find_method
from pxr_tf.explain.occlusion import occlusion
from pxr_tf.explain.work import Work

_CAMS = (grad_cam, grad_cam_plus_plus, layer_cam, score_cam)
_OF_PIXELS = (saliency, smooth_grad, integrated_gradients, guided_grad_cam, captum_guided_grad_cam, occlusion)
EXPLAINERS: dict[str, Callable[[Work], np.ndarray]] = {method.__name__: method for method in (*_CAMS, *_OF_PIXELS)}


def compute_maps(
    logits: keras.Model,
    pictures: np.ndarray,
    targets: np.ndarray,
    method: str,
    *,
    layer: str | None = None,
    batch_size: int = 32,
    seed: int = 0,
    on_progress: OnProgress = lambda done, total: None,
) -> np.ndarray:
    """Return one raw map per picture, float32 [n, h, w]: of the layer's size for CAMs, else of the picture's.

    `logits` is from `open_logits`; `pictures` are uint8 [n, size, size], `targets` class numbers, int [n], in the order
    of the model card. `layer` is for the methods that need one (default: ``feature_map``, or the last convolution; of
    ``captum_guided_grad_cam`` always the last convolution), `seed` for SmoothGrad's noise. `on_progress` gets the
    number of pictures done and their total. A picture's map has the same bits, whichever pictures are explained with
    it. Raises `PxrError` for an unknown method, layer or class, for pictures of another size, and for a method that
    cannot explain this network.
    """
    found = find_method(method)
    work = Work(
        logits=logits,
        pictures=_check_pictures(logits, pictures),
        targets=_check_targets(logits, targets, len(pictures)),
        layer=find_layer(logits, layer, at_convolution=found.at_convolution) if found.needs_layer else None,
        batch_size=batch_size,
        seed=seed,
        on_progress=on_progress,
    )
    return EXPLAINERS[method](work)


def _check_pictures(logits: keras.Model, pictures: np.ndarray) -> np.ndarray:
    pictures, expected = np.asarray(pictures), logits.inputs[0].shape[1:3]
    if pictures.dtype != np.uint8 or pictures.ndim != 3 or pictures.shape[1:] != expected or not len(pictures):
        raise PxrError(
            f"Pictures of type {pictures.dtype} and shape {list(pictures.shape)} cannot be explained: {logits.name} "
            f"takes uint8 [n, {expected[0]}, {expected[1]}], one picture or more. Prepare them as its model card says."
        )
    return pictures


def _check_targets(logits: keras.Model, targets: np.ndarray, count: int) -> np.ndarray:
    targets, classes = np.asarray(targets), logits.outputs[0].shape[-1]
    if targets.shape != (count,) or not np.issubdtype(targets.dtype, np.integer):
        raise PxrError(
            f"Targets of type {targets.dtype} and shape {list(targets.shape)} do not fit "
            f"{count_words(count, 'picture')}. Give one "
            "class number for each."
        )
    wrong = targets[(targets < 0) | (targets >= classes)]
    if len(wrong):
        raise PxrError(
            f"Unknown class number {shown(int(wrong[0]))}: {logits.name} has {classes} classes, 0 to {classes - 1}."
        )
    return targets.astype(np.int32)
