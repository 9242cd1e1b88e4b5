"""The run directory: its name, the names of what lies in it, and where its numbers come from.

::

    runs/<recipe>/<variant>[-<backbone>]/<scheme>[-<tag>]/seed-<n>/
      experiment.yaml  provenance.json  warnings.json  manifest.csv  splits.csv  samples.csv  [skipped.csv]
      predictions.csv  metrics.csv  ...  logs/
      fold-0/ ... or official/ or random/, [holdout/]:
        history.csv  epochs.json  predictions.csv  model.keras  tensorboard/
"""

import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

CACHE = "cache"  # in RUNS, beside the recipes' folders
EXPERIMENT = "experiment.yaml"  # written last: its presence says that the directory is complete
PROVENANCE = "provenance.json"
WARNINGS = "warnings.json"
MANIFEST = "manifest.csv"
SPLITS = "splits.csv"
SAMPLES = "samples.csv"
SKIPPED = "skipped.csv"
PREDICTIONS = "predictions.csv"
HISTORY = "history.csv"
EPOCHS = "epochs.json"  # how many epochs of each phase of a fold counted
MODEL = "model.keras"
CHECKPOINT = "checkpoint.npz"  # of a fold that is being trained

PACKAGES = (
    "pxr_tf",
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "scikit-learn",
    "albumentations",
    "opencv-python",
    "pillow",
)


def run_directory(runs: Path, recipe: str, variant: str, backbone: str, scheme: str, seed: int) -> Path:
    """Return ``runs/<recipe>/<variant>[-<backbone>]/<scheme>/seed-<n>``; nothing is made."""
    return runs / recipe / "-".join(filter(None, (variant, backbone))) / scheme / f"seed-{seed}"


def first_house_directory(runs: Path, recipe: str, variant: str, backbone: str) -> Path:
    """Return where versions before 0.2 kept such a run: ``runs/<recipe>/<backbone>-strategy<n>``."""
    return runs / recipe / f"{backbone}-{variant}"


def fold_name(fold: str) -> str:
    """Return the name of a fold's task and folder: ``fold-0``; a fold that is no number has its own (``holdout``)."""
    return f"fold-{fold}" if fold.isdecimal() else fold


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def now() -> str:
    """Return the time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
