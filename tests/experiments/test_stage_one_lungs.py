"""Stage two takes lungs from where stage one took them, or is refused."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from messages import matching, refused

from pxr_tf.experiments.stage_one import StageOne, check_images
from pxr_tf.pictures.gather import Gathered
from pxr_tf.pictures.lung_source import GivenLungs


def masks(digest: str) -> GivenLungs:
    return GivenLungs("data", {"a.png": Path("masks/a.png")}, {"a.png": digest})


def stage_with(lungs: str | None) -> StageOne:
    provenance = {"data_digest": "d", "data": ["films"]}
    return StageOne(SimpleNamespace(provenance=provenance, lung_identity=lungs, folder=Path("runs/one")), {})


def gathered(lungs: GivenLungs | None, identity: str = "d") -> Gathered:
    return Gathered(pd.DataFrame(), identity, lungs)


def test_the_same_source_is_accepted():
    check_images(stage_with(masks("a").identity), gathered(masks("a")))
    check_images(stage_with(None), gathered(None))
    check_images(None, gathered(masks("a")))


def test_another_source_of_lungs_is_refused():
    with refused(matching("runs/one"), "image.atlas", "image.masks", masks("a").identity, masks("b").identity):
        check_images(stage_with(masks("a").identity), gathered(masks("b")))


def test_other_images_are_refused():
    with pytest.raises(Exception, match="other images"):
        check_images(stage_with(masks("a").identity), gathered(masks("a"), "e"))
