"""What a run says about its crop: where lungs come from, what is cropped, and what may give a class away."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lung_pictures import given_lungs, write_chests
from messages import assert_tells, refused
from tiny import tiny_experiment

from pxr_tf.config.image import Image
from pxr_tf.pictures.lung_crop import load_cropped
from pxr_tf.pictures.lung_source import AtlasLungs, GivenLungs
from pxr_tf.pictures.lung_store import find_in
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.crop import (
    check_same_atlas,
    count_whole,
    crops_by_atlas,
    lung_warnings,
    make_loader,
    open_lung_source,
    preparation_of,
    with_atlas,
)

WHOLE, BY_ATLAS, BY_MASKS = Image(size=32), Image(size=32, crop="lungs"), Image(size=32, crop="lungs", masks="data")
ATLAS = type("Atlas", (), {"digest": "abc"})()  # what an identity is made from


def test_without_a_crop_no_lungs_are_searched_for(tmp_path):
    assert open_lung_source(WHOLE, None, tmp_path) is None
    assert preparation_of(WHOLE) == Preparation(32, "squash")
    assert make_loader(preparation_of(WHOLE), WHOLE, [], tmp_path, print).keywords == {
        "preparation": preparation_of(WHOLE)
    }
    assert not list(tmp_path.iterdir())


def test_with_a_crop_lungs_come_from_the_atlas_or_the_masks_of_the_recipe(monkeypatch, tmp_path):
    table = pd.DataFrame({"path": ["a.png"], "content": ["c"]})
    monkeypatch.setattr("pxr_tf.runs.crop.open_source", lambda *asked: asked)
    assert open_lung_source(BY_MASKS, table, tmp_path) == ("builtin", "data", table, tmp_path)
    assert open_lung_source(Image(size=32, crop="lungs_only", atlas="x"), table, tmp_path)[:2] == ("x", None)


def test_a_preparation_with_a_crop_names_its_lung_source():
    image = Image(size=40, resize="pad", crop="lungs", margin=0.2)
    assert preparation_of(image, "atlas 1") == Preparation(40, "pad", "lungs", 0.2, "atlas 1")
    assert preparation_of(Image(size=40, crop="lungs_only"), "m") == Preparation(40, "squash", "lungs_only", 0, "m")
    for nothing in (None, ""):
        with refused("crop lungs", "identity", error=ValueError):
            preparation_of(image, nothing)


def test_an_atlas_can_be_given_only_to_a_run_that_finds_lungs_with_one():
    assert [crops_by_atlas(image) for image in (WHOLE, BY_ATLAS, BY_MASKS)] == [False, True, False]
    cropped = tiny_experiment(image__crop="lungs")
    moved = with_atlas(cropped, "there")
    assert moved.image.atlas == "there" and cropped.image.atlas == "builtin"
    assert moved.model_copy(update={"image": cropped.image}) == cropped
    assert with_atlas(cropped, None) is cropped
    for other in (tiny_experiment(), tiny_experiment(image__crop="lungs", image__masks="data")):
        assert with_atlas(other, None) is other
        with refused("--atlas", "'there'", "atlas"):
            with_atlas(other, "there")


def test_the_atlas_must_be_the_one_of_the_training():
    source = AtlasLungs(ATLAS)
    check_same_atlas(source, source.identity, "here")
    check_same_atlas(None, "atlas old", "here")
    check_same_atlas(GivenLungs("data", {}, {}), "atlas old", "here")  # masks are compared by content
    with refused("atlas old", "'here'", "atlas abc", "--atlas"):
        check_same_atlas(source, "atlas old", "here")


def test_a_picture_is_cropped_by_its_mask_and_refused_without_one(tmp_path):
    table = write_chests(tmp_path, range(2))
    source = given_lungs(table)
    preparation = preparation_of(BY_MASKS, source.identity)
    load = make_loader(preparation, BY_MASKS, iter(table.path), tmp_path / "cache", print)
    for path in table.path:
        assert np.array_equal(load(path), load_cropped(path, preparation, find_in(path, source), 0.0))
    (tmp_path / "masks" / "1.png").unlink()
    with refused("1 of 2 images", "1.png", "mask"):
        make_loader(preparation, BY_MASKS, table.path, tmp_path / "cache", print)


def test_how_many_images_are_shown_whole_and_why_is_said():
    lungs = pd.DataFrame({"cropped": ["yes"] * 1100 + ["no"] * 4, "why_not": [""] * 1100 + ["b", "a", "a", "a"]})
    said = count_whole(lungs, Path("there"))
    assert_tells(said, "1,100 of 1,104 images", "4", "a (3), b (1)")
    assert said.splitlines()[-1] == "there"
    said = count_whole(lungs[:3], Path("there"))
    assert_tells(said, "all 3 images")
    assert said.splitlines()[-1] == "there" and "whole" not in said


@pytest.mark.parametrize(
    ("whole", "warned"),
    [
        ((0, 0), False),
        ((10, 10), False),
        ((11, 11), True),
        ((3, 0), False),
        ((4, 0), True),
        ((10, 8), False),
        ((100, 90), True),
    ],
)
def test_many_whole_images_or_unequal_shares_cause_a_warning(whole, warned):
    """Percent of two classes: more than 10, or more than 3 between them."""
    table = pd.DataFrame({"image_id": map(str, range(200)), "label": ["a"] * 100 + ["b"] * 100})
    cropped = ["no"] * whole[0] + ["yes"] * (100 - whole[0]) + ["no"] * whole[1] + ["yes"] * (100 - whole[1])
    found = lung_warnings(table, table[["image_id"]].assign(cropped=cropped))
    assert len(found) == warned
    for one in found:
        assert (one.what, one.label, one.property) == ("lungs", "a", "shown whole")
        assert one.strength == pytest.approx(whole[0] / 100)
        assert_tells(one.text, f"a {whole[0]} %, b {whole[1]} %")
