"""Find the lungs of many pictures: a mask for each, and a table of their boxes and confidences.

::

    OUT/lungs.csv             a row per picture (`LUNG_BOX_COLUMNS`), sorted by its name
    OUT/masks/<its name>.png  255 = lung, at the picture's size
    OUT/data.json             the folders that the pictures come from

The table is written after every block; a killed command continues with the pictures that have no row yet. A row is
valid for the content of its file and for what found its lungs: the atlas, the network or the given mask. If one of
them changed, the lungs are found again.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pandas as pd

from pxr_tf import files, locks
from pxr_tf.errors import PxrError, shorten
from pxr_tf.events import OnProgress, OnWait
from pxr_tf.lungs.confidence import TRUSTED
from pxr_tf.lungs.find import LungFinder, Lungs, find_lungs
from pxr_tf.pictures.decode import UnreadableImageError, load_grey
from pxr_tf.pictures.given_masks import read_given, suffixless
from pxr_tf.pictures.mask_codes import MASKS_VERSION

LUNG_TABLE, MASKS, DATA = "lungs.csv", "masks", "data.json"
_PIXELS = ("width", "height", "left", "top", "right", "bottom")
LUNG_BOX_COLUMNS = ["image", *_PIXELS, *"confidence trusted inverted origin fault content atlas".split()]
PICTURES_PER_BLOCK = 64  # pictures between two versions of the table: about three seconds on two cores
GIVEN = "given"  # the mask came with the data; `FOUND`: it was computed
FOUND = "found"
EMPTY = "the given mask is empty"


def write_lungs(
    pictures: Mapping[str, str],
    atlas: LungFinder,
    out: Path,
    *,
    data: Sequence[str] = (),
    given: Mapping[str, Path] | None = None,
    processes: int = 1,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
    draw: Callable[[pd.DataFrame], object] | None = None,
) -> pd.DataFrame:
    """Find the lungs in all pictures (name -> path), write masks and table below `out`, return the table.

    A name is relative, with /, like ``chest_xray/train/NORMAL/IM-0115-0001.jpeg``. `data` are the absolute paths of the
    folders that the pictures come from; they are recorded. `given` (name of the picture -> file) has masks to read
    instead. A picture that cannot be read, or whose given mask is empty, gets a row with a fault and no mask; the next
    command tries it again. `on_progress` is called with (done, all), `on_wait` with the name of a process that is
    writing there, and `draw` with the table, while no other process can write there. Any number of processes gives the
    same bytes.

    Raises `PxrError` if a given mask does not fit its picture or cannot show lungs, if two pictures would share one, or
    if `out` has the lungs of another folder.
    """
    given = given or {}
    _check_names(pictures)
    with locks.hold(locks.lock_of(out), on_wait=on_wait):
        if data:
            _record_data(out, data)
        rows = _finished_rows(out, pictures, atlas, given)
        waiting = [(name, path, given.get(name)) for name, path in pictures.items() if name not in rows]
        find = partial(_find, out=out)
        done = len(rows)
        with _workers(processes if len(waiting) > 1 else 1, atlas) as apply:
            for start in range(0, len(waiting), PICTURES_PER_BLOCK):
                for row in apply(find, waiting[start : start + PICTURES_PER_BLOCK]):
                    rows[row["image"]] = row
                    done += 1
                    if on_progress:
                        on_progress(done, len(pictures))
                _write_table(out, rows)
        table = _write_table(out, rows)
        if draw:
            draw(table)
        return table


def mask_file(out: Path, name: str) -> Path:
    """Return the path of a picture's mask."""
    return out / MASKS / f"{suffixless(name)}.png"


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a bool mask [h, w] as a PNG, 255 = lung."""
    with files.written_whole(path) as partial_file:
        partial_file.write_bytes(cv2.imencode(".png", mask.astype(np.uint8) * np.uint8(255))[1].tobytes())


def _check_names(pictures: Mapping[str, str]) -> None:
    taken: dict[str, str] = {}
    for name, path in pictures.items():
        stem = suffixless(name)
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            raise PxrError(f"The picture {name} is outside its data set; accepted: names without '..'.")
        if taken.setdefault(stem, path) != path:
            raise PxrError(
                f"{taken[stem]} and {path} would have the same mask, {stem}.png; accepted: pictures whose names differ "
                "in more than their ending. Rename one of them."
            )


def _record_data(out: Path, data: Sequence[str]) -> None:
    """Record whose lungs are in `out`; raise `PxrError` if it has those of a folder that is not in `data`."""
    others = [path for path in files.read_json(out / DATA) or [] if path not in data]
    if others:
        raise PxrError(
            f"{out} has the lungs of {shorten(others, 3)}; received {shorten(data, 3)}. Name another folder for these "
            "(--out, OUT=...)."
        )
    files.write_json(out / DATA, list(data))


def _finished_rows(
    out: Path, pictures: Mapping[str, str], atlas: LungFinder, given: Mapping[str, Path]
) -> dict[str, dict[str, object]]:
    """Return name -> row of the pictures whose mask exists and is still valid."""
    file = out / LUNG_TABLE
    if not file.exists():
        return {}
    numbers = (*_PIXELS, "confidence")
    table = files.read_csv(file, LUNG_BOX_COLUMNS, numbers.__contains__, "Move it away, or name another OUT.")
    old = {row["image"]: row for row in _with_types(table[table.fault == ""].dropna()).to_dict("records")}
    kept = {}
    for name, path in pictures.items():
        row, mask = old.get(name), given.get(name)
        if row and _holds(row, path, mask, atlas) and mask_file(out, name).exists():
            kept[name] = row
    return kept


def _with_types(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows of text and numbers with typed columns. A fault leaves cells empty: rows must have none."""
    truths = {column: table[column] == "True" for column in ("trusted", "inverted")}
    return table.assign(**truths).astype(dict.fromkeys(_PIXELS, int))


def _holds(row: Mapping[str, object], path: str, mask: Path | None, atlas: LungFinder) -> bool:
    """Return whether the row is still valid for these files."""
    try:
        source = _digest_given(mask) if mask else atlas.digest
        return row["atlas"] == source and row["content"] == files.digest_file(Path(path))
    except OSError:
        return False


@contextmanager
def _workers(processes: int, atlas: LungFinder) -> Iterator[Callable]:
    """Yield a `map` over pictures, in order, in this process or in several."""
    if processes == 1:
        _begin(atlas)
        yield map
        return
    # Spawned: a forked child of a process with threads may wait forever for a lock.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin_worker, (atlas,))
    resource_tracker.ensure_running()  # unblocks SIGINT when it starts

    def apply(find: Callable, waiting: Iterable) -> Iterator:
        with _ctrl_c_blocked():
            return pool.map(find, waiting)  # starts the processes; all pictures are waiting when it returns

    try:
        yield apply
    except BrokenProcessPool as error:
        raise PxrError(
            "A process that finds lungs was killed, perhaps because the machine ran out of memory. Run the same "
            "command again; it keeps finished work."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Start processes within: Ctrl-C reaches all of a terminal. It stops this one, which ends those that block it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_atlas: LungFinder | None = None  # of this process


def _begin(atlas: LungFinder) -> None:
    global _atlas
    _atlas = atlas


def _begin_worker(atlas: LungFinder) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _begin(atlas)


def _end_with_parent() -> None:
    """Exit as soon as the parent has ended: the pool's workers would wait for it forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _find(picture: tuple[str, str, Path | None], out: Path) -> dict[str, object]:
    """Write the mask of a picture (name, path, given mask) and return its row."""
    name, path, mask = picture
    row: dict[str, object] = dict.fromkeys(LUNG_BOX_COLUMNS, "") | {"image": name, "trusted": False}
    mask_file(out, name).unlink(missing_ok=True)  # it belongs to another file or another atlas
    try:
        content, grey = files.digest_file(Path(path)), load_grey(path)
    except UnreadableImageError as error:
        return row | {"fault": str(error)}
    except OSError as error:
        return row | {"fault": error.strerror or str(error)}
    lungs = read_given(mask, grey.shape) if mask else find_lungs(grey, _atlas)
    if mask and not lungs.mask.any():
        return row | {"fault": EMPTY, "origin": GIVEN}
    write_mask(mask_file(out, name), lungs.mask)
    origin, source = (GIVEN, _digest_given(mask)) if mask else (FOUND, _atlas.digest)
    return row | _describe(lungs) | {"origin": origin, "content": content, "atlas": source}


def _digest_given(mask: Path) -> str:
    return files.digest(MASKS_VERSION, files.digest_file(mask))


def _describe(lungs: Lungs) -> dict[str, object]:
    height, width = lungs.mask.shape
    sure = {"confidence": round(lungs.confidence, 4), "trusted": lungs.confidence >= TRUSTED}
    return {"width": width, "height": height, **lungs.box._asdict(), **sure, "inverted": lungs.inverted}


def _write_table(out: Path, rows: Mapping[str, Mapping[str, object]]) -> pd.DataFrame:
    table = pd.DataFrame([rows[name] for name in sorted(rows)], columns=LUNG_BOX_COLUMNS)
    files.write_csv(out / LUNG_TABLE, table)
    return table
