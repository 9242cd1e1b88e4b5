"""Lungs of 72 adults, each found with the atlas of the other folds' patients, and with phantoms alone."""

from pathlib import Path

import pytest

from pxr_tf.lungs.builtin import builtin_atlas
from pxr_tf.lungs.check import CHANGES, fold_atlases, measure_pairs, summarise_measures
from pxr_tf.pictures.lung_atlas import read_pairs

pytestmark = pytest.mark.real
MOST_LOST = 0.03  # of the mean Dice, whatever is done to the pictures


@pytest.fixture(scope="module")
def pairs(real_data) -> list:
    return list(read_pairs(real_data / "lungs").values())


def test_folds_of_real_films(pairs):
    atlases = fold_atlases(pairs)
    measures = summarise_measures({change: measure_pairs(pairs, atlases, change) for change in CHANGES})
    plain = measures.loc["as it is"]
    assert plain["mean"] >= 0.93 and plain.worst >= 0.75
    assert plain.inside >= 0.99
    assert plain.rank_correlation >= 0.5
    assert (plain["mean"] - measures["mean"]).max() <= MOST_LOST


def test_phantoms_alone_know_real_lungs(pairs, tmp_path: Path):
    found = measure_pairs(pairs, [builtin_atlas(tmp_path)] * len(pairs))
    assert found.dice.mean() >= 0.82
