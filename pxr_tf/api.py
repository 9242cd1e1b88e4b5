"""What Python code and notebooks call besides `open_run`; ``import pxr_tf`` offers it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pxr_tf.executors.choose import choose_executor
from pxr_tf.inference.engines import TENSORFLOW
from pxr_tf.inference.predict import PredictRequest, predict_pictures
from pxr_tf.inference.predictions_file import flat_table
from pxr_tf.runs.finished import FinishedRun, open_run

if TYPE_CHECKING:
    import pandas as pd


def predict(
    run: FinishedRun | str | Path,
    pictures: str | Path | Sequence[str | Path],
    fold: str | None = None,
    engine: str = TENSORFLOW,
) -> "pd.DataFrame":
    """Return a row per picture, with the columns of the CSV file of ``pxr predict`` (docs/predict.md).

    ``pxr_tf.predict("runs/…/seed-0", "folder")`` predicts what ``pxr predict runs/…/seed-0 folder`` predicts.
    `pictures` are image ids of the run, files, folders or data sets: one, or several. `fold` names the model; None asks
    all. `engine` is ``tensorflow``, ``onnx`` or ``litert``, and runs in a process of its own. What was predicted before
    is not computed again. Raises `PxrError`.
    """
    opened = run if isinstance(run, FinishedRun) else open_run(run)
    words = (pictures,) if isinstance(pictures, str | Path) else pictures
    asked = PredictRequest(opened, tuple(map(str, words)), fold, engine=engine)
    return flat_table(predict_pictures(asked, choose_executor()))
