"""Guided Grad-CAM: the pixels that guided backpropagation picks out where a class activation map points.

Guided backpropagation (Springenberg et al., "Striving for Simplicity: The All Convolutional Net") lets only positive
gradients pass back through a rectifier: the derivative at its input times the positive part of the incoming gradient.
For ReLU and ReLU6 that is the published rule. The literature has no rule for LeakyReLU and ALReLU; we apply the same
one to their derivatives. Below 0, a LeakyReLU passes on 1 %, and an ALReLU 1 % with the sign reversed. So pixels that
a ReLU blocks show faintly, and with ALReLU a gradient that is positive at every rectifier may become negative below
it. Sigmoid, swish, softmax and tanh are not rectifiers and keep their gradients. A guided gradient below 0 comes from
the weights below the first rectifier: a darker pixel raises the class's logit. `maps.views` splits the two signs.

tf-keras-vis 0.8.7 handles `activation="relu"` alone: neither MobileNet's ReLU(6) layers nor the papers' own networks.
Where it works, the tests compare with it.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pxr_tf.errors import PxrError
from pxr_tf.explain.cam import compile_maps, mean_gradients
from pxr_tf.explain.gradients import compile_gradients
from pxr_tf.explain.logits import spatial_layers
from pxr_tf.explain.maps import at_picture_size
from pxr_tf.explain.work import Work, run_in_batches
from pxr_tf.models.layers import ALReLU, alrelu, copy_layer, run_copies

Rectifier = Callable[[tf.Tensor], tf.Tensor]

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


def rectifiers(logits: keras.Model) -> list[str]:
    """Return the names of the layers that are rectifiers, or have one as their `activation` in any form."""
    return [layer.name for layer in logits.layers if isinstance(layer, LAYERS) or _rectifies(layer)]


def guided_copy(logits: keras.Model) -> keras.Model:
    """Return a copy of a network whose `rectifiers` pass only positive gradients; raise `PxrError` if it has none."""
    if not rectifiers(logits):
        raise _no_rectifier(logits)
    image = keras.Input(logits.inputs[0].shape[1:], dtype="float32", name="image")
    return keras.Model(image, run_copies(logits, image, _guided_layer), name=logits.name)


def _no_rectifier(logits: keras.Model) -> PxrError:
    return PxrError(
        f"Guided Grad-CAM needs a rectifier (ReLU, ReLU6, LeakyReLU or ALReLU), but {logits.name} has none below its "
        "head. Choose another method, such as grad_cam."
    )


def _guided_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Return a copy of a layer; if it is or has a rectifier, its gradient is overridden."""
    copied = copy_layer(layer)
    if isinstance(copied, LAYERS):
        copied.call = _with_positive_gradients(copied.call)
    elif _rectifies(copied):
        copied.activation = _with_positive_gradients(copied.activation)
    return copied


def _rectifies(layer: keras.layers.Layer) -> bool:
    activation = getattr(layer, "activation", None)
    return isinstance(activation, LAYERS) or activation in FUNCTIONS


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
