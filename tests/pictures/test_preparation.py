"""A preparation is a value: equal ones have one digest, others another."""

import itertools

import pytest

from pxr_tf.pictures.preparation import Preparation


def test_every_field_decides_the_digest():
    values = [Preparation(size, resize) for size, resize in itertools.product((22, 224), ("squash", "pad"))]
    assert len({value.digest for value in values}) == 4
    assert Preparation(size=224, resize="pad").digest == Preparation(224, "pad").digest
    assert len(values[0].digest) == 8


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError):
        Preparation(224, "pad").size = 5
