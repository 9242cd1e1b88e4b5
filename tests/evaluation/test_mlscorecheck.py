"""The possible figures of two classes are those that mlscorecheck accepts.

mlscorecheck takes a figure as a value with a tolerance in both directions; ours may be rounded or cut off, so that our
range is between those with tolerances of half a unit and of a unit of the last digit.
"""

import logging
from decimal import Decimal

import numpy as np
import pytest
from printed_figures import measure, print_figures

from pxr_tf.evaluation.published.feasibility import impossible
from pxr_tf.evaluation.published.models import OneMatrix

binary = pytest.importorskip("mlscorecheck.check.binary")
NAMES = {"sens": ("sensitivity", "p"), "spec": ("specificity", "p"), "ppv": ("precision", "p"), "f1": ("f1", "p")}
NAMES |= {"acc": ("accuracy", "all"), "npv": ("negative_predictive_value", "p")}


def accepts(counts, figures, tolerance):
    scores = {name: figure.printed.value for name, figure in figures.items()}
    found = binary.check_1_testset_no_kfold(testset=dict(zip("pn", counts, strict=True)), scores=scores, eps=tolerance)
    return not found["inconsistency"]


def test_agreement_on_figures_of_one_and_of_two_matrices():
    logging.getLogger("mlscorecheck").setLevel(logging.ERROR)
    random, seen = np.random.default_rng(1), {True: 0, False: 0}
    for case in range(60):
        counts = random.integers(20, 300, size=2)
        found = []
        for _ in range(2):
            hits = random.binomial(counts, random.uniform(0.6, 1, size=2))
            found.append(measure([[hits[0], counts[0] - hits[0]], [counts[1] - hits[1], hits[1]]], ("p", "n")))
        chosen = random.choice(list(NAMES), size=3, replace=False)
        sources = [0, 0, case % 2]  # every second set mixes figures of two matrices
        figures = {
            name: print_figures(found[source], [NAMES[name]], digits=2)[0]
            for name, source in zip(chosen, sources, strict=True)
        }
        possible = not impossible(OneMatrix(("p", "n"), tuple(map(int, counts))), list(figures.values()))
        unit = float(Decimal("0.0001"))
        if accepts(counts, figures, unit / 2):
            assert possible
        if possible:
            assert accepts(counts, figures, unit)
        seen[possible] += 1
    assert min(seen.values()) > 15
