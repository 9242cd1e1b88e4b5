"""How far features are from those that something was fitted on."""

from typing import NamedTuple

import numpy as np


class Distance(NamedTuple):
    """The distance to some pictures, fitted on their F features."""

    middle: np.ndarray  # [F], their mean
    directions: np.ndarray  # [F, D], orthonormal: most of what differs between them
    spread: np.ndarray  # [D, D]: its product with its transpose is the inverse of their covariance
    weight: np.ndarray  # [1], of what the directions leave: 1 / its mean square; 0 if nothing is left

    def of(self, features: np.ndarray) -> np.ndarray:
        """Return the distances [n] of features [n, F]; those of the fitted pictures are about 2, or 1.

        It is the squared Mahalanobis distance along the directions and the square of what they leave, each divided by
        its mean over the fitted pictures.
        """
        away = features - self.middle
        along = away @ self.directions
        left = np.maximum((away**2).sum(1) - (along**2).sum(1), 0)
        return ((along @ self.spread) ** 2).mean(1) + left * self.weight


def fit_distance(features: np.ndarray, most: int) -> Distance:
    """Return the distance to pictures with these features [n, F], in at most so many directions.

    The covariance is shrunk as Ledoit and Wolf (J. Multivariate Analysis, 2004) derive: their sample one is noisy.
    """
    from sklearn.covariance import LedoitWolf
    from sklearn.decomposition import PCA

    near = PCA(min(most, len(features) // 4, features.shape[1]), svd_solver="covariance_eigh").fit(features)
    along = near.transform(features)
    precision = LedoitWolf(assume_centered=True).fit(along).precision_
    left = ((features - near.mean_) ** 2).sum(1) - (along**2).sum(1)
    weight = 1 / left.mean() if near.n_components_ < features.shape[1] else 0.0
    return Distance(near.mean_, near.components_.T, np.linalg.cholesky(precision), np.array([weight]))
