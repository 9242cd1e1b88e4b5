"""Occlusion: how much the logit drops if a patch of the picture is covered. It needs no gradients."""

from typing import NamedTuple

import numpy as np

from pxr_tf.explain.work import Work, compile_scores, run_one_by_one

FRACTIONS = (1 / 8, 1 / 4)  # of the picture's side: about a rib's width, and a third of a lung's height


class Patch(NamedTuple):
    """A square of the picture, in pixels."""

    top: int
    left: int
    side: int

    @property
    def place(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)


def occlusion(work: Work) -> np.ndarray:
    """Return float32 [n, size, size]: the mean drop of the logit when a patch covers a pixel; negative if it rises.

    After Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks". A patch is filled with the
    picture's mean, rounded to a grey level. A pixel's value is the mean over the patches that cover it. The map is the
    mean over the patch sizes.
    """
    sets = [patches(work.pictures.shape[1], fraction) for fraction in FRACTIONS]
    every = [None, *(patch for same_size in sets for patch in same_size)]  # the first is the uncovered picture
    score = compile_scores(work.logits, work.batch_size)

    def explain_one(picture: np.ndarray, target: int) -> np.ndarray:
        def covered(part: slice) -> np.ndarray:
            return np.stack([_cover(picture, patch) for patch in every[part]])

        scores = score(covered, len(every), target).astype(np.float64)
        by_size = np.split(scores[0] - scores[1:], np.cumsum([len(same_size) for same_size in sets])[:-1])
        return np.mean([_spread(picture.shape, *both) for both in zip(sets, by_size, strict=True)], axis=0)

    return run_one_by_one(work, explain_one)


def patches(size: int, fraction: float) -> list[Patch]:
    """Return the patches of one size that together cover a picture: half a patch apart, the last at the border."""
    side = max(1, round(size * fraction))
    starts = [*range(0, size - side, max(1, side // 2)), size - side]
    return [Patch(top, left, side) for top in starts for left in starts]


def _cover(picture: np.ndarray, patch: Patch | None) -> np.ndarray:
    covered = picture.copy()
    if patch is not None:
        covered[patch.place] = round(float(picture.mean()))
    return covered


def _spread(shape: tuple[int, ...], same_size: list[Patch], drops: np.ndarray) -> np.ndarray:
    """Return float64 [size, size]: at each pixel the mean drop of the patches that cover it."""
    total, count = np.zeros(shape), np.zeros(shape)
    for patch, drop in zip(same_size, drops, strict=True):
        total[patch.place] += drop
        count[patch.place] += 1
    return total / count
