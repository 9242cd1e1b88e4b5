"""Training as in Keras's documentation: pxr_tf's timings are compared with it.

The frozen phase: ``image_dataset_from_directory`` decodes and resizes, ``cache()`` keeps the pictures, the frozen base
runs on every picture in every epoch. Small networks: the same without ``cache()``.
"""

import itertools
import time
from pathlib import Path

import keras


def make_dataset(folder: Path, size: int, batch_size: int):
    """Return a shuffled, cached tf.data.Dataset of (pictures, one-hot labels) from a folder per class."""
    dataset = keras.utils.image_dataset_from_directory(
        folder, label_mode="categorical", image_size=(size, size), batch_size=batch_size, seed=0, verbose=False
    )
    return dataset.cache().prefetch(2)


def build_model(weights: str, size: int, num_classes: int) -> keras.Model:
    """Return the transfer-learning model of the documentation: frozen base, pooling, two fully connected layers."""
    base = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=weights, input_shape=(size, size, 3))
    base.trainable = False
    inputs = keras.Input((size, size, 3))
    x = keras.applications.mobilenet.preprocess_input(inputs)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(256, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    return model


def time_epochs(folder: Path, weights: str, size: int, batch_size: int, epochs: int) -> list[float]:
    """Return seconds per epoch of the frozen phase, all in one `fit`; the first includes set-up and decoding."""
    ends = [time.perf_counter()]
    dataset = make_dataset(folder, size, batch_size)
    model = build_model(weights, size, num_classes=len([path for path in folder.iterdir() if path.is_dir()]))
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    model.fit(dataset, epochs=epochs, verbose=0, callbacks=[note])
    return [end - start for start, end in itertools.pairwise(ends)]


def time_from_files(folder: Path, model: keras.Model, size: int, batch_size: int, epochs: int) -> float:
    """Return the seconds of some epochs of a compiled network on grey pictures, which each epoch decodes again.

    Time after the last epoch does not count: the iterator's end may wait seconds for tf.data's tuning thread.
    """
    started, ends = time.perf_counter(), []
    dataset = keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        color_mode="grayscale",
        image_size=(size, size),
        batch_size=batch_size,
        seed=0,
        verbose=False,
    )
    steps = len(dataset)
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    endless = dataset.repeat().prefetch(2)
    model.fit(endless, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0, callbacks=[note])
    return ends[-1] - started
