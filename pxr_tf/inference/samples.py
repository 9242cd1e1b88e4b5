"""Sample pictures of a bundle: phantoms, with what its models said when it was packed, to compare with later."""

import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.data import patients
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_progress
from pxr_tf.inference.predict import choose_folds, class_order, predict_table
from pxr_tf.phantoms.acquisition import write_picture
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.tasks import Executor

FOLDER = "samples"
EXPECTED = "expected.csv"  # in the folder: what the models said
TOLERANCE = 1e-4  # of a probability: other processors and libraries round differently, by a tenth of this
_SIZE = 256  # pixels
_EACH = 2  # phantoms per class


class Verified(NamedTuple):
    """What the models say about the samples now, beside what they said when the bundle was packed."""

    table: pd.DataFrame  # file, expected, predicted, difference (the largest of all probabilities)

    @property
    def same(self) -> bool:
        """Whether every sample has the expected class, and probabilities within `TOLERANCE`."""
        return bool((self.table.expected == self.table.predicted).all() and (self.table.difference <= TOLERANCE).all())


def write_samples(run: FinishedRun, executor: Executor, on_event: OnEvent) -> pd.DataFrame:
    """Draw the samples of a bundle that is being packed, predict them with its models, and return `EXPECTED`."""
    for number, label in enumerate(sorted(PHANTOM_CLASSES) * _EACH):
        chest = draw_phantom(number, 0, label, _SIZE)
        write_picture(run.folder / FOLDER / f"{label}-{number // len(PHANTOM_CLASSES) + 1}.png", chest.image)
    table = _predict(run, executor, on_event)
    files.write_csv(run.folder / FOLDER / EXPECTED, table)
    return table


def verify_samples(run: FinishedRun, executor: Executor, on_event: OnEvent) -> Verified:
    """Predict the samples of a bundle again, without any cache; raise `PxrError` for a run that has none."""
    if not run.packed:
        raise PxrError(f"{str(run.folder)!r} is a run directory. Accepted: a bundle, which `pxr bundle` makes.")
    expected = files.read_csv(
        run.folder / FOLDER / EXPECTED, ("file", "predicted"), lambda name: name.startswith("p_")
    ).set_index("file")
    with tempfile.TemporaryDirectory(prefix="pxr-verify-") as cache:
        found = _predict(FinishedRun(run.folder, Path(cache)), executor, on_event).set_index("file")
    expected = expected.loc[found.index]
    shares = [name for name in expected if name.startswith("p_")]
    # A sample that the gate refuses has no probability: 0 here, and the class decides.
    now, then = (np.nan_to_num(rows[shares].to_numpy(float)) for rows in (found, expected))
    difference = np.abs(now - then).max(1)
    table = pd.DataFrame(
        {"file": found.index, "expected": expected.predicted, "predicted": found.predicted, "difference": difference}
    )
    return Verified(table.reset_index(drop=True))


def _predict(run: FinishedRun, executor: Executor, on_event: OnEvent) -> pd.DataFrame:
    pictures = sorted((run.folder / FOLDER).glob("*.png"))
    rows = [
        {"image_id": f"{FOLDER}/{path.name}", "path": str(path), "label": "", "patient_id": path.name,
         "source": FOLDER, "official_split": ""}
        for path in pictures
    ]  # fmt: skip
    table = patients.add_content(pd.DataFrame(rows), partial(emit_progress, on_event, "reading files"))
    found = predict_table(run, table, choose_folds(run, None), executor, on_event)
    shares = [f"p_{name}" for name in class_order(run)]
    names = [Path(path).name for path in found.table.path]
    return found.table.assign(file=names)[["file", "predicted", *shares]]
