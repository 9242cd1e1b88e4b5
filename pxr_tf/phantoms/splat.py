"""Mass in anatomy units -> density in pixels: each point is shared by its four nearest pixels."""

import numpy as np


def splat_tubes(
    lines: np.ndarray, half_height: np.ndarray, mass: np.ndarray, to_pixels: np.ndarray, size: int
) -> np.ndarray:
    """Return the density [size, size] of tubes: centre lines [tubes, steps, 2], half heights and masses [tubes]."""
    angles = np.linspace(-1, 1, 4 + size // 32)
    profile = 0.65 * np.sin(angles * np.pi / 2) + 0.35 * angles  # denser at the rims, as the shell of a bone is
    along = np.gradient(lines, axis=1)
    along /= np.hypot(along[..., 0], along[..., 1])[..., None] + 1e-9
    across = along[..., ::-1] * [-1, 1] * half_height[:, None, None]
    points = lines + profile[:, None, None, None] * across
    shares = np.broadcast_to((mass / (lines.shape[1] * len(angles)))[:, None], points.shape[:-1])
    return splat(points.reshape(-1, 2), shares.ravel(), to_pixels, size)


def splat(points: np.ndarray, mass: np.ndarray, to_pixels: np.ndarray, size: int) -> np.ndarray:
    """Return the density [size, size] per unit area of points [n, 2] in anatomy units; `to_pixels` as in `View`."""
    place = to_pixels[:, :2] @ points.T + to_pixels[:, 2:]
    left, top = corner = np.floor(place).astype(np.int64)
    part_x, part_y = place - corner
    seen = ((corner >= 0) & (corner < size - 1)).all(axis=0)
    total = np.zeros(size * size)
    for right in (0, 1):
        for down in (0, 1):
            share = np.abs(1 - right - part_x) * np.abs(1 - down - part_y) * mass
            total += np.bincount((top * size + left + size * down + right)[seen], share[seen], size * size)
    return total.reshape(size, size) * np.abs(np.linalg.det(to_pixels[:, :2]))
