"""The run directory: its name, what lies in it, and where the numbers come from."""

import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

EPOCHS = "epochs.json"  # how many epochs each phase gets, chosen on the hold-out

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


def run_directory(runs: Path, experiment: str, backbone: str, strategy: int) -> Path:
    """Return ``runs/<experiment>/<backbone>-strategy<n>``; nothing is made."""
    return runs / experiment / f"{backbone}-strategy{strategy}"


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
