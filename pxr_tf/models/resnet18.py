"""ResNet18, which keras.applications does not have, from KerasHub (the extra `hub`)."""

import keras

from pxr_tf.models.backbones import RESNET18_PRESET
from pxr_tf.models.layers import run_copies

ARCHITECTURE = {  # He et al. 2016, table 1: four stacks of two basic blocks
    "input_conv_filters": [64],
    "input_conv_kernel_sizes": [7],
    "stackwise_num_filters": [64, 128, 256, 512],
    "stackwise_num_blocks": [2, 2, 2, 2],
    "stackwise_num_strides": [1, 2, 2, 2],
    "block_type": "basic_block",
}


def build_resnet18(*, include_top: bool, weights: str | None, input_tensor: keras.KerasTensor) -> keras.Model:
    """Return ResNet18 on `input_tensor` [batch, h, w, 3], ending in its feature map [batch, h/32, w/32, 512].

    All layers are Keras's own, in one flat model: a saved file does not need KerasHub, and explanations see
    every layer. `weights` is ``imagenet`` (downloaded by KerasHub) or None (random). Raises `ImportError` without
    KerasHub, `ValueError` for other arguments, and what kagglehub raises for a failed download.
    """
    from keras_hub.models import ResNetBackbone  # here, because it is optional and its import takes a second

    if include_top or weights not in (None, "imagenet"):
        raise ValueError(
            f"ResNet18 has no top, and weights are 'imagenet' or None; received {include_top=}, {weights=}"
        )
    if weights == "imagenet":
        network = ResNetBackbone.from_preset(f"kaggle://{RESNET18_PRESET}")
    else:
        network = ResNetBackbone(**ARCHITECTURE)
    outputs = run_copies(network, input_tensor)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), outputs, name="resnet18")
