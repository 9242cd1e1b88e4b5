"""Features of views, from the backbone that a run began with. No TensorFlow here: a task computes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pxr_tf import arrays, files, rundir
from pxr_tf.audit.material import Material
from pxr_tf.audit.seen import Seen
from pxr_tf.errors import PxrError
from pxr_tf.events import emit_note
from pxr_tf.experiments import weights
from pxr_tf.tasks import Task, run_or_raise
from pxr_tf.vocabulary.model import Transfer


@dataclass(frozen=True)
class ViewFeatures:
    """Options of the task ``view_features``."""

    views: tuple[str, ...]
    contents: tuple[str, ...]  # of the pictures
    seen: Seen
    weights: str  # identity of the backbone's initial weights
    to: Path  # JSON, view -> folder of its features


def has_backbone(material: Material) -> bool:
    """Return whether the run began with a backbone: only then there are features besides raw pixels."""
    return material.run is not None and isinstance(material.run.recipe.model, Transfer)


def find_features(material: Material, seen: Seen, views: Sequence[str], contents: Sequence[str]) -> Mapping[str, Path]:
    """Return view -> folder of its features; none, with a note, if the run has no backbone or its weights are gone."""
    if not has_backbone(material):
        return {}
    try:
        return fill_features(material, seen, views, contents)
    except PxrError as error:
        emit_note(material.on_event, f"The probes see raw pixels only: {error}")
        return {}


def fill_features(material: Material, seen: Seen, views: Sequence[str], contents: Sequence[str]) -> Mapping[str, Path]:
    """Return view -> the folder of its features, after a task has computed those that are missing.

    Raises `PxrError` if the weights that the run began with have changed or are gone.
    """
    run, contents = material.run, tuple(dict.fromkeys(contents))
    identity = weights.check_unchanged(run.recipe, run.provenance["weights"])
    keys = [seen.view_key(view) for view in views]
    versions = rundir.name_versions("keras", "tensorflow")
    key = files.digest(identity, run.recipe.model.name, seen.preparation.digest, *keys, *contents, *versions)
    options = ViewFeatures(tuple(views), contents, seen, identity, run.cache / "logs" / f"views-{key}.json")
    folders = _known_folders(options)
    if folders is None:
        run_or_raise(
            material.executor,
            [Task("views", "view_features", options=options, **run.task_place)],
            material.on_event,
        )
        folders = _known_folders(options)
    return folders


def read_view(folders: Mapping[str, Path], view: str, contents: Sequence[str]) -> np.ndarray:
    """Return the features of the pictures in a view, float32 [contents, channels]."""
    values, rows, _ = arrays.load_array(folders[view])
    return values[[rows[content] for content in contents]]


def _known_folders(options: ViewFeatures) -> dict[str, Path] | None:
    """Return view -> folder if an earlier task has computed all features, else None."""
    written = files.read_json(options.to)
    if written is None or any(arrays.missing_keys(Path(folder), options.contents) for folder in written.values()):
        return None
    return {view: Path(folder) for view, folder in written.items()}
