"""Class activation maps: the sum of a layer's feature maps, weighted by their effect on the target's logit."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from pxr_tf.explain.maps import at_picture_size
from pxr_tf.explain.work import Work, as_pixels, compile_scores, run_in_batches, run_one_by_one

# Feature maps and their gradients, both [b, h, w, channels] -> what to multiply the maps by.
Weigh = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
PLACES = (1, 2)


def grad_cam(work: Work) -> np.ndarray:
    """Return float32 [n, h, w], no value below 0: feature maps weighted by their mean gradients.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization".
    """
    return run_in_batches(work, compile_maps(work.logits, work.layer, mean_gradients))


def layer_cam(work: Work) -> np.ndarray:
    """Return float32 [n, h, w], no value below 0: feature maps weighted by the positive gradient at each position.

    Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization".
    """
    return run_in_batches(work, compile_maps(work.logits, work.layer, lambda maps, gradients: tf.nn.relu(gradients)))


def grad_cam_plus_plus(work: Work) -> np.ndarray:
    """Return float32 [n, h, w], no value below 0: feature maps weighted by a weighted mean of positive gradients.

    Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks".
    The paper's score is exp(logit): one positive factor for a whole map. It is left out here, because it overflows
    from a logit of 89 on. The weights within a channel add up to 1, as in the authors' code and in tf-keras-vis.
    """
    return run_in_batches(work, compile_maps(work.logits, work.layer, _plus_plus))


def score_cam(work: Work) -> np.ndarray:
    """Return float32 [n, h, w], no value below 0: feature maps weighted by the logit of the picture masked with each.

    Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", algorithm 1: each
    map, scaled to 0 … 1, is multiplied with the picture, and the weights are the softmax of the logits over channels.
    The paper subtracts one number from all logits; it cancels, so it is omitted. A constant channel masks nothing: it
    gets no weight and costs no pass.
    """
    probe = keras.Model(work.logits.inputs[0], work.logits.get_layer(work.layer).output)
    see = tf.function(lambda picture: tf.cast(probe(picture, training=False), tf.float32))
    score = compile_scores(work.logits, work.batch_size)

    def explain_one(picture: np.ndarray, target: int) -> np.ndarray:
        maps = see(tf.constant(as_pixels(picture[None]))).numpy()[0].transpose(2, 0, 1)
        maps = maps[np.ptp(maps, axis=(1, 2)) > 0]
        if not len(maps):
            return np.zeros(maps.shape[1:])

        def masked(part: slice) -> np.ndarray:
            large = at_picture_size(maps[part], len(picture))
            low, high = large.min((1, 2), keepdims=True), large.max((1, 2), keepdims=True)
            return picture * ((large - low) / (high - low))  # each map scaled to 0 … 1

        weights = softmax(score(masked, len(maps), target))
        return np.maximum(np.tensordot(weights, maps, 1), 0)

    return run_one_by_one(work, explain_one)


def mean_gradients(maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
    """Return Grad-CAM's weights, [b, 1, 1, channels]."""
    return tf.reduce_mean(gradients, PLACES, keepdims=True)


def _plus_plus(maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
    # The paper's g^2 / (2 g^2 + g^3 * sum), with g^2 cancelled: the cube of a gradient of 1e-15 is 0 in float32.
    share = tf.math.divide_no_nan(1.0, 2.0 + gradients * tf.reduce_sum(maps, PLACES, keepdims=True))
    share = tf.where(gradients == 0, 0.0, share)
    share = tf.math.divide_no_nan(share, tf.reduce_sum(share, PLACES, keepdims=True))
    return tf.reduce_sum(share * tf.nn.relu(gradients), PLACES, keepdims=True)


def compile_maps(logits: keras.Model, layer: str, weigh: Weigh) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a compiled function: pixels [b, size, size, 1], targets [b] -> positive part of the weighted sum."""
    probe = keras.Model(logits.inputs[0], [logits.get_layer(layer).output, logits.outputs[0]])

    @tf.function
    def step(pictures: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pictures)
            maps, scores = probe(pictures, training=False)
            score = tf.reduce_sum(tf.gather(scores, targets, batch_dims=1))
        gradients = tf.cast(tape.gradient(score, maps), tf.float32)
        maps = tf.cast(maps, tf.float32)
        return tf.nn.relu(tf.reduce_sum(weigh(maps, gradients) * maps, axis=-1))

    return lambda pictures, targets: step(tf.constant(pictures), tf.constant(targets)).numpy()
