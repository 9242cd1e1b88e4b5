"""The measures of `bench.py` for the papers' own networks and the linear learner; arguments are as in `measures`."""

import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measures import in_turn, medians

SIZE = 256  # chen2021's
RECIPE, CLASSES = "chen2021", ("normal", "viral", "bacterial")
EPOCHS = 3  # of training from files; ours decodes once


class Trained(NamedTuple):
    """A variant's network, compiled as by its learner (`ours`) and as by plain Keras (`bare`)."""

    ours: Any
    bare: Any
    batch_size: int


def epoch_small_cnn(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float, int]:
    """Return (seconds of our epoch, seconds of train_on_batch alone, images)."""
    return _epoch(data, work, "small_cnn", images=1280)


def epoch_alrelu_cnn(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float, int]:
    """Return (seconds of our epoch, seconds of train_on_batch alone, images)."""
    return _epoch(data, work, "alrelu_cnn", images=384)


def files_small_cnn(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float, int]:
    """Return (our seconds from files through all epochs, plain Keras's, images)."""
    return _from_files(fullres, work, "small_cnn", images=640)


def files_alrelu_cnn(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float, int]:
    """Return (our seconds from files through all epochs, plain Keras's, images)."""
    return _from_files(fullres, work, "alrelu_cnn", images=64)


def regression(data: str, fullres: str, weights: str, work: Path) -> tuple[float, int, int, str]:
    """Return (seconds to read and fit, images, iterations, how) of the recipe's logistic regression."""
    from pxr_tf.config import load_experiment
    from pxr_tf.experiments.parts import make_settings
    from pxr_tf.models.scratch import scale_pixels
    from pxr_tf.training.linear import fit_regression

    settings = make_settings(load_experiment(RECIPE, variant="logistic_regression"), "")
    table, pixels = _official_training(data, work)
    started = time.perf_counter()
    values = scale_pixels(pixels.reshape(len(pixels), -1))
    fitted = fit_regression(values, table.label.to_numpy(), CLASSES, settings)
    seconds = time.perf_counter() - started
    how = f"{settings.model.solver}, l2 {settings.model.l2:g}, tolerance {settings.model.tolerance:g}"
    return seconds, len(pixels), int(fitted.n_iter_.max()), how


def _official_training(data: str, work: Path) -> tuple[Any, np.ndarray]:
    """Return (rows, pictures) of the official training part."""
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.data.patients import add_content
    from pxr_tf.pictures.preparation import Preparation
    from pxr_tf.pictures.store import open_pictures
    from pxr_tf.sets.find import read_sources

    table, _ = read_sources(split_paths(data))
    table = add_content(table[(table.official_split == "train") & table.label.isin(CLASSES)].reset_index(drop=True))
    pictures = open_pictures(work / "runs" / "cache", table, Preparation(SIZE, "squash"))
    return table, pictures.pixels[table.content.map(pictures.rows).to_numpy()]


def _build(variant: str, images: int) -> Trained:
    from pxr_tf.config import load_experiment
    from pxr_tf.experiments.parts import make_settings
    from pxr_tf.pictures.stream import num_batches
    from pxr_tf.training.initial import build_architecture
    from pxr_tf.training.phases import compile_phase

    settings = make_settings(load_experiment(RECIPE, variant=variant), "")
    phase, models, steps = settings.phases[0], [], num_batches(images, settings.training.batch_size)
    for at_once in (settings.steps_at_once(phase, steps), 1):
        models.append(build_architecture(settings.architecture, num_classes=len(CLASSES), image_size=SIZE, seed=0))
        compile_phase(models[-1], phase, steps=steps, xla=False, at_once=at_once)
    return Trained(*models, settings.training.batch_size)


def _targets(count: int) -> np.ndarray:
    return np.eye(len(CLASSES), dtype=np.float32)[np.arange(count) % len(CLASSES)]


def _stream(pixels: np.ndarray, rows: np.ndarray, batch_size: int) -> Any:
    from pxr_tf.pictures.inputs import Inputs
    from pxr_tf.pictures.stream import make_training_stream

    inputs = Inputs(pixels[..., None], rows)
    return make_training_stream(inputs, _targets(len(rows)), batch_size=batch_size, seed=0, phase="bench")


def _epoch(data: str, work: Path, variant: str, images: int) -> tuple[float, float, int]:
    trained = _build(variant, images)
    size = trained.batch_size
    pixels, targets = _official_training(data, work)[1][:images], _targets(size)
    stream, steps = _stream(pixels, np.arange(len(pixels)), size), len(pixels) // size
    held = [pixels[start : start + size, ..., None] for start in range(0, 4 * size, size)]
    ours, bare = in_turn(
        lambda: trained.ours.fit(stream, steps_per_epoch=steps, shuffle=False, verbose=0),
        lambda: [trained.bare.train_on_batch(held[step % 4], targets) for step in range(steps)],
        rounds=5,
    )
    return ours, bare, len(pixels)


def _from_files(fullres: str, work: Path, variant: str, images: int) -> tuple[float, float, int]:
    """Time `EPOCHS` epochs from the full-resolution files, repeated; bytes added to their ends make them differ."""
    from plain_keras import time_from_files

    from pxr_tf.data.patients import add_content
    from pxr_tf.pictures.preparation import Preparation
    from pxr_tf.pictures.store import open_pictures
    from pxr_tf.sets.find import read_sources

    folder, cache = work / f"{variant}-files", work / f"{variant}-store"
    table, _ = read_sources([fullres])
    for number in range(images):
        row = table.iloc[number % len(table)]
        target = folder / row.label / f"{number}.jpeg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(row.path).read_bytes() + str(number).encode())
    trained = _build(variant, images)

    def ours() -> float:
        started = time.perf_counter()
        shutil.rmtree(cache, ignore_errors=True)
        files = add_content(read_sources([folder])[0])
        pictures = open_pictures(cache, files, Preparation(SIZE, "squash"))
        stream = _stream(pictures.pixels, files.content.map(pictures.rows).to_numpy(), trained.batch_size)
        steps = images // trained.batch_size
        trained.ours.fit(stream, steps_per_epoch=steps, epochs=EPOCHS, shuffle=False, verbose=0)
        return time.perf_counter() - started

    def plain() -> float:
        return time_from_files(folder, trained.bare, SIZE, trained.batch_size, EPOCHS)

    return (*medians(ours, plain, rounds=3), images)
