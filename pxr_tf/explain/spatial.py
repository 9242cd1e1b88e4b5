"""Layers that have a height and a width: where a class activation map can be taken."""

import keras

from pxr_tf.errors import PxrError, nearest, shorten, shown
from pxr_tf.explain.inside import CONVOLUTIONS

FEATURE_MAP = "feature_map"


def spatial_layers(model: keras.Model) -> list[str]:
    """Return the names of a model's layers whose output has more than one place: [b, h, w, channels], h * w > 1.

    Those before the first convolution (``scaling`` and the like) do not count: their maps are the picture itself.
    """
    names = [layer.name for layer in model.layers]
    first = next((n for n, layer in enumerate(model.layers) if isinstance(layer, CONVOLUTIONS)), len(names))
    return [layer.name for layer in model.layers[first:] if _places(layer) > 1]


def find_layer(model: keras.Model, asked: str | None = None) -> str:
    """Return the layer asked for, or else ``feature_map``, or else the last convolution.

    Raises `PxrError` for a layer that does not exist or has no spatial size, and for a model that has none at all.
    """
    known = spatial_layers(model)
    if not known:
        raise PxrError(
            f"The model {model.name} has no feature maps, so no class activation map. Explain it by saliency, "
            "smooth_grad, integrated_gradients or occlusion, which work on the picture's pixels."
        )
    if asked is None:
        return FEATURE_MAP if FEATURE_MAP in known else _last_convolution(model, known)
    if asked in known:
        return asked
    offered = f"Layers with feature maps: {shorten(reversed(known), 8)}.{nearest(asked, known)}"
    raise PxrError(f"{_fault(model, asked)}. {offered}")


def _fault(model: keras.Model, asked: str) -> str:
    layer = next((layer for layer in model.layers if layer.name == asked), None)
    if layer is None:
        return f"{model.name} has no layer {shown(asked)}"
    reason = "comes before the first convolution" if _places(layer) > 1 else "has no spatial size"
    return f"Layer {asked!r} of {model.name} {reason}"


def _last_convolution(model: keras.Model, known: list[str]) -> str:
    convolutions = [layer.name for layer in model.layers if isinstance(layer, CONVOLUTIONS) and layer.name in known]
    return (convolutions or known)[-1]


def _places(layer: keras.layers.Layer) -> int:
    shape = getattr(layer.output, "shape", ())
    return shape[1] * shape[2] if len(shape) == 4 else 0
