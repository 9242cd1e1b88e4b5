"""Which pictures are explained, and by the model of which fold. No TensorFlow here."""

from collections.abc import Iterator

import pandas as pd

from pxr_tf import rundir
from pxr_tf.data.manifest import MANIFEST_COLUMNS
from pxr_tf.errors import PxrError
from pxr_tf.runs.finished import FinishedRun

RIGHT, WRONG, LEAST = "right", "wrong", "least certain"  # of named pictures: `inference.pictures.ASKED`


def choose_cases(run: FinishedRun, number: int, fold: str | None = None) -> pd.DataFrame:
    """Return a run's rows to explain: of each true class the most certain right, most certain wrong, least certain.

    Up to `number` each, out of fold: only rows that a fold tested count, and ``fold`` names it. An image stands in the
    first group that it belongs to. Certainty is the highest probability; where it is equal, image ids decide. With
    `fold`, among the rows that this one tested. Raises `PxrError` where it tested none.
    """
    classes, predictions = run.recipe.classes, run.tested
    if fold is not None:
        predictions = predictions[predictions.fold == fold]
    if predictions.empty:
        raise PxrError(
            f"RUN {str(run.folder)!r} has no test rows in its {rundir.PREDICTIONS}, so no cases to choose from. "
            "Name images."
            if fold is None
            else f"--fold received {fold!r}, which tests no image of {run.folder}. Leave it out, or name images."
        )
    columns = [f"p_{name}" for name in classes]
    rows = predictions.assign(certainty=predictions[columns].max(axis=1)).sort_values("image_id")
    chosen = pd.concat([part for name in classes for part in _of_class(rows[rows.label == name], number)])
    known = run.manifest[[*MANIFEST_COLUMNS, "content"]]
    chosen = chosen[["image_id", "fold", "group", "predicted"]].merge(known, on="image_id", validate="one_to_one")
    return chosen.assign(role="test")


def _of_class(rows: pd.DataFrame, number: int) -> Iterator[pd.DataFrame]:
    """Yield the cases of one true class, group by group."""
    correct = rows.label == rows.predicted
    parts = ((RIGHT, rows[correct], False), (WRONG, rows[~correct], False), (LEAST, rows, True))
    taken: set[str] = set()
    for group, part, ascending in parts:
        order = part[~part.image_id.isin(taken)].sort_values("certainty", ascending=ascending, kind="stable")
        taken.update(order.image_id.head(number))
        yield order.head(number).assign(group=group)
