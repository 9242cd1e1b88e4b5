"""Measure what grows with the number of pictures: docs/scale.md quotes it. ``python scripts/scale_figures.py DATA...``.

Each DATA is a folder of real pictures; up to 600 are hashed, decoded and reduced. Everything else is made up.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf import arrays, files, locks
from pxr_tf.data.manifest import make_manifest
from pxr_tf.data.schemes import make_splits
from pxr_tf.evidence.intervals import score_with_intervals
from pxr_tf.executors.graph import Graph
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.fingerprints import THUMBNAIL, group_twins
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.tasks import Task

SAMPLE = 600  # pictures
ROWS = (10_000, 100_000)
CLASSES = ("bacterial", "covid19", "normal", "viral")


def memory() -> int:
    """Return the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@contextmanager
def timed(what: str, number: int) -> Iterator[None]:
    """Print how long the block took, its processor time, both per item, and by how much this process grew."""
    before, started, busy = memory(), time.perf_counter(), time.process_time()
    yield
    took, worked, grew = time.perf_counter() - started, time.process_time() - busy, (memory() - before) / number
    each = f"{1e6 * took / number:9.1f} us each, {1e6 * worked / number:9.1f} of a processor"
    print(f"{what:52s} {number:9,d} {took:8.2f} s {each} {grew:9.0f} B each", flush=True)


def make_table(number: int) -> pd.DataFrame:
    """Return a manifest with three images per patient and four classes."""
    names = [f"hospital/person{k // 3}_bacteria_{k}.jpeg" for k in range(number)]
    return pd.DataFrame(
        {
            "image_id": names,
            "path": [f"/shared/data/chest_xray/train/PNEUMONIA/{name}" for name in names],
            "label": [CLASSES[k // 3 % len(CLASSES)] for k in range(number)],
            "patient_id": [f"hospital/person{k // 3}" for k in range(number)],
            "source": "hospital",
            "official_split": "train",
            "view": "pa",
            "content": [files.digest(name, size=16) for name in names],
        }
    )


def make_predictions(table: pd.DataFrame) -> pd.DataFrame:
    """Return predictions of five folds for a manifest."""
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(len(CLASSES)), len(table)).astype(np.float32)
    found = table[["image_id", "patient_id", "source", "label"]].assign(role="test")
    found["fold"] = [str(k // 3 % 5) for k in range(len(table))]
    found["predicted"] = np.array(CLASSES)[shares.argmax(1)]
    return found.assign(**{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)})


def results(place: Path) -> None:
    """Measure what a command does with all rows at once: folds, predictions, metrics with their intervals."""
    for number in ROWS:
        table = make_table(number)
        with timed("folds: five, patients together", number):
            make_splits(table, "folds", seed=0, folds=5, holdout_fraction=None, nested_fraction=None)
        found, csv = make_predictions(table), place / "predictions.csv"
        with timed("predictions: write CSV", number):
            files.write_csv(csv, found)
        with timed("predictions: read CSV", number):
            files.read_csv(csv, ["image_id"])
        print(f"  {csv.stat().st_size / number:.0f} bytes a row")
        with timed("metrics: all, with intervals", number):
            score_with_intervals(found, "patient")


def tables(place: Path) -> None:
    """Measure the manifest, and its form as Parquet."""
    for number in ROWS:
        table = make_table(number)
        with timed("manifest: make from rows", number):
            make_manifest(table.drop(columns="content").to_dict("records"))
        csv, parquet = place / "manifest.csv", place / "manifest.parquet"
        with timed("manifest: write CSV", number):
            files.write_csv(csv, table)
        with timed("manifest: read CSV", number):
            kept = files.read_csv(csv, ["image_id"])
        with timed("manifest: write Parquet", number):
            table.to_parquet(parquet)
        with timed("manifest: read Parquet", number):
            pd.read_parquet(parquet)
        print(
            f"  {csv.stat().st_size / number:.0f} and {parquet.stat().st_size / number:.0f} bytes a row on the disk, "
            f"{kept.memory_usage(deep=True).sum() / number:.0f} in memory"
        )


def journals(place: Path, who: str) -> None:
    """Measure a keyed array: appending blocks, and reading its journal."""
    for number in ROWS:
        folder, block = place / f"rows-{number}", 256
        keys = [files.digest(k, size=16) for k in range(number)]
        with (
            timed(f"keyed array, {who}: append 256 features", number),
            arrays.open_writer(folder, (256,), "f4") as writer,
        ):
            for start in range(0, number, block):
                part = keys[start : start + block]
                writer.append(part, np.zeros((len(part), 256), np.float32))
        with timed("keyed array: read the journal", number):
            arrays.load_array(folder)
        with timed("keyed array: find what is missing (reads all rows)", number):
            arrays.missing_keys(folder, keys)
        print(f"  {(folder / arrays.JOURNAL_FILE).stat().st_size / number:.0f} bytes of journal a row")


def comparisons() -> None:
    """Measure the search for copies, which compares all pairs."""
    random = np.random.default_rng(0)
    for number in (10_000, 20_000, 40_000):
        thumbnails = random.integers(0, 256, (number, 32, 32), np.uint8)
        with timed("copies: compare all pairs of thumbnails", number):
            group_twins(thumbnails)


def order_tasks() -> None:
    """Measure what the scheduler does for tasks, without what they do."""
    for number in (1_000, 16_000):
        tasks = [Task(f"task-{k}", "fill") for k in range(number)]
        with timed("tasks: order, hand out, hear of their end", number):
            graph = Graph(lambda task: 1, 0, lambda event: None)
            graph.add(tasks)
            for task in list(graph.take_ready()):
                graph.hear(task, {"event": "done"})
                list(graph.take_ready())


def pictures(data: Path) -> None:
    """Measure hashing and decoding, on one thread."""
    found = [file for file in sorted(data.rglob("*")) if file.suffix.lower() in (".jpeg", ".jpg", ".png")]
    chosen = found[:: max(1, len(found) // SAMPLE)][:SAMPLE]
    each: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("pictures: hash", files.digest_file),
        ("pictures: thumbnail", lambda file: load_prepared(str(file), THUMBNAIL)),
        ("pictures: decode to 224 x 224", lambda file: load_prepared(str(file), Preparation(224, "squash"))),
    )
    for what, work in each:
        with timed(what, len(chosen)):
            for file in chosen:
                work(file)
    print(f"  {sum(file.stat().st_size for file in chosen) / len(chosen) / 1e3:.0f} kB a picture")


def main() -> None:
    """Measure everything."""
    print(f"{'what':58s} {'items':>9s}")
    with tempfile.TemporaryDirectory() as place:
        tables(Path(place))
        journals(Path(place), "alone")
        results(Path(place))
    comparisons()
    order_tasks()
    for data in sys.argv[1:]:
        pictures(Path(data))
    locks.share()
    with tempfile.TemporaryDirectory() as place:
        journals(Path(place), "among machines")


if __name__ == "__main__":
    main()
