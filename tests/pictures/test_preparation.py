"""A preparation is a value: its digest depends on its fields alone."""

import itertools

import pytest

from pxr_tf.pictures.preparation import Preparation


def test_every_field_decides_the_digest():
    values = [Preparation(size, resize) for size, resize in itertools.product((22, 224), ("squash", "pad"))]
    assert len({value.digest for value in values}) == 4
    assert Preparation(size=224, resize="pad").digest == Preparation(224, "pad").digest
    assert len(values[0].digest) == 8


def test_the_digest_without_a_crop_is_the_same_as_before_crops_existed():
    known = {(224, "squash"): "29fe6873", (32, "pad"): "667b1f8f", (32, "average"): "f6d2be01"}
    for (size, resize), digest in known.items():
        assert Preparation(size, resize).digest == digest
        assert Preparation(size, resize, "none", 0.0, "").describe() == {"size": size, "resize": resize}


def test_every_field_of_a_crop_decides_the_digest():
    crop = Preparation(224, "squash", "lungs", 0.05, "atlas 1")
    others = [
        crop.whole,
        crop._replace(crop="lungs_only"),
        crop._replace(margin=0.1),
        crop._replace(lungs="atlas 2"),
        crop._replace(size=96),
    ]
    assert len({value.digest for value in (crop, *others)}) == 6
    assert Preparation.described({**crop.describe(), "values": "uint8 grey, 0-255"}) == crop
    assert Preparation.described(crop.whole.describe()) == crop.whole


def test_a_preparation_cannot_be_changed():
    with pytest.raises(AttributeError):
        Preparation(224, "pad").size = 5
