"""Rate the lungs found in one picture by evidence that errors spoil: four kinds for an atlas, three for a network.

Each kind is measured in standard deviations from its mean over 72 films of adults, as they are and shifted (24 films
for the network, two folds of six). Lungs are found with the other folds' atlas or network, and the sum is squeezed to
0 to 1. When the kinds were chosen, the atlas's sum had a rank correlation with Dice of 0.58. Agreement alone had 0.56,
the correlation with the atlas's mean picture 0.3, area and symmetry 0.3 and 0.2.
"""

from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf.lungs.contrast import Box

# Lungs below it are not trusted. It is half-way between the least certain of those films (0.60) and the most certain of
# 25 pictures without upright lungs (0.40, a film upside down). With phantoms as the atlas the two groups overlap: a
# film has 0.41 (Dice 0.77), the photograph of a flower 0.498.
TRUSTED = 0.5
MIDDLE = -6.5  # the sum, in standard deviations, at which the confidence is 0.5
STEEPNESS = 0.5  # per standard deviation
# Lungs that were cut off look like whole lungs to the evidence: the atlas is squeezed into what is left. Two signs
# lower the confidence, from the first number (not at all) to the second (to 0). Touching was 0.6 to 0.96 in films cut
# through the middle of the lungs, and 0.5 to 0.57 in 5 of 177 films as they are: their outlines were good, but the apex
# is outside the film. One-sided was 0.3 or more in films with a black part, and above 0.15 in 1 of 893 films.
TOUCHING = 0.5, 1.0  # largest share of the lungs' width or height on an edge of the picture, or on a removed border
ONE_SIDED = 0.15, 0.35  # border removed on one side more than on the opposite side, as a share of the picture's side
BORDER, BEHIND = 0.05, 1.5  # touching counts so much more if a border of at least this share of the side was removed
RING = 15  # pixels of the square: the lungs' surroundings reach outwards by half of it


class Evidence(NamedTuple):
    """Evidence for the lungs that an atlas found in one picture."""

    agreement: float  # mean Dice of the voters' lungs with the result, 0 to 1
    shape: float  # Dice with the most similar lungs of the atlas, 0 to 1
    likeness: float  # mean local correlation with the voters in and around the lungs, -1 to 1
    contrast: float  # grey levels, evened out, by which the lungs are darker than their surroundings


class NetworkEvidence(NamedTuple):
    """Evidence for the lungs that a network found in one picture."""

    agreement: float  # Dice of the lungs in the picture with those in its mirror image, 0 to 1
    certainty: float  # Dice of the lungs expected from the chances themselves, 0 to 1
    contrast: float  # grey levels, evened out, between the lungs and their surroundings, whichever is darker


class Scale(NamedTuple):
    """How one kind of evidence counts."""

    mean: float
    deviation: float
    weight: float


ATLAS_SCALES = Evidence(
    agreement=Scale(0.945, 0.015, 1.0),
    shape=Scale(0.928, 0.015, 0.5),
    likeness=Scale(0.737, 0.042, 0.5),
    contrast=Scale(45.0, 6.5, 0.5),
)
# Over all films and changes the sum has a rank correlation with Dice of 0.70, certainty alone 0.69, agreement 0.61,
# contrast 0.49. The outline's likeness to the learned outlines had 0.1 (and was removed).
NETWORK_SCALES = NetworkEvidence(
    agreement=Scale(0.982, 0.011, 1.0), certainty=Scale(0.966, 0.012, 1.0), contrast=Scale(39.0, 7.5, 0.5)
)
# The sum at which a network's confidence is 0.5, set by eye on 120 of Kermany's children, 40 of each class: below it,
# most of the lungs found there are partly wrong. Of 504 films and changed films four are below it, with a Dice of 0.84
# to 0.88. The highest confidence is 0.32 for 36 photographs, noises and shapes, and 0.28 for 288 films on a side or
# upside down.
NETWORK_MIDDLE, NETWORK_STEEPNESS = -10.0, 0.35


def rate(evidence: Evidence | NetworkEvidence) -> float:
    """Return the confidence, 0 to 1."""
    scales, middle, steepness = ATLAS_SCALES, MIDDLE, STEEPNESS
    if isinstance(evidence, NetworkEvidence):
        scales, middle, steepness = NETWORK_SCALES, NETWORK_MIDDLE, NETWORK_STEEPNESS
    parts = [
        scale.weight * (value - scale.mean) / scale.deviation for value, scale in zip(evidence, scales, strict=True)
    ]
    return float(1 / (1 + np.exp(-steepness * (sum(parts) - middle))))


def keep_confidence(mask: np.ndarray, content: Box) -> float:
    """Return the factor, 0 to 1, for the confidence in a picture's lungs (bool [h, w], not empty) within its content.

    It is below 1 if the lungs touch an edge of the content, or if much of one side was removed as border.
    """
    inside, (height, width) = mask[content.rows, content.columns], mask.shape
    rows, columns = (np.count_nonzero(inside.any(axis=axis)) for axis in (1, 0))
    across, down = inside[[0, -1]].sum(axis=1) / columns, inside[:, [0, -1]].sum(axis=0) / rows
    ends, sides = (
        np.array([start, side - stop]) / side
        for start, stop, side in ((content.top, content.bottom, height), (content.left, content.right, width))
    )
    removed = np.concatenate([ends, sides])
    touching = np.concatenate([across, down]) * (1 + (BEHIND - 1) * np.minimum(1, removed / BORDER))
    one_sided = max(abs(ends[0] - ends[1]), abs(sides[0] - sides[1]))
    return _fall(touching.max(), TOUCHING) * _fall(one_sided, ONE_SIDED)


def _fall(value: float, ends: tuple[float, float]) -> float:
    return float(np.interp(value, ends, (1, 0)))


def find_surroundings(lungs: np.ndarray) -> np.ndarray:
    """Return the lungs and their surroundings, bool [h, w]."""
    return cv2.dilate(lungs.astype(np.uint8), np.ones((RING, RING), np.uint8)) > 0


def measure_contrast(picture: np.ndarray, lungs: np.ndarray, surroundings: np.ndarray) -> float:
    """Return by how many grey levels the lungs are darker than the ring around them; 0 if they fill the picture."""
    ring = surroundings & ~lungs
    return float(picture[ring].mean() - picture[lungs].mean()) if ring.any() else 0.0
