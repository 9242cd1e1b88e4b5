"""Variants of one picture, in full batches: what a network's logit makes of each."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pxr_tf.explain.work import as_pixels, batches, fill_up

Scores = Callable[[Callable[[slice], np.ndarray], int, int], np.ndarray]  # variants by number, count, target -> [count]


def compile_scores(logits: keras.Model, batch_size: int) -> Scores:
    """Return a function: the target's logit for `count` variants of a picture, float32 [count].

    Its first argument makes those numbered by a slice, [k, size, size]; no more than a batch is ever held.
    """
    step = tf.function(lambda pictures: logits(pictures, training=False))

    def score(make: Callable[[slice], np.ndarray], count: int, target: int) -> np.ndarray:
        found = []
        for part in batches(count, batch_size):
            variants = as_pixels(make(part))
            found.append(step(tf.constant(fill_up(variants, batch_size))).numpy()[: len(variants), target])
        return np.concatenate(found)

    return score
