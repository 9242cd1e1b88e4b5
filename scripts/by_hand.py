"""The frozen phase as an expert writes it by hand in an afternoon: the hardest competitor for pxr_tf's timings.

    python scripts/by_hand.py --data path/chest_xray,path/covid-chestxray-dataset \
        --weights path/mobilenet_2_5_224_tf_no_top.h5 --folds 5 --epochs 20

Every file is decoded once, every oversampled copy augmented once, and the frozen backbone runs once over both; each
fold then trains a two-layer head on the features. It runs in one process, writes no files and cannot be resumed. Rows,
folds and samples are made as in ``pxr cv --model mobilenet_025 --strategy 2``, but without the search for
near-identical copies (4 of 6,009). Everything that takes time is this file's own code.
"""

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
import pandas as pd
from PIL import Image

from pxr_tf.config.comma_lists import split_paths
from pxr_tf.data import labels, patients
from pxr_tf.data.samples import plan_samples
from pxr_tf.data.splits import assign_patient_folds, balanced_rows
from pxr_tf.sets.find import read_sources

CLASSES = ("bacterial", "covid19", "normal", "viral")
SIZE, SEED, CAP, OVERSAMPLED = 224, 0, 1310, ("covid19",)  # as in configs/bozickovic2021.yaml
PREDICT_BATCH, TRAIN_BATCH = 64, 32


def main() -> None:
    """Decode, extract, train and test; print the seconds of each part and both accuracies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folders of the four-class images, comma-separated")
    parser.add_argument("--weights", required=True, help="ImageNet weights of MobileNet, alpha 0.25, without top")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    clock = Clock()
    table = list_images(split_paths(options.data))
    numbers = assign_patient_folds(table, options.folds, SEED).to_numpy()
    training = [sample_rows(table, numbers != fold) for fold in range(options.folds)]
    clock.say(f"list {len(table):,} images")
    pictures = decode_all(table.path)
    clock.say("decode")
    copies = sorted({pair for pairs in training for pair in pairs if pair[1]})
    samples = [(row, 0) for row in range(len(table))] + copies
    features = extract(np.concatenate([pictures, augment_all(pictures, copies)]), options.weights)
    clock.say(f"augment {len(copies):,} copies, extract {len(samples):,} features")
    place = {sample: number for number, sample in enumerate(samples)}
    targets = (table.label.to_numpy()[:, None] == np.array(CLASSES)).astype(np.float32)
    predicted = np.empty(len(table), np.int64)
    for fold, pairs in enumerate(training):
        rows = [row for row, _ in pairs]
        head = train_head(features[[place[pair] for pair in pairs]], targets[rows], options.epochs)
        held_out = np.flatnonzero(numbers == fold)
        predicted[held_out] = head.predict_on_batch(features[held_out]).argmax(1)
    clock.say(f"train and test {options.folds} heads for {options.epochs} epochs")
    report(table, numbers, predicted == targets.argmax(1))
    print(f"total: {clock.total():.1f} s, without imports")


class Clock:
    """Prints how long each part took, without the imports."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()

    def say(self, what: str) -> None:
        """Print the seconds since the last part."""
        now = time.perf_counter()
        print(f"{what}: {now - self._last:.1f} s", flush=True)
        self._last = now

    def total(self) -> float:
        """Return the seconds since this clock was made."""
        return time.perf_counter() - self._started


def list_images(sources: Sequence[str]) -> pd.DataFrame:
    """Return the manifest that our run uses: four classes, patients merged, exact copies dropped, sorted by id."""
    table = patients.merge_patients(patients.add_content(read_sources(sources)[0]))
    table, _ = patients.drop_duplicates(labels.keep_classes(table, CLASSES)[0])
    return table.sort_values("image_id", ignore_index=True)


def sample_rows(table: pd.DataFrame, trains: np.ndarray) -> list[tuple[int, int]]:
    """Return a fold's training samples as (row of the table, copy number)."""
    plan = plan_samples(table[trains].reset_index(drop=True), cap=CAP, oversample=OVERSAMPLED, seed=SEED)
    row_of = {image_id: row for row, image_id in enumerate(table.image_id)}
    return [(row_of[image_id], copy) for image_id, copy in zip(plan.image_id, plan["copy"], strict=True)]


def decode_all(paths: Sequence[str]) -> np.ndarray:
    """Return uint8 [images, SIZE, SIZE], grey; threads suffice, because decoders release the interpreter's lock."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(decode, paths)))


def decode(path: str) -> np.ndarray:
    """Return one picture; a large JPEG is shrunk during decoding, where most of the time goes."""
    with Image.open(path) as image:
        image.draft("L", (SIZE, SIZE))
        deep = image.mode.startswith("I")  # 16-bit PNG, which Pillow would clip
        grey = cv2.imread(path, cv2.IMREAD_GRAYSCALE) if deep else np.asarray(image.convert("L"))
    return cv2.resize(grey, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def augment_all(pictures: np.ndarray, copies: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return uint8 [copies, SIZE, SIZE]: the paper's rotation, zoom, shift and mirror images."""
    random = np.random.default_rng(SEED)
    result = np.empty((len(copies), SIZE, SIZE), np.uint8)
    for number, (row, _) in enumerate(copies):
        matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), random.uniform(-15, 15), random.uniform(0.8, 1.2))
        matrix[:, 2] += random.uniform(-0.1, 0.1, 2) * SIZE
        moved = cv2.warpAffine(pictures[row], matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
        result[number] = moved[:, ::-1] if random.random() < 0.5 else moved
    return result


def extract(pictures: np.ndarray, weights: str) -> np.ndarray:
    """Return float32 [pictures, 256]: the frozen backbone's features, averaged over each picture."""
    inputs = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Concatenate()([x, x, x])
    base = keras.applications.MobileNet(
        alpha=0.25, include_top=False, pooling="avg", weights=weights, input_shape=(SIZE, SIZE, 3)
    )
    model = keras.Model(inputs, base(x))
    model.compile(jit_compile=False)  # Keras would compile with XLA, which is slower on a CPU
    return model.predict(pictures[..., None], batch_size=PREDICT_BATCH, verbose=0)


def train_head(features: np.ndarray, targets: np.ndarray, epochs: int) -> keras.Model:
    """Return a two-layer head trained on the features; `steps_per_execution` avoids a Python call per batch."""
    keras.utils.set_random_seed(SEED)
    head = keras.Sequential([keras.layers.Dense(256, activation="relu"), keras.layers.Dense(len(CLASSES), "softmax")])
    steps = -(-len(features) // TRAIN_BATCH)
    head.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", steps_per_execution=steps, jit_compile=False)
    head.fit(features, targets, batch_size=TRAIN_BATCH, epochs=epochs, verbose=0)
    return head


def report(table: pd.DataFrame, numbers: np.ndarray, right: np.ndarray) -> None:
    """Print the accuracy on all held-out images and on balanced test folds, each as the mean over folds."""
    folds = sorted(set(numbers))
    chosen = [table.image_id.isin(balanced_rows(table[numbers == fold], SEED)).to_numpy() for fold in folds]
    everywhere = np.mean([right[numbers == fold].mean() for fold in folds])
    balanced = np.mean([right[(numbers == fold) & rows].mean() for fold, rows in zip(folds, chosen, strict=True)])
    print(f"accuracy: {everywhere:.2%} on all held-out images, {balanced:.2%} on balanced test folds")


if __name__ == "__main__":
    main()
