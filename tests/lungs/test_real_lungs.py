"""Lungs of 72 adults, found with the atlas of the other folds' patients, with a network, and with phantoms alone."""

from pathlib import Path

import pytest
from lung_measures import CHANGES, assign_pair_folds, fold_atlases, measure_pairs, summarise_measures

from pxr_tf.lungs.atlas import builtin_atlas, shrink_pair
from pxr_tf.lungs.network import make_network
from pxr_tf.models.unet import WIDTHS
from pxr_tf.pictures.lung_atlas import read_pairs
from pxr_tf.training.device import set_up
from pxr_tf.training.lung_network import train_lung_network

pytestmark = pytest.mark.real
MOST_LOST = 0.03  # of the mean Dice, however the pictures are changed


@pytest.fixture(scope="module")
def pairs(real_data) -> list:
    return list(read_pairs(real_data / "lungs").values())


def test_folds_of_real_films(pairs):
    atlases = fold_atlases(pairs)
    measures = summarise_measures({change: measure_pairs(pairs, atlases, change) for change in CHANGES})
    plain = measures.loc["as it is"]
    assert plain["mean"] >= 0.93 and plain.worst >= 0.75
    assert plain.inside >= 0.98  # a steady box leaves out 1 % of the lungs on each side, then widens by 3 %
    assert plain.rank_correlation >= 0.5
    assert (plain["mean"] - measures["mean"]).max() <= MOST_LOST


def test_a_network_finds_lungs_in_films_that_it_has_not_seen(pairs):
    """Uses one fold of six and fewer steps; `scripts/lung_folds.py --network` runs everything."""
    set_up(False, "float32")
    fold = assign_pair_folds(len(pairs))
    learned = [shrink_pair(*pair) for pair, number in zip(pairs, fold, strict=True) if number]
    tested = [pair for pair, number in zip(pairs, fold, strict=True) if not number]
    graph = train_lung_network(learned, steps=200, seed=0, widths=WIDTHS, on_step=lambda *values: None)
    network = make_network(graph, {})
    for change in ("as it is", "turned left", "inverted"):
        found = measure_pairs(tested, [network] * len(tested), change)
        assert found.dice.mean() >= 0.9 and found.inside.mean() >= 0.98


def test_phantoms_alone_find_real_lungs(pairs, tmp_path: Path):
    found = measure_pairs(pairs, [builtin_atlas(tmp_path)] * len(pairs))
    assert found.dice.mean() >= 0.82
