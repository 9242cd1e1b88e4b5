"""Crops in work on a finished run: a stage two, and the export of its features."""

import shutil

import numpy as np
import pandas as pd
import pytest
from messages import any_of, matching, refused
from PIL import Image
from tiny import run_here
from two_stages import stage, write_stages

from pxr_tf import rundir
from pxr_tf.data.feature_table import read_feature_table
from pxr_tf.executors.inline import Inline
from pxr_tf.inference.features import FeatureRequest, export_features
from pxr_tf.models.classifier import feature_extractor
from pxr_tf.models.model_file import load_classifier
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.crop import make_loader
from pxr_tf.runs.finished import open_run


@pytest.fixture
def data(official_phantoms, tmp_path):
    """A copy of the phantoms, with their masks in ``masks`` next to them."""
    shutil.copytree(official_phantoms.parent, tmp_path / "data")
    return tmp_path / "data" / official_phantoms.name


@pytest.mark.slow
def test_stage_two_and_exported_features_see_cropped_pictures(data, tmp_path, two_layers):
    recipe, masks, runs = write_stages(tmp_path), data.parent / "masks", tmp_path / "runs"
    cropped = {"image__crop": "lungs", "image__masks": str(masks), "phases__0__max_epochs": 1}
    first = stage(recipe, 1, **cropped)
    run = run_here(first, [data], runs)
    assert export_features(FeatureRequest(open_run(run)), Inline()).new
    rows, features, about = read_feature_table(run / rundir.FEATURES)
    model, card = load_classifier(run / "official" / rundir.MODEL)
    preparation = Preparation.described(card["image"])
    assert about["preparation"] == preparation.describe()
    assert preparation.crop == "lungs"
    paths = pd.read_csv(run / rundir.MANIFEST).set_index("image_id").path[rows.image_id]
    load = make_loader(preparation, first.image, paths, runs / "cache", print)
    by_hand = feature_extractor(model).predict_on_batch(np.stack([load(path) for path in paths])[..., None])
    np.testing.assert_allclose(features, by_hand, rtol=1e-5)
    assert not export_features(FeatureRequest(open_run(run)), Inline()).new

    with refused("image", matching(r"size=\d+"), "resize=squash", "crop=lungs"):
        run_here(stage(recipe, 2, model__of=str(run)), [data], runs)
    with refused(f"CROP=lungs 'ARGS=--set image.masks={masks}' DATA="):
        run_here(stage(recipe, 2, **cropped, seed=1), [data], runs)
    second = run_here(stage(recipe, 2, **cropped), [data], runs)
    assert load_classifier(second / "official" / rundir.MODEL)[1]["image"] == card["image"]

    shutil.rmtree(second)
    mask = next(masks.rglob("*.png"))
    Image.fromarray(np.asarray(Image.open(mask))[::-1]).save(mask)
    with refused("mask", "image.atlas", "image.masks"):
        run_here(stage(recipe, 2, **cropped), [data], runs)


@pytest.mark.slow
def test_features_are_not_exported_with_another_atlas(data, tmp_path, two_layers):
    recipe, runs = write_stages(tmp_path), tmp_path / "runs"
    run = run_here(stage(recipe, 1, image__crop="without_lungs", phases__0__max_epochs=1), [data], runs)
    with refused("nowhere", any_of("no folder", "not a folder", "not exist")):
        export_features(FeatureRequest(open_run(run), atlas=str(tmp_path / "nowhere")), Inline())
    whole = run_here(stage(recipe, 1, phases__0__max_epochs=1), [data], runs)
    with refused("--atlas", "'builtin'", any_of("no lungs", "lungs")):
        export_features(FeatureRequest(open_run(whole), atlas="builtin"), Inline())
