"""The measures of `bench.py`, each run in a process of its own; all take (data, fullres, weights, work folder)."""

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIZE, BATCH = 224, 32
CLASSES = ("bacterial", "covid19", "normal", "viral")


def plain_frozen(data: str, fullres: str, weights: str, work: Path) -> list[float]:
    """Return seconds per epoch of the plain Keras pipeline on one training part of the paper's recipe."""
    from bench import PLAIN_EPOCHS
    from plain_keras import time_epochs

    table, samples = _training_part(data)
    folder = work / "plain"
    paths = table.set_index("image_id")
    for image_id, copy in samples.itertuples(index=False):
        source = Path(paths.path[image_id]).resolve()
        link = folder / paths.label[image_id] / f"{copy}-{image_id.replace('/', '-')}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)
    return time_epochs(folder, weights, SIZE, BATCH, PLAIN_EPOCHS)


def extraction(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float]:
    """Return (seconds to fill the feature cache, seconds of Keras's predict_on_batch alone) for one training part."""
    from pxr_tf import machine
    from pxr_tf.models.classifier import feature_extractor
    from pxr_tf.pictures.inputs import picture_inputs
    from pxr_tf.training.extractor import LITERT, open_extractor
    from pxr_tf.training.features import FEATURE_BATCH, extract_features, sample_names

    table, samples = _training_part(data)
    pictures = _open_pictures(table, work)
    samples = samples.merge(table[["image_id", "content"]], on="image_id")
    keras = feature_extractor(_build("mobilenet_025", weights))
    extractor = open_extractor(LITERT, weights, work, lambda: keras, size=SIZE, threads=machine.processors())
    rows = samples.content.map(pictures.rows).to_numpy()
    load = picture_inputs(pictures.pixels, rows, samples, copies="bozickovic2021", epochs="none", seed=0).load
    batch = load(np.arange(FEATURE_BATCH), 0)
    keras.predict_on_batch(batch)
    steps = len(samples) // FEATURE_BATCH
    names = sample_names(samples.iloc[: steps * FEATURE_BATCH], "bozickovic2021 seed=0")
    folder = work / "features"

    def extract() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        extract_features(folder, extractor, load, names, lambda done, total: None)

    return in_turn(extract, lambda: [keras.predict_on_batch(batch) for _ in range(steps)], rounds=3)


def fine_tune_mobilenet_025(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float, int]:
    """Return (our seconds, seconds of train_on_batch alone, images)."""
    return _fine_tune(data, work, "mobilenet_025", weights, steps=40)


def fine_tune_resnet50(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float, int]:
    """Return (our seconds, seconds of train_on_batch alone, images)."""
    return _fine_tune(data, work, "resnet50", "none", steps=2)


def pipeline(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float]:
    """Return images per second of (our tf.data stream, NumPy fancy indexing of the same array)."""
    from pxr_tf.pictures.inputs import picture_inputs
    from pxr_tf.pictures.stream import epoch_order, make_training_stream

    table, _ = _training_part(data)
    pixels = _open_pictures(table, work).pixels
    rows = np.arange(len(table))
    samples = table[["image_id"]].assign(copy=0)
    inputs = picture_inputs(pixels, rows, samples, copies="none", epochs="none", seed=0)
    targets = np.zeros((len(samples), 4), np.float32)
    stream = make_training_stream(inputs, targets, batch_size=BATCH, seed=0, phase="bench")
    steps = len(samples) // BATCH
    order = epoch_order(len(samples), seed=0, phase="bench", epoch=0)
    float(pixels[::7].mean())  # both read from the page cache

    def index() -> None:
        for start in range(0, steps * BATCH, BATCH):
            pixels[rows[order[start : start + BATCH]]]

    def take() -> None:
        for _ in range(3 * steps):
            next(iterator)

    iterator = iter(stream)
    ours, bare = in_turn(take, lambda: [index() for _ in range(3)])
    return 3 * steps * BATCH / ours, 3 * steps * BATCH / bare


def store(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float]:
    """Return seconds for 900 full-resolution files of different content: (our store, image_dataset_from_directory)."""
    return _store(fullres, work, lambda number: str(number).encode())


def store_of_copies(data: str, fullres: str, weights: str, work: Path) -> tuple[float, float]:
    """Return seconds for the same files as exact copies; our store decodes each picture once."""
    return _store(fullres, work, lambda number: b"")


def _store(fullres: str, work: Path, tail: Callable[[int], bytes]) -> tuple[float, float]:
    """Time the set repeated to 900 files; `tail` gives bytes after a file's JPEG data: other content, same picture."""
    import keras

    from pxr_tf.data.patients import add_content
    from pxr_tf.pictures.preparation import Preparation
    from pxr_tf.pictures.store import open_pictures
    from pxr_tf.sets.find import read_sources

    table, _ = read_sources([fullres])
    folder, cache = work / "fullres", work / "fullres-store"
    for number in range(900):
        row = table.iloc[number % len(table)]
        target = folder / row.label / f"{number}.jpeg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(row.path).read_bytes() + tail(number))

    def ours() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        files = add_content(read_sources([folder])[0])
        open_pictures(cache, files, Preparation(SIZE, "squash"))

    iterators = []

    def plain() -> None:
        iterators.append(iter(keras.utils.image_dataset_from_directory(folder, image_size=(SIZE, SIZE), verbose=False)))
        for _ in iterators[-1]:
            pass  # the iterator is kept: its end may wait seconds for tf.data's tuning thread, which is not decoding

    return in_turn(ours, plain)


def ten_more(data: str, fullres: str, weights: str, work: Path) -> str:
    """Return a folder of ten viral pictures that the other data do not have: mirrored, so that their bytes are new."""
    from PIL import Image, ImageOps

    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.sets.find import read_sources

    table, _ = read_sources(split_paths(data))
    folder = work / "ten_more" / "viral"
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(table.path[table.label == "viral"].head(10)):
        with Image.open(path) as image:
            ImageOps.mirror(image.convert("L")).save(folder / f"{number}.png")
    return str(folder.parent)


def memory(data: str, fullres: str, weights: str, work: Path) -> float:
    """Return the peak resident size in GB of the largest process of a whole run, with memory-mapped pages."""
    command = [sys.executable, "-m", "pxr_tf.cli", "cv", "--model", "mobilenet_025", "--strategy", "2", "--folds", "2"]
    command += ["--data", data, "--weights", weights, "--epochs", "1", "--set", "balance.cap=null"]
    subprocess.run([*command, "--runs", str(work / "runs-memory")], check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9


def _training_part(data: str):
    """Return (manifest, samples of the first fold's training part) as in the paper's recipe."""
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.data.patients import drop_duplicates, merge_patients
    from pxr_tf.data.samples import plan_samples
    from pxr_tf.data.splits import assign_patient_folds
    from pxr_tf.pictures.gather import gather_images

    table = gather_images(split_paths(data), CLASSES, {}, lambda text: None).table
    table, _ = drop_duplicates(merge_patients(table))
    training = table[assign_patient_folds(table, 5, 0) != 0]
    return table, plan_samples(training, cap=1310, oversample=("covid19",), seed=0)


def _open_pictures(table, work: Path):
    from pxr_tf.pictures.preparation import Preparation
    from pxr_tf.pictures.store import open_pictures

    return open_pictures(work / "runs" / "cache", table, Preparation(SIZE, "squash"))


def _build(backbone: str, weights: str):
    from pxr_tf.models.backbones import find_backbone
    from pxr_tf.models.classifier import build_classifier

    return build_classifier(find_backbone(backbone), num_classes=4, image_size=SIZE, weights=weights)


def _fine_tune(data: str, work: Path, backbone: str, weights: str, steps: int) -> tuple[float, float, int]:
    from pxr_tf.config import load_experiment
    from pxr_tf.pictures.inputs import picture_inputs
    from pxr_tf.pictures.stream import make_training_stream
    from pxr_tf.training.phases import compile_phase

    table, samples = _training_part(data)
    pictures = _open_pictures(table, work)
    rows = samples.image_id.map(table.set_index("image_id").content).map(pictures.rows).to_numpy()
    inputs = picture_inputs(pictures.pixels, rows, samples, copies="bozickovic2021", epochs="none", seed=0)
    targets = np.eye(4, dtype=np.float32)[np.arange(len(samples)) % 4]
    model = _build(backbone, weights)
    compile_phase(model, load_experiment("bozickovic2021").phases[-1], steps=steps, xla=False)
    stream = make_training_stream(inputs, targets, batch_size=BATCH, seed=0, phase="bench")
    held = [inputs.load(np.arange(start, start + BATCH), 0) for start in range(0, 4 * BATCH, BATCH)]
    model.fit(stream, steps_per_epoch=2, verbose=0)
    model.train_on_batch(held[0], targets[:BATCH])
    ours, bare = in_turn(
        lambda: model.fit(stream, steps_per_epoch=steps, verbose=0),
        lambda: [model.train_on_batch(held[step % 4], targets[:BATCH]) for step in range(steps)],
        rounds=3,
    )
    return ours, bare, steps * BATCH


def in_turn(ours: Callable[[], object], bare: Callable[[], object], rounds: int = 7) -> tuple[float, float]:
    """Return the median seconds of both, run alternately."""
    return medians(lambda: _seconds(ours), lambda: _seconds(bare), rounds)


def medians(ours: Callable[[], float], other: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Return the medians of two durations, run alternately as a machine may slow down; a first round does not count."""
    durations = [(ours(), other()) for _ in range(rounds + 1)][1:]
    return float(np.median([first for first, _ in durations])), float(np.median([second for _, second in durations]))


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
