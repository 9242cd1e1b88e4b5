"""The task ``saved_features``: it fills the feature cache from saved models."""

from functools import partial
from pathlib import Path

from pxr_tf import arrays, files
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.inference.features import SavedFeatures
from pxr_tf.models.classifier import feature_extractor, feature_source
from pxr_tf.pictures.inputs import Inputs
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.crop import preparation_of
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training import features
from pxr_tf.training.device import set_up
from pxr_tf.training.network import cache_folder


def fill_saved_features(task: Task, options: SavedFeatures, emit: OnEvent) -> None:
    """Cache the features from each fold's saved model and write `options.to`; raise `PxrError` for a bad model file."""
    device = set_up(False, "float32")
    emit(device.event)
    run = RunDirectory(Path(task.run), Path(task.cache))
    preparation = preparation_of(run.recipe.image, options.lungs)
    pictures = load_pictures(run.cache, preparation)
    made = {}
    for fold, contents in options.folds.items():
        model, _ = run.load_model(fold)
        folder = cache_folder(run.cache, preparation, device, model=run.model_digest(fold))
        extractor = feature_extractor(model)
        if arrays.missing_keys(folder, ours := task.part_of(contents)):
            inputs = Inputs(pictures.pixels[..., None], pictures.find(contents))
            features.extract_features(
                folder,
                extractor,
                inputs.load,
                contents,
                partial(emit_progress, emit, "features"),
                partial(emit_wait, emit),
                only=ours,
            )
        made[fold] = {
            "folder": str(folder),
            "channels": extractor.output_shape[-1],
            "layer": feature_source(model),
            "device": f"{device.name} {device.model}",
            "precision": model.dtype_policy.name,
        }
    if task.shard == 0:
        files.write_json(options.to, made)
