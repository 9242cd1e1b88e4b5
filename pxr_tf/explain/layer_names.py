"""Find the layers of a network that have a height and a width, from names and shapes alone: no Keras here."""

from collections.abc import Sequence
from typing import NamedTuple

from pxr_tf.errors import PxrError, nearest, shorten, shown

_FEATURE_MAP = "feature_map"


class LayerPlaces(NamedTuple):
    """A layer, and the number of positions in its output."""

    name: str
    places: int  # height times width of its output; 0 if it has none
    convolution: bool


def spatial_names(layers: Sequence[LayerPlaces]) -> list[str]:
    """Return the names of the layers whose output has more than one position: [b, h, w, channels], h * w > 1.

    Layers before the first convolution (``scaling`` and the like) do not count: their maps are the picture itself.
    """
    first = next((number for number, layer in enumerate(layers) if layer.convolution), len(layers))
    return [layer.name for layer in layers[first:] if layer.places > 1]


def choose_layer(
    model: str, layers: Sequence[LayerPlaces], asked: str | None = None, *, at_convolution: bool = False
) -> str:
    """Return the layer `asked` of the network `model`; by default ``feature_map``, or else the last convolution.

    With `at_convolution` the default is always the last convolution.
    Raises `PxrError` for a layer that does not exist or has no spatial size, and for a network without feature maps.
    """
    known = spatial_names(layers)
    if not known:
        raise PxrError(
            f"The model {model} has no feature maps, so class activation maps are impossible. Use saliency, "
            "smooth_grad, integrated_gradients or occlusion, which work on the picture's pixels."
        )
    if asked is None:
        convolutions = [layer.name for layer in layers if layer.convolution and layer.name in known]
        return _FEATURE_MAP if _FEATURE_MAP in known and not at_convolution else (convolutions or known)[-1]
    if asked in known:
        return asked
    offered = f"Layers with feature maps: {shorten(reversed(known), 8)}.{nearest(asked, known)}"
    raise PxrError(f"{_fault(model, layers, asked)}. {offered}")


def _fault(model: str, layers: Sequence[LayerPlaces], asked: str) -> str:
    layer = next((layer for layer in layers if layer.name == asked), None)
    if layer is None:
        return f"{model} has no layer {shown(asked)}"
    reason = "comes before the first convolution" if layer.places > 1 else "has no spatial size"
    return f"Layer {asked!r} of {model} {reason}"
