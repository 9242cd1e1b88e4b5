"""Choose pictures of a run to look at: an image id, a file, or the first test image of each class."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.errors import PxrError, nearest, shorten, shown
from pxr_tf.runs.directory import RunDirectory


class PictureChoice(NamedTuple):
    """One picture to look at."""

    name: str  # its image id, or the name of a file that is not an image of the run
    path: str


def choose_picture(run: RunDirectory, asked: str) -> PictureChoice:
    """Return the run's image of this id, or the picture in this file; raise `PxrError` for neither."""
    paths = dict(zip(run.manifest.image_id, run.manifest.path, strict=True))
    if asked in paths:
        return PictureChoice(asked, paths[asked])
    with files.reading(f"--image {shown(asked)}"):
        is_file = Path(asked).is_file()
    if is_file:
        return PictureChoice(Path(asked).name, asked)
    raise PxrError(
        f"--image received {shown(asked, 80)}, which is not an image of this run or a file. Accepted: an image id in "
        f"{rundir.MANIFEST}, such as {shorten(list(paths)[:1])}, or the path of a picture.{nearest(asked, paths)}"
    )


def first_per_class(table: pd.DataFrame, splits: pd.DataFrame, fold: str) -> list[PictureChoice]:
    """Return one picture per class: the fold's first test image, by id. `table` has ``image_id, path, label``."""
    tested = splits.image_id[(splits.fold == fold) & splits.role.isin(TEST_ROLES)]
    first = table[table.image_id.isin(tested)].sort_values("image_id").drop_duplicates("label")
    return [PictureChoice(row.image_id, row.path) for row in first.itertuples()]
