"""Which fold of a run, and which pictures, are looked into. No TensorFlow here."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.data.manifest import read_manifest
from pxr_tf.data.splits import TEST_ROLES, fold_names, read_splits
from pxr_tf.errors import PxrError, nearest, shorten, shown


class Subject(NamedTuple):
    """One picture."""

    name: str  # its image id, or the name of a file that is no image of the run
    path: str


def check_finished(folder: Path) -> None:
    """Raise `PxrError` where a folder is no run directory, or the run is not finished."""
    if not (folder / rundir.EXPERIMENT).is_file():
        raise PxrError(
            f"RUN {str(folder)!r} is no run directory: it has no {rundir.EXPERIMENT}. Accepted: the folder that a run "
            "names at its end (Results are in ...), such as runs/<recipe>/<variant>/<scheme>/seed-0."
        )
    if not (folder / rundir.PREDICTIONS).is_file():
        raise PxrError(
            f"RUN {str(folder)!r} is not finished: it has no {rundir.PREDICTIONS}. The command that began it continues "
            "it."
        )


def find_fold(folder: Path, asked: str | None) -> str:
    """Return a fold of a run: the one that was asked for (``0`` or ``fold-0``), or the first that tests."""
    splits = read_splits(folder / rundir.SPLITS)
    folds = list(dict.fromkeys([*fold_names(splits), *splits.fold]))  # the hold-out is the last
    known = {rundir.fold_name(fold): fold for fold in folds}
    if asked is None:
        return folds[0]
    if asked not in {*known, *folds}:
        raise PxrError(
            f"--fold received {asked!r}, which {folder} does not have. Known: {', '.join(known)}."
            f"{nearest(asked, known)}"
        )
    return known.get(asked, asked)


def find_subject(folder: Path, asked: str) -> Subject:
    """Return the run's image of this id, or the picture in this file; raise `PxrError` where there is neither."""
    table = read_manifest(folder / rundir.MANIFEST)
    paths = dict(zip(table.image_id, table.path, strict=True))
    if asked in paths:
        return Subject(asked, paths[asked])
    with files.reading(f"--image {shown(asked)}"):
        is_file = Path(asked).is_file()
    if is_file:
        return Subject(Path(asked).name, asked)
    raise PxrError(
        f"--image received {shown(asked, 80)}, which is no image of this run and no file. Accepted: an image id of its "
        f"{rundir.MANIFEST}, such as {shorten(list(paths)[:1])}, or the path of a JPEG or PNG.{nearest(asked, paths)}"
    )


def first_tested(folder: Path, fold: str) -> list[Subject]:
    """Return a run's own subjects: the first test image of each class."""
    return default_subjects(read_manifest(folder / rundir.MANIFEST), read_splits(folder / rundir.SPLITS), fold)


def default_subjects(table: pd.DataFrame, splits: pd.DataFrame, fold: str) -> list[Subject]:
    """Return one picture per class: the fold's first test image, by id. `table` has ``image_id, path, label``."""
    tested = splits.image_id[(splits.fold == fold) & splits.role.isin(TEST_ROLES)]
    first = table[table.image_id.isin(tested)].sort_values("image_id").drop_duplicates("label")
    return [Subject(row.image_id, row.path) for row in first.itertuples()]
