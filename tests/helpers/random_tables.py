"""Random predictions for tests of metrics."""

import numpy as np
import pandas as pd

CLASSES = ("bacterial", "covid19", "normal")


def make_predictions(labels: list[str], probabilities: np.ndarray, folds: list[str] | None = None) -> pd.DataFrame:
    """Return a predictions table; the predicted class is the most probable."""
    table = pd.DataFrame({"image_id": [f"i{n}" for n in range(len(labels))], "label": labels})
    table["fold"] = folds or ["0"] * len(labels)
    table["predicted"] = np.array(CLASSES)[probabilities.argmax(1)]
    return table.assign(**{f"p_{name}": probabilities[:, number] for number, name in enumerate(CLASSES)})


def random_predictions(seed: int, rows: int = 60, levels: int = 8) -> pd.DataFrame:
    """Return random predictions; few levels of probability, so that many tie."""
    random = np.random.default_rng(seed)
    labels = random.choice(CLASSES, rows, p=[0.6, 0.1, 0.3]).tolist()
    labels[: len(CLASSES)] = CLASSES
    return make_predictions(labels, random.integers(0, levels, (rows, len(CLASSES))) / levels)
