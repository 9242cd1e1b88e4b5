"""The run directory: its path, the names of its files, and its provenance (versions, commit).

::

    runs/<recipe>/<variant>[-<model>]/<scheme>[-<tag>]/seed-<n>/
      experiment.yaml  provenance.json  warnings.json  manifest.csv  splits.csv  samples.csv  [skipped.csv  lungs.csv]
      predictions.csv  metrics.csv  ...  [curves.png]  [features.parquet]  [explained/]  [audit.json  audit/]
      [predicted/  evaluated/]  logs/
      fold-0/ ... or official/ or random/, [holdout/]:
        environment.json  history.csv  epochs.json  timing.json  predictions.csv  model.keras  events.out.tfevents.…
        [inside.npz  filters.png  coefficients.png  feature_maps-<image>.png]

    runs/<recipe>/<variant>[-<model>]/tuning/<scheme>[-<tag>]/seed-<n>/
      tuning.csv  best.yaml  <point>/ (a run directory without test rows) ...
"""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from pxr_tf import files

CACHE = "cache"  # in RUNS, next to the recipes' folders
TUNING = "tuning"  # next to the schemes' folders
TUNING_TABLE = "tuning.csv"
BEST = "best.yaml"  # the experiment of the best tuning point
NAME_LETTERS = 80  # of a point's name, without its digest: some values are lists or paths
EXPERIMENT = "experiment.yaml"  # written last: marks the directory as prepared
PROVENANCE = "provenance.json"
WARNINGS = "warnings.json"
MANIFEST = "manifest.csv"
SPLITS = "splits.csv"
SAMPLES = "samples.csv"
SKIPPED = "skipped.csv"
LUNGS = "lungs.csv"  # if pictures are cropped: the box and the confidence of every image
PREDICTIONS = "predictions.csv"
HISTORY = "history.csv"
EPOCHS = "epochs.json"  # of a fold: how many epochs of each phase counted
MODEL = "model.keras"
TIMING = "timing.json"  # of a fold: how long it took to train and predict
ENVIRONMENT = "environment.json"  # of a fold: where it was trained
CHECKPOINT = "checkpoint.npz"  # of a fold that is being trained
AUDIT = "audit.json"  # the findings of an audit
FEATURES = "features.parquet"  # the pooled features of images, for other programs
FEATURES_TASK = "features"
RESULTS_TASK = "results"
MODEL_FIGURES_FILE = "inside.npz"  # of a fold: its model figures, as arrays
DRAWN = ("filters", "coefficients", "feature_maps-*")  # of a fold: its model figures, drawn; without endings

PACKAGE = "pxr_tf"
CHECKOUT = Path(__file__).parents[1]  # if the package is installed: a folder without .git
PACKAGES = (PACKAGE, *"tensorflow keras numpy pandas scikit-learn albumentations opencv-python pillow".split())


def run_directory(runs: Path, recipe: str, stem: str, scheme: str, seed: int, *, tuning: bool = False) -> Path:
    """Return ``runs/<recipe>/<variant>[-<model>]/[tuning/]<scheme>/seed-<n>``: of a run, or of tuning points."""
    return runs / recipe / stem / (TUNING if tuning else "") / scheme / f"seed-{seed}"


def point_name(values: Mapping[str, object], identity: str) -> str:
    """Return the name of a tuning point, part of a path: its values, for people, and a digest of `identity`.

    `identity` is the whole experiment, so that any change to it gives the points other names.
    """
    words = "_".join(f"{key.rpartition('.')[2]}-{value_words(value).strip('[]{}')}" for key, value in values.items())
    return f"{re.sub(r'[^a-zA-Z0-9_.+-]+', '-', words)[:NAME_LETTERS]}-{files.digest(identity, size=4)}"


def value_words(value: object) -> str:
    """Return a grid's value as text: ``0.003``, ``[512, 128]``, ``null``; text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value)


def depth_of(run: Path) -> int:
    """Return how many levels a run directory, or a tuning point, is below RUNS; it counts as a level itself."""
    return 5 if TUNING in run.absolute().parts[-4:] else 4


def cache_of(folder: Path, runs: Path | None = None) -> Path:
    """Return the cache for a run directory: in `runs` if given, else the nearest above it, else one inside it."""
    if runs is not None:
        return runs / CACHE
    return next((place / CACHE for place in folder.absolute().parents if (place / CACHE).is_dir()), folder / CACHE)


def default_cache() -> Path:
    """Return ``pxr_tf`` in the user's cache (``XDG_CACHE_HOME``): for bundles and unpacked zips."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pxr_tf"


def fold_name(fold: str) -> str:
    """Return the name of a fold's task and folder: ``fold-0`` for fold 0; other folds keep theirs (``holdout``)."""
    return f"fold-{fold}" if fold.isdecimal() else fold


def model_file(run: Path, fold: str) -> Path:
    """Return where a run keeps the model of a fold."""
    return run / fold_name(fold) / MODEL


def digest_model(run: Path, fold: str, what: str = "The model") -> str:
    """Return the digest of a fold's model file; raise a `PxrError` about `what` if it cannot be read."""
    file = model_file(run, fold)
    with files.reading(f"{what} {file}"):
        return files.digest_file(file)


def forget_inside(folder: Path) -> None:
    """Delete the model figures in a fold's folder: another model is about to be trained there."""
    for pattern in (MODEL_FIGURES_FILE, *(f"{name}.*" for name in DRAWN)):
        for file in folder.glob(pattern):
            file.unlink()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def name_versions(*packages: str) -> list[str]:
    """Return ``name=version`` of packages, as used in keys."""
    return [f"{name}={metadata.version(name)}" for name in packages]


def read_commit(checkout: Path = CHECKOUT) -> dict[str, str | bool | None]:
    """Return ``commit`` and ``modified`` of the package's git checkout; None for what is not known.

    ``modified``: the package differs from the commit. Only this needs the git program; the commit is read from files.
    """
    try:
        commit = _read_head(checkout)
    except OSError:  # the package is installed, not in a checkout
        commit = None
    return {"commit": commit, "modified": None if commit is None else _is_modified(checkout)}


def _read_head(checkout: Path) -> str | None:
    """Return the commit that is checked out. Raises OSError outside of a git checkout."""
    git = checkout / ".git"
    if git.is_file():  # of a worktree
        git = checkout / git.read_text().removeprefix("gitdir:").strip()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head
    branch = head.removeprefix("ref:").strip()
    shared = git / (git / "commondir").read_text().strip() if (git / "commondir").exists() else git
    if (shared / branch).exists():
        return (shared / branch).read_text().strip()
    packed = (line.split() for line in (shared / "packed-refs").read_text().splitlines())
    return next((words[0] for words in packed if words[1:] == [branch]), None)


def _is_modified(checkout: Path) -> bool | None:
    """Return whether the package has changes that are not committed; None without git."""
    command = ["git", "--no-optional-locks", "status", "--porcelain", "--", PACKAGE]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        status = subprocess.run(command, cwd=checkout, env=variables, capture_output=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(status.stdout.strip())


def now() -> str:
    """Return the time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
