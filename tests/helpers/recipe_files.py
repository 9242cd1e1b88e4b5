"""Recipes that a test writes."""

from pathlib import Path
from typing import Any

import yaml

from pxr_tf.config import configs_folder


def write_recipe(folder: Path, **values: Any) -> Path:
    """Write the recipe phantom with strategy 1 as its base and these top-level keys replaced; return the file."""
    base = yaml.safe_load((configs_folder() / "phantom.yaml").read_text())
    phases = base.pop("variants")["strategy1"]["phases"]
    del base["variant"]
    (folder / "mine.yaml").write_text(yaml.safe_dump(base | {"phases": phases} | values))
    return folder / "mine.yaml"
