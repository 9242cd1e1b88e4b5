"""Measure what grows with the number of pictures: docs/scale.md quotes it. ``python scripts/scale_figures.py DATA``.

DATA is a folder of real pictures; 600 of them are hashed, decoded and reduced. Everything else is made up.
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

from pxr_tf import arrays, files
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.fingerprints import THUMBNAIL, group_twins
from pxr_tf.pictures.preparation import Preparation

SAMPLE = 600  # pictures
ROWS = (10_000, 100_000)


def memory() -> int:
    """Return the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@contextmanager
def timed(what: str, number: int) -> Iterator[None]:
    """Print how long the block took, per item, and by how much this process grew."""
    before, started = memory(), time.perf_counter()
    yield
    took, grew = time.perf_counter() - started, memory() - before
    print(f"{what:58s} {number:9,d} {took:8.2f} s {1e6 * took / number:9.1f} us each {grew / number:9.0f} B each")


def tables(place: Path) -> None:
    """Measure the manifest, and its form as Parquet."""
    for number in ROWS:
        names = [f"hospital/person{k // 3}_bacteria_{k}.jpeg" for k in range(number)]
        table = pd.DataFrame(
            {
                "image_id": names,
                "path": [f"/shared/data/chest_xray/train/PNEUMONIA/{name}" for name in names],
                "label": "bacterial",
                "patient_id": [f"hospital/person{k // 3}" for k in range(number)],
                "source": "hospital",
                "official_split": "train",
                "view": "pa",
                "content": [files.digest(name, size=16) for name in names],
            }
        )
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
            f"  {csv.stat().st_size / number:.0f} and {parquet.stat().st_size / number:.0f} bytes a row; {len(kept):,}"
        )


def journals(place: Path) -> None:
    """Measure a keyed array: appending blocks, and reading its journal."""
    for number in ROWS:
        folder, block = place / f"rows-{number}", 1024
        keys = [files.digest(k, size=16) for k in range(number)]
        with timed("keyed array: append 256 features", number), arrays.open_writer(folder, (256,), "f4") as writer:
            for start in range(0, number, block):
                part = keys[start : start + block]
                writer.append(part, np.zeros((len(part), 256), np.float32))
        with timed("keyed array: read the journal", number):
            arrays.load_array(folder)
        with timed("keyed array: find what is missing (reads all rows)", number):
            arrays.missing_keys(folder, keys)


def comparisons() -> None:
    """Measure the search for copies, which compares all pairs."""
    random = np.random.default_rng(0)
    for number in (5_000, 10_000, 20_000):
        thumbnails = random.integers(0, 256, (number, 32, 32), np.uint8)
        with timed("copies: compare all pairs of thumbnails", number):
            group_twins(thumbnails)


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
        journals(Path(place))
    comparisons()
    pictures(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
