"""The backbones: a line each. Importing this room loads neither Keras nor TensorFlow."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pxr_tf import files
from pxr_tf.errors import PxrError, nearest

# How each family wants 0-255 pixels scaled: what `keras.applications.<family>.preprocess_input` does, written as
# (scale, offset) of `value * scale + offset` for each of the three channels.
_TORCH = ((1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)), (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225))
SCALINGS: Mapping[str, tuple[Any, Any] | None] = MappingProxyType(
    {
        "tf": (1 / 127.5, -1.0),  # to -1 … 1
        "caffe": (1.0, (-103.939, -116.779, -123.68)),  # ImageNet means taken off, blue first
        "torch": _TORCH,  # ImageNet mean and standard deviation, of 0-1 values
        "raw": None,  # the application scales inside
    }
)


class Backbone(NamedTuple):
    """One network without its top."""

    application: str | Callable[..., Any]  # name in keras.applications, or a function with the same arguments
    scaling: str  # key of SCALINGS
    smallest: int  # pixels, the smallest image side it can take
    options: Mapping[str, Any] = MappingProxyType({})


BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone("ResNet50", "caffe", 32),
    "inception_v3": Backbone("InceptionV3", "tf", 75),
    "inception_resnet_v2": Backbone("InceptionResNetV2", "tf", 75),
    "xception": Backbone("Xception", "tf", 71),
    "densenet121": Backbone("DenseNet121", "torch", 32),
    "densenet169": Backbone("DenseNet169", "torch", 32),
    "efficientnetv2_b0": Backbone("EfficientNetV2B0", "raw", 32),
    "efficientnetv2_s": Backbone("EfficientNetV2S", "raw", 32),
    "nasnet_mobile": Backbone("NASNetMobile", "tf", 32),
    "mobilenet_v2": Backbone("MobileNetV2", "tf", 32),
    "mobilenet_025": Backbone("MobileNet", "tf", 32, MappingProxyType({"alpha": 0.25})),
}


def find_backbone(name: str) -> Backbone:
    """Return the backbone of that name; raise `PxrError` with the nearest names for an unknown one."""
    if name not in BACKBONES:
        raise PxrError(f"Unknown backbone {name!r}. Known: {', '.join(BACKBONES)}.{nearest(name, BACKBONES)}")
    return BACKBONES[name]


def check_weights(weights: str) -> str:
    """Return ``imagenet``, ``none`` or the path of a weights file; raise `PxrError` where there is no such file."""
    if weights in ("imagenet", "none"):
        return weights
    with files.reading(f"WEIGHTS {weights!r}"):
        found = Path(weights).is_file()
    if not found:
        fault = "is a folder" if Path(weights).is_dir() else "does not exist"
        raise PxrError(
            f"WEIGHTS {weights!r} {fault}; accepted: imagenet, none, or a weights file of the backbone without "
            "its top (.h5, .weights.h5). Check the path."
        )
    return weights


def check_image_size(name: str, size: int) -> None:
    """Raise `PxrError` where the backbone cannot take images of that size."""
    smallest = find_backbone(name).smallest
    if size < smallest:
        raise PxrError(f"{name} takes images of {smallest} pixels or more; received {size} (image.size).")
