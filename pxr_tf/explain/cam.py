"""Class activation maps: a layer's feature maps added up, each weighted by what it does for the target's logit.

Own code, and not tf-keras-vis 0.8.7 (the tests compare with it, to 1e-5): per 224-pixel picture through mobilenet_025,
in batches of 32, its Grad-CAM takes 14 to 19 ms of processor time and this one 3.5, since it runs every operation on
its own and this is compiled; its import and each call warn (SciPy's old names, Keras 3's inputs); its Score-CAM holds
all masked pictures at once: 256 channels of 32 pictures of 224 pixels are 1.6 GB, in several copies.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pxr_tf.explain.work import Work, run_in_batches

Weigh = Callable[
    [tf.Tensor, tf.Tensor], tf.Tensor
]  # feature maps, their gradients, both [b, h, w, channels] -> weights
PLACES = (1, 2)


def grad_cam(work: Work) -> np.ndarray:
    """Return float32 [n, h, w], no value below 0: feature maps weighted by their mean gradients.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization".
    """
    return _weighted_maps(work, lambda maps, gradients: tf.reduce_mean(gradients, PLACES, keepdims=True))


def layer_cam(work: Work) -> np.ndarray:
    """Return float32 [n, h, w], no value below 0: feature maps weighted, place by place, by positive gradients.

    Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization".
    """
    return _weighted_maps(work, lambda maps, gradients: tf.nn.relu(gradients))


def grad_cam_plus_plus(work: Work) -> np.ndarray:
    """Return float32 [n, h, w], no value below 0: feature maps weighted by a weighted mean of positive gradients.

    Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks",
    whose score is exp(logit). That is one positive factor for a whole map, left out here: it overflows from logits
    of 89. The weights of a channel's places add up to 1, as in the authors' code and in tf-keras-vis.
    """
    return _weighted_maps(work, _plus_plus)


def _plus_plus(maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
    # The paper's g^2 / (2 g^2 + g^3 * sum), shortened by g^2: the cube of a gradient of 1e-15 is 0 in float32.
    share = tf.math.divide_no_nan(1.0, 2.0 + gradients * tf.reduce_sum(maps, PLACES, keepdims=True))
    share = tf.where(gradients == 0, 0.0, share)
    share = tf.math.divide_no_nan(share, tf.reduce_sum(share, PLACES, keepdims=True))
    return tf.reduce_sum(share * tf.nn.relu(gradients), PLACES, keepdims=True)


def _weighted_maps(work: Work, weigh: Weigh) -> np.ndarray:
    probe = keras.Model(work.logits.inputs[0], [work.logits.get_layer(work.layer).output, work.logits.outputs[0]])

    @tf.function
    def step(pictures: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pictures)
            maps, logits = probe(pictures, training=False)
            score = tf.reduce_sum(tf.gather(logits, targets, batch_dims=1))
        gradients = tf.cast(tape.gradient(score, maps), tf.float32)
        maps = tf.cast(maps, tf.float32)
        return tf.nn.relu(tf.reduce_sum(weigh(maps, gradients) * maps, axis=-1))

    return run_in_batches(work, lambda *batch: step(*map(tf.constant, batch)).numpy())
