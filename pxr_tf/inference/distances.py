"""How far features are from those that something was fitted on."""

from typing import NamedTuple

import numpy as np


class Distance(NamedTuple):
    """The distance to some pictures, fitted on their F features; they may be of K groups."""

    middle: np.ndarray  # [K, F], the mean of each group
    directions: np.ndarray  # [F, D], orthonormal: most of what differs within groups
    spread: np.ndarray  # [D, D]: its product with its transpose is the inverse of their covariance
    weight: np.ndarray  # [1], of what the directions leave: 1 / its mean square; 0 if nothing is left

    def of(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distance [n] to the nearest group, and its number [n], of features [n, F].

        It is the squared Mahalanobis distance along the directions and the square of what they leave, each divided by
        its mean over the fitted pictures, whose distances are about 2, or 1. The covariance is one for all groups (Lee
        et al., NeurIPS 2018).
        """
        each = np.stack([self._of_group(features - middle) for middle in self.middle])
        return each.min(0), each.argmin(0)

    def _of_group(self, away: np.ndarray) -> np.ndarray:
        along = away @ self.directions
        left = np.maximum((away**2).sum(1) - (along**2).sum(1), 0)
        return ((along @ self.spread) ** 2).mean(1) + left * self.weight


def fit_distance(features: np.ndarray, most: int, groups: np.ndarray | None = None) -> Distance:
    """Return the distance to pictures with these features [n, F], in at most so many directions.

    `groups` [n] has the number of each picture's group, from 0; the middle of a group without a picture is that of all.
    The covariance is shrunk as Ledoit and Wolf (J. Multivariate Analysis, 2004) derive: their sample one is noisy.
    """
    from sklearn.covariance import LedoitWolf
    from sklearn.decomposition import PCA

    groups = np.zeros(len(features), int) if groups is None else groups
    known = [features[groups == number] for number in range(groups.max() + 1)]
    middle = np.stack([(own if len(own) else features).mean(0) for own in known])
    within = features - middle[groups]
    near = PCA(min(most, len(features) // 4, features.shape[1]), svd_solver="covariance_eigh").fit(within)
    along = within @ near.components_.T
    precision = LedoitWolf(assume_centered=True).fit(along).precision_
    left = (within**2).sum(1) - (along**2).sum(1)
    weight = 1 / left.mean() if near.n_components_ < features.shape[1] else 0.0
    return Distance(middle, near.components_.T, np.linalg.cholesky(precision), np.array([weight]))
