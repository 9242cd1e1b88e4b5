"""Choose which pictures are explained, and by which fold's model. No TensorFlow here."""

from collections.abc import Iterator

import pandas as pd

from pxr_tf import rundir
from pxr_tf.data.manifest import MANIFEST_COLUMNS
from pxr_tf.errors import PxrError
from pxr_tf.inference.pictures import add_predictions
from pxr_tf.runs.finished import FinishedRun

RIGHT, WRONG, LEAST = "right", "wrong", "least certain"  # named pictures: `inference.pictures.ASKED`


def choose_cases(run: FinishedRun, number: int, fold: str | None = None) -> pd.DataFrame:
    """Return a run's rows to explain: for each true class the most certain right, most certain wrong, least certain.

    Each group has up to `number` rows, all out of fold: a fold tested them, and ``fold`` names it. An image is in the
    first group that it fits. Certainty is the highest probability; image ids break ties. With `fold`, only the rows
    that this fold tested count. Raises `PxrError` if there are none.
    """
    if run.packed:
        raise PxrError(f"{str(run.folder)!r} is a bundle, which has no pictures. Name pictures (IMAGE, IMAGES=...).")
    classes, predictions = run.recipe.classes, run.tested if fold is None else run.tested_by(fold)
    if predictions.empty:
        raise PxrError(
            f"RUN {str(run.folder)!r} has no test rows in {rundir.PREDICTIONS}, so there are no cases to choose from. "
            "Name images."
            if fold is None
            else f"--fold received {fold!r}, but it tests no image of {run.folder}. Omit --fold, or name images."
        )
    columns = [f"p_{name}" for name in classes]
    rows = predictions.assign(certainty=predictions[columns].max(axis=1)).sort_values("image_id")
    chosen = pd.concat([part for name in classes for part in _of_class(rows[rows.label == name], number)])
    known = run.manifest[[*MANIFEST_COLUMNS, "content"]]
    chosen = chosen[["image_id", "fold", "group"]].merge(known, on="image_id", validate="one_to_one")
    return add_predictions(chosen.assign(role="test", copy_of=""), run)


def _of_class(rows: pd.DataFrame, number: int) -> Iterator[pd.DataFrame]:
    """Yield the cases of one true class, group by group."""
    correct = rows.label == rows.predicted
    parts = ((RIGHT, rows[correct], False), (WRONG, rows[~correct], False), (LEAST, rows, True))
    taken: set[str] = set()
    for group, part, ascending in parts:
        order = part[~part.image_id.isin(taken)].sort_values("certainty", ascending=ascending, kind="stable")
        taken.update(order.image_id.head(number))
        yield order.head(number).assign(group=group)
