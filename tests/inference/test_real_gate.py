"""The gate on real films of patients that it was not fitted on; `scripts/gate_truth.py` measures more."""

import numpy as np
import pandas as pd
import pytest

from pxr_tf.inference import gate_fit
from pxr_tf.inference.gate_fit import FILM, Films, fit_gate, read_given
from pxr_tf.inference.gate_negatives import make_negatives
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.sets.find import read_sources

pytestmark = pytest.mark.real
EACH = 400  # films of a source that are fitted on, and that are judged


@pytest.fixture(scope="module")
def films(real_data) -> Films:
    rows, _ = read_sources([real_data / "chest_xray", real_data / "covid-chestxray-dataset"])
    rows = rows.sample(frac=1, random_state=0).groupby("source").head(2 * EACH)
    pictures = np.stack([load_prepared(path, FILM) for path in rows.path])
    return Films(pictures, rows.source.to_numpy(), rows.patient_id.to_numpy())


@pytest.fixture(scope="module")
def judged(films) -> np.ndarray:
    """Which films are of patients that are left out of the fit."""
    numbers = {name: number for number, name in enumerate(pd.unique(films.patient))}
    return np.array([numbers[name] % 3 == 0 for name in films.patient])


@pytest.fixture(scope="module")
def gate(films, judged, real_data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate_fit, "EXAMPLES", 1500)
        given = read_given([str(real_data / "not_frontal")])
        return fit_gate(Films(*(values[~judged] for values in films)), given)


def test_films_of_other_patients_are_accepted(gate, films, judged):
    accepted = np.array([gate.judge(film).accepted for film in films.pictures[judged]])
    by_source = pd.Series(accepted).groupby(films.source[judged]).mean()
    assert by_source.min() >= 0.95


def test_what_is_made_of_films_of_other_patients_is_refused(gate, films, judged):
    found: dict[str, list[bool]] = {}
    for name, _, picture in make_negatives(films.pictures[judged], 60, 5):
        found.setdefault(name, []).append(not gate.judge(picture).accepted)
    assert {name: np.mean(hits) for name, hits in found.items() if np.mean(hits) < 0.9} == {}
