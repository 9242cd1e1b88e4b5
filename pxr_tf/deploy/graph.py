"""The graph of an export: from raw grey pixels to the answer of `pxr predict`, as one Keras model."""

from collections.abc import Sequence

import keras
from keras import KerasTensor, ops

from pxr_tf.evaluation.weighted import LEAST_PROBABILITY
from pxr_tf.models.layers import all_layers
from pxr_tf.runs.directory import RunDirectory

IMAGE, PROBABILITIES, BATCH = "image", "probabilities", "batch"  # names in the exported files


def build_answer(run: RunDirectory, folds: Sequence[str], temperature: float | None) -> keras.Model:
    """Return ``image``, uint8 [batch, size, size, 1] -> ``probabilities``, float32 [batch, classes].

    The arithmetic is that of `inference.ensemble`: each model's probabilities are averaged with those of the mirror
    image if the run does so, calibrated by the temperature, and averaged over the folds. It is done in float32, also
    if a model that was trained on a GPU computes in bfloat16. Raises `PxrError` if a model file is missing or damaged.
    """
    loaded = [run.load_model(fold) for fold in folds]
    for model, _ in loaded:
        _use_float32(model)
    image = keras.Input(loaded[0][0].input_shape[1:], dtype="uint8", name=IMAGE)
    both = ops.concatenate([image, ops.flip(image, axis=2)], axis=0)  # a network's operations stand once in the file
    answers = []
    for number, (model, card) in enumerate(loaded):
        network = keras.Model(model.inputs[0], model.outputs[0], name=f"model_{number}")  # they share one name
        if card.get("mirror_predictions", False):
            columns = model.output_shape[-1]
            shares = ops.mean(ops.reshape(network(both), (2, -1, columns)), axis=0)
        else:
            shares = network(image)
        answers.append(_calibrate(_both_columns(shares), temperature))
    mean = answers[0] if len(answers) == 1 else ops.mean(ops.stack(answers), axis=0)
    return keras.Model(image, keras.layers.Activation("linear", name=PROBABILITIES)(mean), name="answer")


def signature(model: keras.Model) -> list[keras.InputSpec]:
    """Return the input of an exported graph: any number of pictures."""
    return [keras.InputSpec(dtype="uint8", shape=(None, *model.input_shape[1:]), name=IMAGE)]


def half_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers that compute in half precision; their weights are float32."""
    return [layer for layer in all_layers(model) if layer.compute_dtype in ("bfloat16", "float16")]


def _use_float32(model: keras.Model) -> None:
    """Let all layers compute in float32: other programs do not have bfloat16, or round otherwise."""
    for layer in half_layers(model):
        layer.dtype_policy = "float32"


def _both_columns(shares: KerasTensor) -> KerasTensor:
    """Return [batch, classes]; a sigmoid's single column is the second class's probability."""
    return ops.concatenate([1 - shares, shares], axis=-1) if shares.shape[-1] == 1 else shares


def _calibrate(shares: KerasTensor, temperature: float | None) -> KerasTensor:
    """Return probabilities at a temperature, as `evaluation.calibration.apply_temperature` does."""
    if temperature is None:
        return shares
    return ops.softmax(ops.log(ops.clip(shares, LEAST_PROBABILITY, 1.0)) / temperature)
