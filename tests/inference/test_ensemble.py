"""Which models predict a picture, and what they say together."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pxr_tf.evaluation.calibration import apply_temperature
from pxr_tf.inference.ensemble import ask_models, choose_models

ROLES = {  # image -> its roles in folds 0, 1 and 2; "" if it is not in the fold
    "a": ("test", "train", "train"),
    "b": ("train", "test_balanced", "val"),
    "c": ("val", "train", "val"),
    "d": ("train", "train", "train"),
    "e": ("", "", "val"),
    "f": ("test", "", "test"),
}


def run_with(roles: dict[str, tuple[str, ...]], contents: dict[str, str] | None = None) -> SimpleNamespace:
    """Return what `choose_models` reads of a run; the content of image ``a`` is ``A``."""
    rows = [(image, str(fold), role) for image, each in roles.items() for fold, role in enumerate(each) if role]
    named = pd.Series(list(roles))
    content = named.map(contents) if contents else named.str.upper()
    return SimpleNamespace(
        splits=pd.DataFrame(rows, columns=["image_id", "fold", "role"]),
        manifest=pd.DataFrame({"image_id": named, "content": content}),
    )


@pytest.mark.parametrize(
    ("content", "known", "asked"),
    [
        ("A", "test", "0"),
        ("B", "test", "1"),
        ("C", "validation", "02"),
        ("D", "training", "012"),
        ("E", "validation", "2"),
        ("F", "test", "02"),
        ("", "", "012"),
        ("Z", "", "012"),
    ],
)
def test_a_picture_is_predicted_by_the_models_that_know_least_of_it(content, known, asked):
    used, role = choose_models(run_with(ROLES), pd.Series(["", content]), ("0", "1", "2"))
    assert list(role) == ["", known]
    assert "".join(np.array(["0", "1", "2"])[used[1]]) == asked and used[0].all()


@pytest.mark.parametrize(
    ("fold", "known"), [("0", "test train val train - test"), ("2", "train val val train val test")]
)
def test_one_fold_predicts_all_pictures_and_tells_their_role_in_it(fold, known):
    used, role = choose_models(run_with(ROLES), pd.Series(list("ABCDEF")), (fold,))
    names = {"train": "training", "val": "validation", "test": "test", "-": ""}
    assert list(role) == [names[word] for word in known.split()] and used.all()


def test_the_order_of_the_folds_is_that_of_the_models():
    used, _ = choose_models(run_with(ROLES), pd.Series(["A", "B"]), ("1", "2", "0"))
    assert used.tolist() == [[False, False, True], [True, False, False]]


def test_images_with_one_content_count_as_one_picture():
    roles = {"a": ("train", "train"), "b": ("train", "test")}
    used, role = choose_models(run_with(roles, {"a": "X", "b": "X"}), pd.Series(["X", "X"]), ("0", "1"))
    assert list(role) == ["test", "test"] and used.tolist() == [[False, True]] * 2


def shares(*rows: tuple[float, ...]) -> np.ndarray:
    """Return the probability of the first of two classes by each model, as float32 [pictures, models, 2]."""
    first = np.array(rows, np.float32)
    return np.stack([first, 1 - first], axis=2)


def test_the_mean_is_over_the_chosen_models_and_agreement_counts_them():
    each = shares((0.9, 0.8, 0.4), (0.9, 0.8, 0.4), (0.1, 0.2, 0.9))
    used = np.array([[True, True, True], [False, False, True], [True, True, False]])
    found = ask_models(each, used)
    np.testing.assert_allclose(found.probabilities[:, 0], [0.7, 0.4, 0.15], atol=1e-7)
    assert found.predicted.tolist() == [0, 1, 1] and found.models.tolist() == [3, 1, 2]
    np.testing.assert_allclose(found.agreement, [2 / 3, 1, 1])


def test_each_model_is_calibrated_before_the_mean():
    each = shares((0.99, 0.6), (0.2, 0.3))
    found = ask_models(each, np.ones((2, 2), bool), 2.0)
    by_hand = np.mean([apply_temperature(each[:, model].astype(float), 2.0) for model in (0, 1)], axis=0)
    np.testing.assert_allclose(found.probabilities, by_hand, rtol=1e-12)
    np.testing.assert_allclose(found.probabilities.sum(1), 1)
    assert not np.allclose(found.probabilities, apply_temperature(each.mean(1).astype(float), 2.0), atol=1e-4)


def test_a_picture_without_probabilities_has_no_class():
    each = shares((0.9, 0.8), (np.nan, np.nan))
    found = ask_models(each, np.ones((2, 2), bool))
    assert found.predicted.tolist() == [0, -1] and np.isnan(found.agreement[1]) and found.agreement[0] == 1
