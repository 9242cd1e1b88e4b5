"""Two classes, merged from more, and one sigmoid output: whole runs."""

import pandas as pd
import pytest
from tiny import RUN_DEPTH, run_here, tiny_experiment

from pxr_tf.experiments.parts import open_run

MERGED = {"classes": ["normal", "ill"], "merge": {"ill": ["bacterial", "viral"]}, "balance__oversample": []}
HEAD = {"name": "head", "train": "head", "learning_rate": 0.05, "max_epochs": 8}


def of_output(output: str, **options):
    return tiny_experiment(**MERGED, model__head__output=output, tag=output, **options)


def opened(folder):
    return open_run(folder, folder.parents[RUN_DEPTH - 1] / "cache")


@pytest.fixture
def sigmoid_run(phantoms, two_layers, tmp_path):
    return run_here(of_output("sigmoid", phases=[HEAD | {"max_epochs": 1}]), phantoms, tmp_path)


def test_merged_classes_are_what_is_predicted(sigmoid_run):
    manifest = pd.read_csv(sigmoid_run / "manifest.csv")
    assert manifest.label.value_counts().to_dict() == {"ill": 16, "normal": 7} or set(manifest.label) == {
        "ill",
        "normal",
    }
    predictions = pd.read_csv(sigmoid_run / "predictions.csv")
    assert set(predictions.label) == {"ill", "normal"}
    assert list(predictions.columns[-3:]) == ["predicted", "p_normal", "p_ill"]
    assert predictions.image_id.tolist() == sorted(manifest.image_id)
    names = manifest.set_index("image_id").path
    ill = names[predictions.image_id].str.contains("PNEUMONIA").to_numpy()
    assert ((predictions.label == "ill") == ill).all()
