"""Maps at the picture's size."""

import numpy as np
import tensorflow as tf

from pxr_tf.explain.maps import at_picture_size


def test_values_are_at_the_centres_of_their_cells_and_constant_beyond_the_outer_centres():
    maps = np.array([[[0.0, 8.0], [16.0, 24.0]]])
    large = at_picture_size(maps, 8)
    assert large.dtype == np.float32
    np.testing.assert_array_equal(large[0, 0], [0, 0, 1, 3, 5, 7, 8, 8])
    np.testing.assert_array_equal(large[0, :, 0], 2 * large[0, 0])


def test_the_sampling_equals_tensorflows_bilinear_resize():
    maps = np.random.default_rng(0).normal(size=(3, 7, 7)).astype(np.float32)
    expected = tf.image.resize(maps[..., None], (224, 224))[..., 0]
    np.testing.assert_allclose(at_picture_size(maps, 224), expected, atol=1e-5)


def test_a_map_of_the_pictures_size_stays_as_it_is():
    maps = np.random.default_rng(0).normal(size=(2, 9, 9)).astype(np.float32)
    np.testing.assert_array_equal(at_picture_size(maps, 9), maps)
