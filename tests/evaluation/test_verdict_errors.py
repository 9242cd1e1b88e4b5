"""How often verdicts are wrong, simulated: a small run of ``scripts/verdict_errors.py``."""

import pytest
from verdict_errors import chance_of_maps, chance_on_a_page, network_errors

REPEATS = 150  # a rate of 5 % has a standard error of 1.8 points


@pytest.mark.parametrize("patients", [6, 18])
def test_a_verdict_between_networks_is_rarely_wrong(patients):
    """Before, patients alone were resampled: up to a third of the verdicts were wrong."""
    found = network_errors(REPEATS, networks=(3, 5), patients=(patients,))
    assert (found[["wrong passes, after", "wrong failures, after"]] <= 5).all(axis=None)
    assert found[["wrong passes, before", "wrong failures, before"]].max(axis=None) > 15
    decided = found.set_index(["check", "networks"]).decided
    assert decided["weights", 5] > decided["weights", 3] > 15  # it does not say "undecided" to everything


def test_the_bound_is_above_the_correlation_of_unrelated_maps():
    """Before, 0.5 was the bound: maps of two by two hills, which say nothing, hardly ever passed."""
    found = chance_of_maps(12, sides=(4, 7)).set_index("map")
    assert found.estimated.to_numpy() == pytest.approx(found.true.to_numpy(), abs=0.1)
    assert (found.bound > found.true + 0.15).all() and (found.bound < 0.8).all()
    assert (found["failed, after"] <= 5).all()
    assert found["passed, before"]["4 x 4, two"] < 30 < found["passed, after"]["4 x 4, two"]


def test_a_page_expects_as_many_wrong_verdicts_as_there_are():
    found = chance_on_a_page(150, verdicts=(12,), patients=(12,))
    assert found["the page says"].item() == pytest.approx(0.6)
    assert found.wrong.item() == pytest.approx(0.6, abs=0.2)
    assert found["pages with any"].item() > 30
