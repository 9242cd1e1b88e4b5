"""Crops in recipes: their keys, what replaces them, and experiments without a crop, which stay as they were."""

import pytest
import yaml
from messages import nearest, refused
from recipe_files import write_recipe

from pxr_tf.config import configs_folder, dump_experiment, load_experiment, parse_experiment

CROPPED = {"image.crop": "lungs", "image.margin": 0.2, "image.atlas": "pairs"}


def test_an_experiment_without_a_crop_is_written_without_its_keys():
    experiment = load_experiment("phantom")
    image = yaml.safe_load((configs_folder() / "phantom.yaml").read_text())["image"]
    assert yaml.safe_load(dump_experiment(experiment))["image"] == {"size": image["size"], "resize": "squash"}
    assert '"image":{"size":96,"resize":"squash"}' in load_experiment("phantom", {"image.size": 96}).model_dump_json()
    assert (experiment.image.crop, experiment.image.crop_margin) == ("none", 0)


@pytest.mark.parametrize("crop", ["lungs", "lungs_only", "without_lungs"])
def test_a_crop_survives_being_written(crop):
    experiment = load_experiment("phantom", {"image.crop": crop})
    assert parse_experiment(yaml.safe_load(dump_experiment(experiment)), "it") == experiment
    assert experiment.image.crop_margin == (0.05 if crop == "lungs" else 0)
    assert load_experiment("phantom", CROPPED).image.crop_margin == 0.2


def test_keys_that_the_new_crop_does_not_use_are_dropped(tmp_path):
    image = {"size": 96, "crop": "lungs", "margin": 0.2, "atlas": "pairs"}
    variants = {"tight": {"image": {"margin": 0.0}}, "outside": {"image": {"crop": "without_lungs"}}}
    file = write_recipe(tmp_path, image=image, variants=variants)
    assert load_experiment(file, variant="tight").image.crop_margin == 0
    other = load_experiment(file, variant="outside").image
    assert (other.crop, other.margin, other.atlas) == ("without_lungs", None, "pairs")
    whole = load_experiment(file, {"image.crop": "none"}).image
    assert whole == load_experiment("phantom", {"image.size": 96}).image
    with refused("margin", "crop", "lungs"):
        load_experiment(file, {"image.crop": "none", "image.margin": 0.1})


def test_the_nearest_word_is_suggested():
    with refused("image.crop", "'lung_only'", nearest("'lungs_only'")):
        load_experiment("phantom", {"image.crop": "lung_only"})
