"""A recipe in two stages, shrunk: normal against pneumonia with a two-layer backbone, three classes on its features."""

from pathlib import Path
from typing import Any

import yaml
from tiny import SIZE

from pxr_tf.config import Experiment, load_experiment

STAGES = {
    "name": "stages",
    "classes": ["normal", "pneumonia"],
    "image": {"size": SIZE},
    "model": {"backbone": "two_layers", "weights": "none", "head": {"hidden_units": []}},
    "splits": {"scheme": "official", "validation": 0.3, "folds": 2},
    "training": {"batch_size": 8, "learning_rate": 0.01},
    "variants": {
        "stage1": {
            "merge": {"pneumonia": ["bacterial", "viral"]},
            "phases": [{"name": "all", "train": "all", "batchnorm": "update", "max_epochs": 2, "keep": "best"}],
        },
        "stage2": {
            "classes": ["normal", "viral", "bacterial"],
            "model": {
                "kind": "on_features",
                "of": "stage1",
                "hidden_units": [6, 4],
                "activation": "sigmoid",
                "dropout": [0.2, 0.2],
            },
            "training": {"learning_rate": 0.1},
            "phases": [{"name": "head", "train": "head", "optimizer": "sgd", "max_epochs": 3, "keep": "best"}],
        },
    },
    "reproduce": {"variants": ["stage1", "stage2"], "seeds": [0]},
}


def write_stages(folder: Path) -> Path:
    """Write the recipe; return the file."""
    (folder / "stages.yaml").write_text(yaml.safe_dump(STAGES, sort_keys=False))
    return folder / "stages.yaml"


def stage(recipe: Path, number: int, **overrides: Any) -> Experiment:
    """Return a stage's experiment; dots in keys are written ``__``."""
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_experiment(recipe, given, variant=f"stage{number}")
