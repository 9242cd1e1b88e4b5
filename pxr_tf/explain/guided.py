"""Guided Grad-CAM: the pixels that guided backpropagation picks out where a class activation map points.

Guided backpropagation (Springenberg et al., "Striving for Simplicity: The All Convolutional Net") lets only positive
gradients pass back through a rectifier: the derivative at its input times the positive part of the incoming gradient.
For ReLU and ReLU6 that is the published rule. The literature has no rule for LeakyReLU and ALReLU; we apply the same
one to their derivatives. Below 0, a LeakyReLU passes on 1 %, and an ALReLU 1 % with the sign reversed. So pixels that
a ReLU blocks show faintly, and with ALReLU a gradient that is positive at every rectifier may become negative below
it. Sigmoid, swish, softmax and tanh are not rectifiers and keep their gradients. A guided gradient below 0 comes from
the weights below the first rectifier: a darker pixel raises the class's logit. `maps.views` splits the two signs.

Captum, which novokshanov2022 used, guides less: `captum_guided_grad_cam` does as Captum's `GuidedGradCam`.

tf-keras-vis 0.8.7 handles `activation="relu"` alone: neither MobileNet's ReLU(6) layers nor the papers' own networks.
Where it works, the tests compare with it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pxr_tf.errors import PxrError
from pxr_tf.explain.cam import compile_maps, mean_gradients
from pxr_tf.explain.gradients import compile_gradients
from pxr_tf.explain.logits import spatial_layers
from pxr_tf.explain.maps import at_picture_size
from pxr_tf.explain.work import Work, run_in_batches
from pxr_tf.models.layers import ALReLU, LayerCopy, alrelu, copy_layer, run_copies

Rectifier = Callable[[tf.Tensor], tf.Tensor]
Form = keras.layers.Layer | Callable[..., Any] | None  # a layer, or what it has as its `activation`

FUNCTIONS = (keras.activations.relu, keras.activations.relu6, keras.activations.leaky_relu, alrelu)
LAYERS = (keras.layers.ReLU, keras.layers.LeakyReLU, ALReLU)


def guided_grad_cam(work: Work) -> np.ndarray:
    """Return float32 [n, size, size]: guided gradients times Grad-CAM at the picture's size, signed as the gradients.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization". Raises
    `PxrError` if no layer with feature maps has a rectifier: a ReLU in the head does not guide gradients there.
    """
    if not set(rectifiers(work.logits)) & set(spatial_layers(work.logits)):
        raise _no_rectifier(work.logits)
    maps = compile_maps(work.logits, work.layer, mean_gradients)
    gradients = compile_gradients(guided_copy(work.logits))
    size = work.pictures.shape[1]
    return run_in_batches(work, lambda *batch: gradients(*batch) * at_picture_size(maps(*batch), size))


def captum_guided_grad_cam(work: Work) -> np.ndarray:
    """Return float32 [n, size, size]: Guided Grad-CAM as Captum's `GuidedGradCam` computes it, signed as the gradients.

    Kokhlikyan et al., "Captum: A unified and generic model interpretability library for PyTorch". It differs from
    `guided_grad_cam` in three ways. Only ReLU is guided (`torch.nn.ReLU`), not ReLU6 and LeakyReLU, so that the map of
    a network without ReLU is the plain gradient times Grad-CAM. Grad-CAM is that of the convolution's own output,
    before its activation. It is enlarged without interpolation: ``nearest`` is Captum's default. The score is the
    logit; a sigmoid or softmax in its place would multiply the map by a number, or mix the classes.
    """
    maps = compile_maps(_with_own_output(work.logits, work.layer), work.layer, mean_gradients)
    gradients = compile_gradients(_copy(work.logits, lambda layer: _guided_layer(layer, is_relu)))
    size = work.pictures.shape[1]
    return run_in_batches(work, lambda *batch: gradients(*batch) * _nearest(maps(*batch), size))


def rectifiers(logits: keras.Model) -> list[str]:
    """Return the names of the layers that are rectifiers, or have one as their `activation` in any form."""
    return [layer.name for layer in logits.layers if _is_rectifier(layer) or _is_rectifier(_activation(layer))]


def guided_copy(logits: keras.Model) -> keras.Model:
    """Return a copy of a network whose `rectifiers` pass only positive gradients; raise `PxrError` if it has none."""
    if not rectifiers(logits):
        raise _no_rectifier(logits)
    return _copy(logits, lambda layer: _guided_layer(layer, _is_rectifier))


def _copy(logits: keras.Model, copy: Callable[[keras.layers.Layer], LayerCopy]) -> keras.Model:
    image = keras.Input(logits.inputs[0].shape[1:], dtype="float32", name="image")
    return keras.Model(image, run_copies(logits, image, copy), name=logits.name)


def _no_rectifier(logits: keras.Model) -> PxrError:
    return PxrError(
        f"Guided Grad-CAM needs a rectifier (ReLU, ReLU6, LeakyReLU or ALReLU), but {logits.name} has none below its "
        "head. Choose another method, such as grad_cam."
    )


def _guided_layer(layer: keras.layers.Layer, is_guided: Callable[[Form], bool]) -> keras.layers.Layer:
    """Return a copy of a layer; if it is or has a guided rectifier, its gradient is overridden."""
    copied = copy_layer(layer)
    if is_guided(copied):
        copied.call = _with_positive_gradients(copied.call)
    elif is_guided(_activation(copied)):
        copied.activation = _with_positive_gradients(copied.activation)
    return copied


def _activation(layer: keras.layers.Layer) -> Form:
    return getattr(layer, "activation", None)


def _is_rectifier(form: Form) -> bool:
    return isinstance(form, LAYERS) or form in FUNCTIONS


def is_relu(form: Form) -> bool:
    """Return whether this is what `torch.nn.ReLU` is in PyTorch: no upper limit, threshold or slope below 0."""
    if isinstance(form, keras.layers.ReLU):
        return form.max_value is None and not form.negative_slope and not form.threshold
    return form is keras.activations.relu


def _with_own_output(logits: keras.Model, name: str) -> keras.Model:
    """Return a network whose layer `name` ends before its activation, which becomes a layer of its own."""
    activation = _activation(logits.get_layer(name))
    if isinstance(logits.get_layer(name), keras.layers.Activation) or activation in (None, keras.activations.linear):
        return logits
    return _copy(logits, lambda layer: _BeforeActivation(layer) if layer.name == name else copy_layer(layer))


class _BeforeActivation:
    """A copy of a layer in two: the layer without its activation, and the activation."""

    def __init__(self, layer: keras.layers.Layer) -> None:
        self._layer = copy_layer(layer)
        named = {"name": f"{layer.name}_activation", "dtype": layer.dtype_policy}
        self._activation = keras.layers.Activation(self._layer.activation, **named)
        self._layer.activation = keras.activations.linear

    def __call__(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return self._activation(self._layer(inputs))

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        self._layer.set_weights(weights)


def _nearest(maps: np.ndarray, size: int) -> np.ndarray:
    """Return maps [n, h, w] at the picture's size, as PyTorch's ``nearest``: each pixel has the value of its cell."""
    rows, columns = (np.arange(size) * length // size for length in maps.shape[1:])
    return maps[:, rows[:, None], columns]


def _with_positive_gradients(rectify: Rectifier) -> Rectifier:
    @tf.custom_gradient
    def guided(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def backwards(incoming: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = rectify(x)
            return tape.gradient(y, x, output_gradients=tf.nn.relu(incoming))

        return rectify(x), backwards

    return lambda inputs: guided(inputs)
