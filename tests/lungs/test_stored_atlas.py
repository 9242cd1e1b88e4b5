"""An atlas is prepared once and kept under its content."""

import numpy as np
import pytest
from phantom_pairs import phantom_pair

from pxr_tf.arrays import ROWS_FILE
from pxr_tf.lungs.atlas import LungAtlas, open_stored_atlas


def pairs_of(*patients: int) -> dict:
    return {f"phantom-{patient}": lambda patient=patient: phantom_pair(patient) for patient in patients}


def not_asked() -> None:
    raise AssertionError("prepared again")


def same(first: LungAtlas, second: LungAtlas) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in LungAtlas.__dataclass_fields__)


def test_a_stored_atlas_is_not_prepared_again(tmp_path):
    first = open_stored_atlas(tmp_path, pairs_of(0, 1, 2))
    assert same(first, open_stored_atlas(tmp_path, dict.fromkeys(pairs_of(2, 1, 0), not_asked)))


def test_another_set_of_pairs_is_another_atlas(tmp_path):
    first, second = open_stored_atlas(tmp_path, pairs_of(0, 1, 2)), open_stored_atlas(tmp_path, pairs_of(0, 1))
    assert first.digest != second.digest
    assert (len(first.pictures), len(second.pictures)) == (3, 2)


def test_a_damaged_file_is_prepared_again(tmp_path):
    first = open_stored_atlas(tmp_path, pairs_of(0, 1))
    (rows,) = tmp_path.glob(f"atlas-*/{ROWS_FILE}")
    damaged = bytearray(rows.read_bytes())
    damaged[5000] ^= 255
    rows.write_bytes(damaged)
    assert same(first, open_stored_atlas(tmp_path, pairs_of(0, 1)))


def test_a_pair_that_fails_stores_nothing(tmp_path):
    with pytest.raises(AssertionError, match="prepared again"):
        open_stored_atlas(tmp_path, pairs_of(0) | {"bad": not_asked})
    assert not list(tmp_path.iterdir())
