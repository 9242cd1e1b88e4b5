"""Maps from the gradient of the target's logit with respect to the pixels, in logits per grey level."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pxr_tf.explain.work import Work, as_pixels, batches, compile_scores, fill_up, run_in_batches, run_one_by_one

Gradients = Callable[[np.ndarray, np.ndarray], np.ndarray]  # pixels [b, size, size, 1], targets [b] -> [b, size, size]

SMOOTH_DRAWS = 32  # one batch of the usual size; beyond 50 the authors see little change
SMOOTH_NOISE = 0.15  # of the picture's range of grey levels; the authors recommend 10 to 20 %
INTEGRATION_STEPS = 64  # two batches of the usual size; the authors use 20 to 300


def saliency(work: Work) -> np.ndarray:
    """Return float32 [n, size, size], no value below 0: the absolute gradient.

    Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and
    Saliency Maps".
    """
    gradients = compile_gradients(work.logits)
    return run_in_batches(work, lambda pictures, targets: np.abs(gradients(pictures, targets)))


def smooth_grad(work: Work) -> np.ndarray:
    """Return float32 [n, size, size], no value below 0: the absolute mean gradient of noisy copies of a picture.

    Smilkov et al., "SmoothGrad: removing noise by adding noise". A draw's noise depends only on the seed and the draw's
    number, and is the same for all pictures. So a picture's map does not depend on its place or batch, and two maps
    differ only because their pictures do.
    """
    gradients = compile_gradients(work.logits)

    def explain_one(picture: np.ndarray, target: int) -> np.ndarray:
        sigma = np.float32(SMOOTH_NOISE * np.ptp(picture))

        def noise(draw: int) -> np.ndarray:
            return np.random.default_rng([work.seed, draw]).standard_normal(picture.shape, np.float32)

        def noisy(part: slice) -> np.ndarray:
            return np.stack([picture + sigma * noise(draw) for draw in range(part.start, part.stop)])

        return np.abs(_mean_gradient(gradients, noisy, SMOOTH_DRAWS, target, work.batch_size))

    return run_one_by_one(work, explain_one)


def integrated_gradients(work: Work) -> np.ndarray:
    """Return float32 [n, size, size]: each pixel's signed share of the logit's difference from a black picture.

    Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks": the picture times the mean gradient on the
    straight path from black, here at the middles of `INTEGRATION_STEPS` equal steps. A black pixel always gets 0, even
    if its darkness matters to the network.

    One component of that mean is known without steps: along the path it is the difference of the logits. So the mean
    found by steps is moved, as little as possible, until that component is right. This projection never moves it away
    from the true mean, and it makes the map's sum complete. Steps alone converge too slowly: with a fine-tuned
    mobilenet_025 at 256 pixels, the sums of eight X-rays missed the differences by 0.4 to 33 % (median 4) with 128
    steps and by 0.5 to 45 % (median 5) with 256. With 512 steps, three of them still missed by 4 to 9 %.
    """
    score = compile_scores(work.logits, batch_size=2)
    explain_path = compile_path(work.logits, work.batch_size)

    def explain_one(picture: np.ndarray, target: int) -> np.ndarray:
        black, whole = score(lambda part: np.stack([picture * 0, picture])[part], 2, target).astype(np.float64)
        return make_complete(explain_path(picture, target), picture, whole - black)

    return run_one_by_one(work, explain_one)


def compile_path(
    logits: keras.Model, batch_size: int, steps: int = INTEGRATION_STEPS
) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return a function of (uint8 [size, size], target): integrated gradients by steps alone, float64 [size, size]."""
    gradients = compile_gradients(logits)
    places = (np.arange(steps, dtype=np.float32) + 0.5) / steps

    def explain_path(picture: np.ndarray, target: int) -> np.ndarray:
        def path(part: slice) -> np.ndarray:
            return places[part, None, None] * picture

        return picture * _mean_gradient(gradients, path, steps, target, batch_size)

    return explain_path


def make_complete(found: np.ndarray, picture: np.ndarray, difference: float) -> np.ndarray:
    """Return the map that sums to `difference` and has the mean gradient nearest to `found`'s."""
    pixels = picture.astype(np.float64)
    return found + (difference - found.sum()) * pixels**2 / max(1.0, (pixels**2).sum())


def compile_gradients(logits: keras.Model) -> Gradients:
    """Return a compiled function: the gradient of each target's logit with respect to the pixels, float32."""

    @tf.function
    def step(pictures: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pictures)
            score = tf.reduce_sum(tf.gather(logits(pictures, training=False), targets, batch_dims=1))
        return tape.gradient(score, pictures)[..., 0]

    return lambda pictures, targets: step(tf.constant(pictures), tf.constant(targets)).numpy()


def _mean_gradient(
    gradients: Gradients, make: Callable[[slice], np.ndarray], count: int, target: int, batch_size: int
) -> np.ndarray:
    """Return float64 [size, size]: the mean gradient of a picture's variants; `make` returns those in a slice."""
    full, total = min(batch_size, count), 0.0
    for part in batches(count, full):
        variants = as_pixels(make(part))
        found = gradients(fill_up(variants, full), np.full(full, target, np.int32))[: len(variants)]
        total = total + found.sum(0, dtype=np.float64)
    return total / count
