"""The task ``view_features``: it fills the feature cache with views of pictures, seen by a run's first backbone."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from pxr_tf import arrays, files
from pxr_tf.audit.view_features import ViewFeatures
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.models.architecture import Architecture
from pxr_tf.models.backbones import find_backbone
from pxr_tf.models.classifier import feature_extractor
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training import features
from pxr_tf.training.device import set_up
from pxr_tf.training.extractor import Extractor, choose_engine, open_extractor
from pxr_tf.training.initial import initial_network
from pxr_tf.training.network import cache_folder


def fill_view_features(task: Task, options: ViewFeatures, emit: OnEvent) -> None:
    """Compute the features that the cache lacks, view by view, and write `options.to`; raise `PxrError`."""
    run = RunDirectory(Path(task.run), Path(task.cache))
    training = run.recipe.training
    device = set_up(training.xla, training.precision, run.provenance.get("threads"))
    emit(device.event)
    architecture = Architecture(run.recipe.model, options.weights)
    engine = choose_engine(architecture, training, device)
    libraries = filter(None, [find_backbone(architecture.model.backbone).library])
    network = architecture.features_from("")
    place = partial(cache_folder, run.cache, options.seen.preparation, device, *libraries, engine=engine, **network)
    folders, extractor = {}, None
    for view in options.views:
        key = options.seen.view_key(view)
        folder = folders[view] = place(**({"view": key} if key else {}))
        if arrays.missing_keys(folder, ours := task.part_of(options.contents)):
            extractor = extractor or open_extractor(
                engine,
                str(network),
                run.cache,
                partial(_build, run, architecture),
                size=run.recipe.image.size,
                threads=device.threads,
            )
            _extract(folder, extractor, options, view, ours, emit)
    if task.shard == 0:
        files.write_json(options.to, {view: str(folder) for view, folder in folders.items()})


def _build(run: RunDirectory, architecture: Architecture) -> keras.Model:
    recipe = run.recipe
    made_of = {"num_classes": len(recipe.classes), "image_size": recipe.image.size, "seed": recipe.seed}
    return feature_extractor(initial_network(architecture, **made_of))


def _extract(
    folder: Path, extractor: Extractor, options: ViewFeatures, view: str, ours: Sequence[str], emit: OnEvent
) -> None:
    loader, contents = options.seen.open(view), options.contents

    def load(numbers: np.ndarray, epoch: int) -> np.ndarray:
        return loader.load([contents[number] for number in numbers])[..., None]

    what = f"features, {view.replace('_', ' ')}"
    features.extract_features(
        folder, extractor, load, contents, partial(emit_progress, emit, what), partial(emit_wait, emit), only=ours
    )
