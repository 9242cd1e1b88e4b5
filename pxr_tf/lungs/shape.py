"""Two lungs out of a map of chances: the largest parts, without holes."""

import numpy as np
from scipy import ndimage

SMALLEST_LUNG = 0.15  # of the larger one; less is a stomach bubble, or air beside the body


def keep_two_lungs(chances: np.ndarray) -> np.ndarray:
    """Return chances float32 [h, w], 0 outside the two largest parts above a half, at least 1/2 within their holes."""
    parts, count = ndimage.label(chances > 0.5)
    if not count:
        return np.zeros_like(chances)
    areas = np.bincount(parts.ravel())[1:]
    order = np.argsort(-areas, kind="stable")[:2]
    kept = np.isin(parts, 1 + order[areas[order] > SMALLEST_LUNG * areas[order[0]]])
    filled = ndimage.binary_fill_holes(kept)
    dropped = (chances > 0.5) & ~filled
    return np.where(filled & ~kept, 1, np.where(dropped, 0, chances)).astype(np.float32)
