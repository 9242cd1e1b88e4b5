"""Identify the weights that a run starts from by their content; features are cached under that identity."""

import functools
from pathlib import Path

from pxr_tf import files
from pxr_tf.config import Experiment
from pxr_tf.errors import PxrError
from pxr_tf.models.backbones import weights_file


def identity(experiment: Experiment) -> str | None:
    """Return the identity of the initial weights: ``random-<seed>``, or the file's digest whatever its path.

    None for ImageNet weights that Keras has not downloaded yet. Raises `PxrError` for a file that does not exist.
    """
    if not experiment.backbone or experiment.model.weights == "none":
        return f"random-{experiment.seed}"
    file = weights_file(experiment.backbone, experiment.model.weights)
    if not file.exists():
        return None
    now = file.stat()
    return _digest(file, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


def check_unchanged(experiment: Experiment, recorded: str) -> str:
    """Return the identity of the weights; raise `PxrError` if they have changed since the run began."""
    found = downloaded_identity(experiment)
    if found != recorded:
        file = weights_file(experiment.backbone, experiment.model.weights)
        raise PxrError(
            f"The weights in {file} have changed since the run began (digest {recorded}, now {found}). Restore the "
            "old file, or use another folder (RUNS=...)."
        )
    return found


def downloaded_identity(experiment: Experiment) -> str:
    """Return the identity of the weights after any download; raise `PxrError` if the file is missing."""
    found = identity(experiment)
    if found is None:
        file = weights_file(experiment.backbone, experiment.model.weights)
        raise PxrError(
            f"Keras has downloaded the ImageNet weights of {experiment.backbone}, but not to {file}. Give the file "
            "(WEIGHTS=path)."
        )
    return found


@functools.lru_cache(maxsize=8)
def _digest(file: Path, *state: int) -> str:
    """Return a file's digest, computed once per process and file `state`; raise `PxrError` if it cannot be read."""
    with files.reading(f"WEIGHTS {str(file)!r}"):
        return files.digest_file(file)
