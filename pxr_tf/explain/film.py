"""The part of a prepared picture that is film. Padding and even bars around it show nothing, so they do not count."""

import numpy as np

from pxr_tf.lungs.contrast import Box, find_content


def find_film(picture: np.ndarray) -> Box:
    """Return the box of the film in a picture, uint8 [height, width]; all of it if hardly anything would be left."""
    height, width = picture.shape
    return find_content(picture) or Box(0, 0, width, height)


def cut_map(one: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Return the part of a picture's map [h, w], at any size, whose cells have their centres on the film.

    A film that is narrower than a cell may have no centre. Then the cells that it touches count.
    """
    film, inside = find_film(picture), []
    for start, stop, cells, pixels in (
        (film.top, film.bottom, one.shape[0], picture.shape[0]),
        (film.left, film.right, one.shape[1], picture.shape[1]),
    ):
        edges = np.arange(cells + 1) * pixels / cells
        centres = (edges[1:] + edges[:-1]) / 2
        own = (centres >= start) & (centres < stop)
        inside.append(own if own.any() else (edges[1:] > start) & (edges[:-1] < stop))
    return one[np.ix_(*inside)]
