"""The task ``fill``: it makes some rows of a keyed array from files: pictures, thumbnails or lungs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from pxr_tf import files
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.pictures.lung_crop import CroppedPicture
from pxr_tf.pictures.lung_store import FoundByAtlas
from pxr_tf.pictures.store import WholePicture, fill_here
from pxr_tf.tasks import Task

ROWS = ["path", "content", "stamp"]
MAKING = "making rows"  # what its progress counts


@dataclass(frozen=True)
class FillRows:
    """Options of the task ``fill``."""

    folder: Path  # the keyed array
    shape: tuple[int, ...]  # of a row
    making: WholePicture | CroppedPicture | FoundByAtlas
    rows: Sequence[tuple[str, str, str]]  # `ROWS`
    block: int
    to: Path  # the JSON file for passing faults: content -> why there is no row


def fill_rows(task: Task, options: FillRows, emit: OnEvent) -> None:
    """Add the rows to the keyed array, and write `options.to`."""
    table = pd.DataFrame(options.rows, columns=ROWS)
    passing = fill_here(
        options.folder,
        options.shape,
        table,
        options.making.open(table),
        on_progress=partial(emit_progress, emit, MAKING),
        on_wait=partial(emit_wait, emit),
        block=options.block,
    )
    files.write_json(options.to, passing)
