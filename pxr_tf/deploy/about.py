"""What an exported file says of itself. No TensorFlow here."""

from collections.abc import Sequence
from typing import Any

from pxr_tf import rundir
from pxr_tf.inference.predict import class_order
from pxr_tf.inference.predictions_file import NOTICE
from pxr_tf.runs.finished import FinishedRun

_INTERPOLATION = "shrunk by OpenCV's INTER_AREA, enlarged by INTER_LINEAR"
_RESIZED = {
    "squash": "both sides scaled to the size, the aspect is lost",
    "pad": "the longer side scaled to the size, centred on black",
    "average": "both sides scaled to the size by plain means of areas",
}
_CROPPED = {
    "none": "",
    "lungs": "cut to the box of both lungs with the margin",
    "lungs_only": "everything but the lungs made black",
    "without_lungs": "the lungs made black",
}


def describe_export(run: FinishedRun, folds: Sequence[str], temperature: float | None) -> dict[str, Any]:
    """Return what an exported file says of itself: classes, preparation, models, warnings."""
    image, size = run.recipe.image, run.recipe.image.size
    steps = ["decoded as 8-bit grey", _CROPPED[image.crop], f"resized to {size} x {size} ({_RESIZED[image.resize]})"]
    return {
        "notice": NOTICE,
        "classes": list(class_order(run)),
        "input": f"image: uint8 [batch, {size}, {size}, 1], grey 0 to 255, black is air",
        "output": "probabilities: float32 [batch, classes]",
        "before": ", ".join(filter(None, steps)) + f"; {_INTERPOLATION}",
        "preparation": dict(run.preparation.describe()),
        "temperature": temperature,
        "folds": list(folds),
        "models": [run.model_digest(fold) for fold in folds],
        "run": run.place,
        "origin": run.info.origin,
        "warnings": [warning.text for warning in run.warnings],
        "made_with": rundir.name_versions("pxr_tf", "keras", "tensorflow"),
    }
