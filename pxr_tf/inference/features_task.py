"""What saved models make of pictures: the task ``export``, which fills the feature cache."""

from functools import partial
from pathlib import Path

from pxr_tf import files, rundir
from pxr_tf.config import load_experiment
from pxr_tf.events import OnEvent, tell_progress, tell_wait
from pxr_tf.models.classifier import feature_extractor, feature_source
from pxr_tf.models.model_file import load_classifier
from pxr_tf.pictures.inputs import Inputs
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.crop import preparation_of
from pxr_tf.tasks import Task
from pxr_tf.training import features
from pxr_tf.training.device import set_up
from pxr_tf.training.network import cache_folder


def fill_saved_features(task: Task, emit: OnEvent) -> None:
    """Add the features of each fold's pictures (``folds``: fold -> contents), by its saved model, to the cache.

    ``lungs`` is the identity of what said where lungs are, as the pictures were cropped; None where they were not.
    Told through `emit`, per fold: ``features``, with the ``folder``, the number of ``channels`` and the ``layer`` that
    gave them, ``device`` and ``precision``. Raises `PxrError` for a model file that is missing or damaged.
    """
    device = set_up(False, "float32")
    emit(device.event)
    run, cache = Path(task.run), Path(task.cache)
    preparation = preparation_of(load_experiment(run / rundir.EXPERIMENT).image, task.options["lungs"])
    pictures = load_pictures(cache, preparation)
    for fold, contents in task.options["folds"].items():
        file = rundir.model_file(run, fold)
        model, _ = load_classifier(file)
        folder = cache_folder(cache, preparation, device, model=files.digest_file(file))
        extractor = feature_extractor(model)
        if features.missing(folder, contents):
            inputs = Inputs(pictures.pixels[..., None], pictures.find(contents))
            features.extract_features(
                folder,
                extractor,
                inputs.load,
                contents,
                partial(tell_progress, emit, "features"),
                partial(tell_wait, emit),
            )
        emit(
            {
                "event": "features",
                "fold": fold,
                "folder": str(folder),
                "channels": extractor.output_shape[-1],
                "layer": feature_source(model),
                "device": f"{device.name} {device.model}",
                "precision": model.dtype_policy.name,
            }
        )
