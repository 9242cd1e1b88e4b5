"""From the predictions of the folds to those of the run."""

from pathlib import Path

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.data.splits import HOLDOUT
from pxr_tf.errors import PxrError


def join_predictions(folder: Path, splits: pd.DataFrame) -> None:
    """Write ``predictions.csv``: the predictions of all folds but the hold-out, sorted by image id, test rows first.

    Raises `PxrError` where the images that a fold predicted are not those that `splits` gives it to predict.
    """
    folds = [fold for fold in dict.fromkeys(splits.fold) if fold != HOLDOUT]
    made = {fold: folder / rundir.fold_name(fold) / rundir.PREDICTIONS for fold in folds}
    parts = []
    for fold, file in made.items():
        part = pd.read_csv(file, dtype=str, keep_default_na=False)  # as text: passed on byte by byte
        wanted = splits.image_id[(splits.fold == fold) & (splits.role != "train")]
        wrong = set(part.image_id) ^ set(wanted) or set(part.image_id[part.image_id.duplicated()])
        if wrong:
            raise PxrError(
                f"{file} does not fit {rundir.SPLITS}: {min(wrong)} is predicted wrongly, twice or not at all. Delete "
                "that file and run again."
            )
        parts.append(part)
    table = pd.concat(parts).sort_values(["role", "image_id", "fold"], key=_role_rank, ignore_index=True)
    for file in made.values():  # a kill may have left one behind a finished fold
        file.with_name(rundir.CHECKPOINT).unlink(missing_ok=True)
    files.write_csv(folder / rundir.PREDICTIONS, table)


def _role_rank(column: pd.Series) -> pd.Series:
    return column.map({"test": 0, "val": 1}) if column.name == "role" else column
