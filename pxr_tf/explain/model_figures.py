"""What a trained network has learned, as arrays: filters, coefficient images, feature maps."""

from collections.abc import Collection, Mapping, Sequence

import keras
import numpy as np

from pxr_tf.errors import PxrError, nearest, shorten
from pxr_tf.explain.model_figures_file import Maps, ModelFigureData, Tiles

MOST_FILTERS = 64  # as many as a ResNet begins with; a fully connected layer may have hundreds
MOST_MAPS = 16  # of each layer: two rows of eight
CONVOLUTION_LAYERS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
WORDS = {"filters": "first-layer filters", "coefficients": "coefficient images", "feature_maps": "feature maps"}


def make_model_figures(
    model: keras.Model, classes: Sequence[str], pictures: Mapping[str, np.ndarray], asked: Collection[str]
) -> ModelFigureData:
    """Return the figures `asked` (of `WORDS`) that the model has; feature maps of `pictures`, uint8 [size, size]."""
    found = [what for what in what_it_has(model) if what in asked]
    return ModelFigureData(
        asked=tuple(asked),
        filters=_strongest(first_filters(model)) if "filters" in found else None,
        coefficients=coefficient_images(model, classes) if "coefficients" in found else {},
        feature_maps={name: make_maps(model, picture) for name, picture in pictures.items()}
        if "feature_maps" in found
        else {},
    )


def what_it_has(model: keras.Model) -> tuple[str, ...]:
    """Return which of `WORDS` a model has: if linear, coefficients; if convolutional, filters and feature maps."""
    if _convolutions(model):
        return ("filters", "feature_maps")
    layer = _layer_on_pixels(model)
    if layer is None:
        return ()
    return ("coefficients",) if layer.name == "logits" else ("filters",)


def first_filters(model: keras.Model) -> np.ndarray:
    """Return the filters of the first layer as pictures: float32 [filters, height, width].

    A backbone gets the grey picture on three channels, so a filter's three kernels are added up. Their sum is its
    effect on a grey picture, apart from the scaling of each channel. In a network without convolutions, each unit of
    the first fully connected layer is one picture of the image's size. Raises `PxrError` for a model without filters.
    """
    if "filters" not in what_it_has(model):
        raise _lacks(model, "filters")
    convolutions = _convolutions(model)
    if convolutions:
        return np.asarray(convolutions[0].kernel, np.float32).sum(2).transpose(2, 0, 1)
    return _as_pictures(model, _layer_on_pixels(model))


def coefficient_images(model: keras.Model, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Return class -> float32 [size, size]: how much its logit grows if a pixel grows by one (of -1 … 1).

    A model with one sigmoid output has one image, of the second class. Raises `PxrError` for a model that is not
    linear.
    """
    if "coefficients" not in what_it_has(model):
        raise _lacks(model, "coefficients")
    images = _as_pictures(model, _layer_on_pixels(model))
    names = classes[1:] if len(images) == 1 else classes
    return dict(zip(names, images, strict=True))


def compute_feature_maps(
    model: keras.Model, picture: np.ndarray, layers: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Return layer -> float32 [channels, height, width]: the feature maps of a picture, uint8 [size, size].

    The default `layers` are ``feature_map`` and all convolutions of a small network, but only the first convolution of
    a backbone, which may have a hundred. Raises `PxrError` for a model without convolutions, or an unknown layer.
    """
    if "feature_maps" not in what_it_has(model):
        raise _lacks(model, "feature_maps")
    known = [layer.name for layer in model.layers[1:] if len(layer.output.shape) == 4]  # the first is the picture
    chosen = list(layers or _layers_of_interest(model))
    for name in chosen:
        if name not in known:
            raise PxrError(
                f"Unknown layer {name!r} of {model.name}. Layers with feature maps: {shorten(known, 8)}."
                f"{nearest(name, known)}"
            )
    probe = keras.Model(model.inputs, [model.get_layer(name).output for name in chosen])
    results = probe.predict_on_batch(picture[None, ..., None])
    results = results if isinstance(results, list) else [results]  # Keras unpacks a list of one
    return {
        name: np.asarray(result, np.float32)[0].transpose(2, 0, 1) for name, result in zip(chosen, results, strict=True)
    }


def make_maps(
    model: keras.Model, picture: np.ndarray, layers: Sequence[str] | None = None, most: int = MOST_MAPS
) -> Maps:
    """Return a picture with the first `most` feature maps of each layer: the same channels for every picture."""
    found = compute_feature_maps(model, picture, layers)
    return Maps(picture, {name: Tiles(values[:most].copy(), len(values)) for name, values in found.items()})


def _strongest(filters: np.ndarray) -> Tiles:
    """Return the filters with the largest norms, in the layer's order."""
    norms = np.linalg.norm(filters.reshape(len(filters), -1), axis=1)
    kept = np.sort(np.argsort(-norms, kind="stable")[:MOST_FILTERS])
    return Tiles(filters[kept], len(filters))


def _layers_of_interest(model: keras.Model) -> list[str]:
    names = [layer.name for layer in _convolutions(model)]
    if any(layer.name == "grey_to_rgb" for layer in model.layers):  # a backbone: `models.classifier`
        names = names[:1]
    last = ["feature_map"] if any(layer.name == "feature_map" for layer in model.layers) else []
    return list(dict.fromkeys([*names, *last]))


def _convolutions(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, CONVOLUTION_LAYERS)]


def _layer_on_pixels(model: keras.Model) -> keras.layers.Layer | None:
    """Return the first layer with weights if it is fully connected to every pixel, else None."""
    layer = next((layer for layer in model.layers if layer.weights), None)
    dense = isinstance(layer, keras.layers.Dense) and layer.kernel.shape[0] == np.prod(model.input_shape[1:])
    return layer if dense else None


def _as_pictures(model: keras.Model, layer: keras.layers.Layer) -> np.ndarray:
    return np.asarray(layer.kernel, np.float32).T.reshape(-1, *model.input_shape[1:3])


def _lacks(model: keras.Model, what: str) -> PxrError:
    has = " and ".join(WORDS[name] for name in what_it_has(model)) or "nothing of the kind"
    keys = ",".join(what_it_has(model))
    remedy = f"; the command that trained it draws them with --set show=[{keys}]" if keys else ""
    return PxrError(f"The model {model.name} has no {WORDS[what]}. It has {has}{remedy}.")
