"""The methods that explain a prediction, one per line. Importing this module loads neither Keras nor TensorFlow."""

from typing import NamedTuple

from pxr_tf.errors import PxrError, nearest


class Method(NamedTuple):
    """The properties of a method that are known before it runs."""

    title: str
    signed: bool  # negative values count against the class; an unsigned map has none
    needs_layer: bool  # it cannot explain a network without feature maps
    needs_rectifier: bool = False  # nor a network without a ReLU or similar
    at_convolution: bool = False  # its default layer is the last convolution, even if there is a feature map


METHODS: dict[str, Method] = {
    "grad_cam": Method("Grad-CAM", signed=False, needs_layer=True),
    "grad_cam_plus_plus": Method("Grad-CAM++", signed=False, needs_layer=True),
    "layer_cam": Method("Layer-CAM", signed=False, needs_layer=True),
    "score_cam": Method("Score-CAM", signed=False, needs_layer=True),
    "saliency": Method("saliency", signed=False, needs_layer=False),
    "smooth_grad": Method("SmoothGrad", signed=False, needs_layer=False),
    "integrated_gradients": Method("integrated gradients", signed=True, needs_layer=False),
    "guided_grad_cam": Method("Guided Grad-CAM", signed=True, needs_layer=True, needs_rectifier=True),
    "captum_guided_grad_cam": Method("Captum Guided Grad-CAM", signed=True, needs_layer=True, at_convolution=True),
    "occlusion": Method("occlusion", signed=True, needs_layer=False),
}


def find_method(name: str) -> Method:
    """Return the method with this name; raise `PxrError` with the nearest names if it is unknown."""
    if name not in METHODS:
        raise PxrError(f"Unknown method {name!r}. Known: {', '.join(METHODS)}.{nearest(name, METHODS)}")
    return METHODS[name]
