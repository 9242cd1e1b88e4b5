"""The table of the papers' own networks: builder and sizes of each. Importing this module loads no Keras."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pxr_tf.errors import PxrError, count_words, nearest
from pxr_tf.vocabulary.model import Size


class PaperNetwork(NamedTuple):
    """One network: pixels -> the input of the last fully connected layer."""

    build: str | Callable[..., object]  # name in `models.scratch`, or a function with the same arguments
    sizes: Mapping[str, Size]  # the defaults; a recipe may replace them, keeping their number
    padded: bool = True  # its convolutions keep height and width


NETWORKS: dict[str, PaperNetwork] = {
    "feed_forward": PaperNetwork("build_feed_forward", {"hidden_units": (512, 128)}),
    "small_cnn": PaperNetwork(
        "build_small_cnn", {"channels": (4, 8), "kernel_sizes": (3, 3), "hidden_units": (128,)}, padded=False
    ),
    "alrelu_cnn": PaperNetwork(
        "build_alrelu_cnn",
        {
            "channels": (32, 64, 128, 256, 512),
            "kernel_sizes": (5, 3, 3, 3, 3),
            "dropout": (0.1, 0.2, 0.3, 0.4, 0.5, 0.3, 0.4),  # of the blocks, after the pooling, before the output
            "hidden_units": (256,),
            "negative_slope": 0.01,
            "batchnorm_momentum": 0.99,
        },
    ),
    "leaky_cnn": PaperNetwork(
        "build_leaky_cnn",
        {
            "channels": (32, 64, 128),
            "kernel_sizes": (3, 3, 3),
            "dropout": (0.25, 0.25, 0.25),
            "hidden_units": (128,),
            "negative_slope": 0.01,
        },
    ),
}


def find_network(name: str) -> PaperNetwork:
    """Return the network with this name; raise `PxrError` with the nearest names if it is unknown."""
    if name not in NETWORKS:
        raise PxrError(
            f"Unknown network {name!r} (model.network). Known: {', '.join(NETWORKS)}.{nearest(name, NETWORKS)}"
        )
    return NETWORKS[name]


def all_sizes(name: str, given: Mapping[str, Size]) -> dict[str, Size]:
    """Return the network's sizes, replaced by the given ones; raise `PxrError` for a size that does not fit it."""
    own = find_network(name).sizes
    for key, value in given.items():
        if key not in own:
            raise PxrError(f"model.{key} is not a size of {name}; accepted: {', '.join(own)}.{nearest(key, own)}")
        if isinstance(own[key], tuple) and len(own[key]) != len(value):
            raise PxrError(
                f"model.{key} received {count_words(len(value), 'number')}; {name} takes {len(own[key])}, such as "
                f"{list(own[key])}."
            )
    return {**own, **given}


def check_kernels(name: str, kernel_sizes: Sequence[int], image_size: int) -> None:
    """Raise `PxrError` if unpadded convolutions leave fewer than the 2 pixels that pooling needs."""
    left = image_size - sum(size - 1 for size in kernel_sizes)
    if not find_network(name).padded and left < 2:
        raise PxrError(
            f"model.kernel_sizes {list(kernel_sizes)} leave {max(left, 0)} of image.size={image_size} pixels, because "
            f"{name} does not pad. Use smaller kernels, or image.size={image_size + 2 - left} or more."
        )
