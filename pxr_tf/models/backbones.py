"""The table of backbones, one line each. Importing this module loads neither Keras nor TensorFlow."""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pxr_tf import files
from pxr_tf.errors import MissingLibraryError, PxrError, nearest

# How each family scales 0-255 pixels: (scale, offset) of `value * scale + offset` for each of the three channels.
# The numbers are those of `keras.applications.<family>.preprocess_input`.
_TORCH = ((1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)), (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225))
Factors = float | tuple[float, float, float]  # one per channel, or one for all
SCALINGS: Mapping[str, tuple[Factors, Factors] | None] = {
    "tf": (1 / 127.5, -1.0),  # to -1 … 1
    "caffe": (1.0, (-103.939, -116.779, -123.68)),  # ImageNet means subtracted, blue first
    "torch": _TORCH,  # ImageNet mean and standard deviation, for 0-1 values
    "raw": None,  # the network scales its input itself
}
GREY = "tf"  # the scaling of networks without a backbone, for one channel


class Backbone(NamedTuple):
    """One network without its top."""

    # A name in keras.applications, or a function with the same arguments; "module:function" if that imports Keras.
    application: str | Callable[..., Any]
    scaling: str  # key of SCALINGS
    smallest: int  # smallest image side that it accepts, in pixels
    imagenet: str = ""  # Keras's file of its ImageNet weights, without top; "": none exist
    options: Mapping[str, float] = MappingProxyType({})
    library: str = ""  # the module that it needs besides Keras, from the extra `hub`; "": none
    gains_by_litert: bool = False  # LiteRT computes its features at least 1.5 times as fast on a CPU
    preset: str = ""  # KerasHub's preset with its ImageNet weights: Kaggle handle with version

    @property
    def title(self) -> str:
        """The name in messages: ``Xception``, ``resnet18``."""
        name = self.application if isinstance(self.application, str) else self.application.__name__
        return name.rpartition(":")[2].removeprefix("build_")


KERNELS = "_weights_tf_dim_ordering_tf_kernels_notop.h5"
RESNET18_PRESET = "keras/resnetv1/keras/resnet_18_imagenet/3"  # 45 MB; timm's resnet18.a1_in1k, converted by KerasHub
BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone("ResNet50", "caffe", 32, f"resnet50{KERNELS}"),
    # timm's mean and standard deviation, as in the image_converter.json of KerasHub's conversion.
    "resnet18": Backbone(
        "pxr_tf.models.resnet18:build_resnet18", "torch", 32, library="keras_hub", preset=RESNET18_PRESET
    ),
    "inception_v3": Backbone("InceptionV3", "tf", 75, f"inception_v3{KERNELS}"),
    "inception_resnet_v2": Backbone("InceptionResNetV2", "tf", 75, f"inception_resnet_v2{KERNELS}"),
    "xception": Backbone("Xception", "tf", 71, f"xception{KERNELS}"),
    "densenet121": Backbone("DenseNet121", "torch", 32, f"densenet121{KERNELS}"),
    "densenet169": Backbone("DenseNet169", "torch", 32, f"densenet169{KERNELS}"),
    "efficientnetv2_b0": Backbone("EfficientNetV2B0", "raw", 32, "efficientnetv2-b0_notop.h5"),
    "efficientnetv2_s": Backbone("EfficientNetV2S", "raw", 32, "efficientnetv2-s_notop.h5"),
    "nasnet_mobile": Backbone("NASNetMobile", "tf", 32, "nasnet_mobile_no_top.h5"),
    "mobilenet_v2": Backbone(
        "MobileNetV2",
        "tf",
        32,
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        gains_by_litert=True,
    ),
    "mobilenet_025": Backbone(
        "MobileNet", "tf", 32, "mobilenet_2_5_224_tf_no_top.h5", MappingProxyType({"alpha": 0.25}), gains_by_litert=True
    ),
}


def find_backbone(name: str) -> Backbone:
    """Return the backbone with this name; raise `PxrError` with the nearest names if it is unknown."""
    if name not in BACKBONES:
        raise PxrError(f"Unknown backbone {name!r}. Known: {', '.join(BACKBONES)}.{nearest(name, BACKBONES)}")
    return BACKBONES[name]


def check_library(backbone: Backbone) -> None:
    """Raise `MissingLibraryError` if the backbone's library is not installed; this does not import it."""
    if backbone.library and find_spec(backbone.library) is None:
        raise MissingLibraryError(
            f"{backbone.title} needs {backbone.library}, which is not installed. Install it (make setup HUB=1, or "
            'pip install "pxr_tf[hub]"), or choose another backbone (MODEL=...).'
        )


def check_weights(weights: str) -> str:
    """Return ``imagenet``, ``none`` or the path of a weights file; raise `PxrError` if it is not a file."""
    if weights in ("imagenet", "none"):
        return weights
    with files.reading(f"WEIGHTS {weights!r}"):
        path = Path(weights)
        fault = "is a folder" if path.is_dir() else "is not a regular file" if path.exists() else "does not exist"
        found = path.is_file()
    if not found:
        raise PxrError(
            f"WEIGHTS {weights!r} {fault}; accepted: imagenet, none, or a weights file of the backbone without "
            "its top (.h5, .weights.h5). Check the path."
        )
    return weights


def weights_file(name: str, weights: str) -> Path:
    """Return the file of non-random weights: the given file, or the file that ImageNet weights are downloaded to.

    The download may not exist yet. Raises `PxrError` if the given file is missing, or no ImageNet weights exist.
    """
    if check_weights(weights) != "imagenet":
        return Path(weights)
    backbone = find_backbone(name)
    if backbone.preset:
        home = Path(os.environ.get("KAGGLEHUB_CACHE", Path.home() / ".cache" / "kagglehub"))  # as in kagglehub
        return home / "models" / backbone.preset / "model.weights.h5"
    if not backbone.imagenet:
        raise PxrError(f"{name} has no ImageNet weights (model.weights); accepted: none, or a weights file.")
    return _keras_home() / "models" / backbone.imagenet


def check_image_size(name: str, size: int) -> None:
    """Raise `PxrError` if the backbone does not accept images of this size."""
    smallest = find_backbone(name).smallest
    if size < smallest:
        raise PxrError(f"{name} takes images of {smallest} pixels or more; received {size} (image.size).")


def _keras_home() -> Path:
    """Return the folder that `keras.utils.get_file` downloads to, without loading Keras."""
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    writable = os.access(home if home.exists() else home.parent, os.W_OK)
    return home if writable else Path("/tmp/.keras")
