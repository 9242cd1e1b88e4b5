"""How much a training sample counts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pxr_tf.vocabulary.training import ClassWeights


def class_weights(labels: pd.Series, classes: Sequence[str], given: ClassWeights) -> dict[str, float]:
    """Return how much a sample of each class counts.

    ``balanced``: samples / (classes * samples of the class), as scikit-learn's `compute_class_weight` has it, from the
    training samples; augmented copies count, so that what oversampling has balanced is not balanced twice.
    """
    if given != "balanced":
        return dict(given)
    from sklearn.utils.class_weight import compute_class_weight

    numbers = compute_class_weight("balanced", classes=np.array(classes), y=labels.to_numpy())
    return dict(zip(classes, numbers.tolist(), strict=True))


def sample_weights(labels: pd.Series, classes: Sequence[str], given: ClassWeights) -> np.ndarray | None:
    """Return float32 [samples], how much each counts; None where all count alike."""
    if given is None:
        return None
    return labels.map(class_weights(labels, classes, given)).to_numpy(np.float32)
