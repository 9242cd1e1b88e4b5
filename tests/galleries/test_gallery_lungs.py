"""The lungs of a gallery: the run's own lungs decide what is seen, the asked source says where lungs are in it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from lung_pictures import given_lungs, write_chests
from messages import any_of, refused
from PIL import Image as Pixels

from pxr_tf.config.image import Image
from pxr_tf.galleries.check_options import check_idle_options
from pxr_tf.galleries.lungs import find_shown_lungs, open_sources
from pxr_tf.galleries.request import GalleryRequest
from pxr_tf.pictures.lung_crop import load_cropped
from pxr_tf.pictures.lung_source import LungSource, open_source
from pxr_tf.pictures.lung_store import find_in, open_lungs
from pxr_tf.pictures.preparation import Preparation

SIZE = 96


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """Two folders of pairs, ``a`` and ``b``, each of which is an atlas."""
    folder = tmp_path_factory.mktemp("pairs")
    for name, first in (("a", 20), ("b", 30)):
        write_chests(folder / name, range(first, first + 5))
    return folder


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    """Two pictures with masks, and a folder ``others`` with masks of the upper half of one lung."""
    rows = write_chests(tmp_path / "data", range(2))
    for path in rows.path:
        mask = np.array(Pixels.open(path.replace("/images/", "/masks/")))
        mask[len(mask) // 2 :] = 0
        mask[:, mask.shape[1] // 2 :] = 0
        (tmp_path / "others").mkdir(exist_ok=True)
        Pixels.fromarray(mask).save(tmp_path / "others" / Path(path).name)
    return rows


def request_of(tmp_path: Path, own: LungSource | None, image: Image, **options: str | bool) -> GalleryRequest:
    identity = None if own is None else own.identity
    run = SimpleNamespace(recipe=SimpleNamespace(image=image), cache=tmp_path / "cache", lung_identity=identity)
    return GalleryRequest(run, **options)


def atlas_of(pairs: Path, tmp_path: Path, table: pd.DataFrame) -> LungSource:
    return open_source(str(pairs), None, table, tmp_path / "cache")


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize("asked", ["masks", "atlas", "nothing"])
@pytest.mark.parametrize("own_masks", [True, False])
@pytest.mark.parametrize("crop", ["lungs", "lungs_only", "none"])
def test_the_runs_lungs_decide_what_is_seen_and_the_asked_source_where_lungs_are(
    tmp_path, table, pairs, crop, own_masks, asked
):
    """The truth: the asked mask as a picture, prepared as the run prepares pictures."""
    keys = {} if crop == "none" else {"masks": "data"} if own_masks else {"atlas": str(pairs / "a")}
    own = None if crop == "none" else given_lungs(table) if own_masks else atlas_of(pairs / "a", tmp_path, table)
    options = {"masks": {"masks": str(tmp_path / "others")}, "atlas": {"atlas": str(pairs / "b")}, "nothing": {}}[asked]
    if asked == "nothing" and own is None:
        pytest.skip("the built-in atlas takes seconds")
    request = request_of(tmp_path, own, Image(size=SIZE, crop=crop, **keys), **options)
    sources = open_sources(request, table)
    assert (sources.own and sources.own.identity) == (own and own.identity)
    others = given_lungs(table, options["masks"]) if asked == "masks" else atlas_of(pairs / "b", tmp_path, table)
    assert sources.shown.identity == (own if asked == "nothing" else others).identity
    margin = 0.05 if crop == "lungs" else 0.0
    preparation = Preparation(SIZE, "squash", crop, margin, own.identity if own else "")
    seen = find_shown_lungs(table, sources, preparation, request.run.cache, lambda event: None)
    asked_lungs = open_lungs(request.run.cache, table, sources.shown)
    for row in table.itertuples():
        white = tmp_path / "white.png"
        mask = asked_lungs.of(row.path).mask * np.uint8(255)
        box = find_in(row.path, own) if own else asked_lungs.of(row.path)
        Pixels.fromarray(mask).resize((box.width, box.height), Pixels.Resampling.BILINEAR).save(white)
        as_box = preparation._replace(crop="lungs" if crop == "lungs" else "none")
        lowest = own.lowest_confidence if own else 1.1
        truth = load_cropped(str(white), as_box, box, lowest if crop == "lungs" else 1.1) > 127
        assert dice(seen.mask_of(row.image_id), truth) > 0.98


def test_a_picture_that_the_run_shows_whole_is_whole_whatever_the_masks_say(tmp_path, table, pairs):
    own = atlas_of(pairs / "a", tmp_path, table)
    image = Image(size=SIZE, crop="lungs", atlas=str(pairs / "a"))
    request = request_of(tmp_path, own, image, masks="data")
    preparation = Preparation(SIZE, "squash", "lungs", 0.05, own.identity)
    seen = find_shown_lungs(table, open_sources(request, table), preparation, request.run.cache, lambda event: None)
    name = table.image_id[0]
    cropped, whole = seen.mask_of(name), seen._replace(lowest_to_crop=1.1).mask_of(name)
    assert whole.sum() < 0.9 * cropped.sum() and seen._replace(lowest_to_crop=1.1).why_not(name) == ""


def test_the_atlas_may_have_moved_and_another_one_finds_lungs_only_for_the_checks(tmp_path, table, pairs):
    own = atlas_of(pairs / "a", tmp_path, table)
    moved = str(shutil.copytree(pairs / "a", tmp_path / "moved"))
    image = Image(size=SIZE, crop="lungs", atlas=str(tmp_path / "gone"))
    for options in ({}, {"checks": False}, {"masks": "data"}):
        sources = open_sources(request_of(tmp_path, own, image, atlas=moved, **options), table)
        assert sources.own.identity == own.identity
    with refused(any_of("another atlas"), "--atlas"):
        open_sources(request_of(tmp_path, own, image, atlas=str(pairs / "b")), table)
    there = image.model_copy(update={"atlas": str(pairs / "a")})
    with refused(any_of("another atlas"), "--atlas"):
        open_sources(request_of(tmp_path, own, there, atlas=str(pairs / "b"), checks=False), table)
    sources = open_sources(request_of(tmp_path, own, there, atlas=str(pairs / "b")), table)
    assert sources.own.identity == own.identity != sources.shown.identity


def test_atlas_and_masks_go_together_only_if_the_atlas_can_be_the_runs_own(tmp_path, pairs):
    both = {"atlas": str(pairs / "a"), "masks": "data"}
    check_idle_options(request_of(tmp_path, None, Image(size=SIZE, crop="lungs"), **both))
    for image in (Image(size=SIZE), Image(size=SIZE, crop="lungs", masks="data")):
        with refused("--atlas", "--masks", any_of("one of the two")):
            check_idle_options(request_of(tmp_path, None, image, **both))
