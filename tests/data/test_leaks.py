"""Leaks: patients and near-identical pictures on both sides, counted by hand."""

import pandas as pd
import pytest
from messages import LEAKS, assert_says, matching

from pxr_tf.data.leaks import describe_leaks, find_leaks, leak_warning

PATIENTS = {"a": "p", "b": "p", "c": "q", "d": "q", "e": "r", "f": "s", "g": "t"}
TABLE = pd.DataFrame({"image_id": PATIENTS.keys(), "patient_id": PATIENTS.values()})


def make_splits(fold: str = "random", **roles: str) -> pd.DataFrame:
    return pd.DataFrame([(image, fold, role) for image, role in roles.items()], columns=["image_id", "fold", "role"])


CLEAN = make_splits(a="train", b="val", c="test", d="test_balanced", e="test", f="train", g="test")
LEAKY = make_splits(a="train", b="test", c="val", d="test_balanced", e="test", f="train", g="test")


def with_twins(*pairs: str) -> pd.DataFrame:
    """Return the table in which the images of each pair (``"ef"``) show one picture."""
    return TABLE.assign(picture=TABLE.image_id.replace({second: first for first, second in pairs}))


@pytest.mark.parametrize(
    ("splits", "twins", "found"),
    [
        (CLEAN, [], (4, 0, 0, 0, 0)),
        (CLEAN, ["cd"], (4, 0, 0, 0, 0)),  # both on the same side
        (CLEAN, ["fe"], (4, 0, 0, 1, 1)),
        (CLEAN, ["fe", "bg"], (4, 0, 0, 2, 2)),
        (LEAKY, [], (4, 2, 2, 0, 2)),
        (LEAKY, ["ab", "ce"], (4, 2, 2, 2, 3)),  # b leaks twice and counts once
    ],
)
def test_both_sides_are_counted(splits, twins, found):
    (leaks,) = find_leaks(with_twins(*twins), splits).itertuples(index=False, name=None)
    assert leaks == ("random", *found)


def test_a_split_by_image_gets_a_warning_even_if_no_leak_is_found():
    """Images without patient ids are the worst case, not the best."""
    warning = leak_warning(find_leaks(with_twins(), CLEAN))
    assert (warning.what, warning.strength) == ("leak", 0)
    assert_says(warning.text, LEAKS, "images", "patients")


ONE_PICTURE = matching(r"1 [\w-]+ picture\b")  # nearly the same as another picture


def test_leaks_are_described_with_numbers():
    of_patients = describe_leaks(find_leaks(with_twins(), LEAKY))
    assert_says(of_patients, LEAKS, "2 patients", "2 of 4 test images")
    assert "picture" not in of_patients
    assert_says(
        describe_leaks(find_leaks(with_twins("ce"), LEAKY)), LEAKS, "2 patients", ONE_PICTURE, "3 of 4 test images"
    )
    of_pictures = describe_leaks(find_leaks(with_twins("fe"), CLEAN))
    assert_says(of_pictures, LEAKS, ONE_PICTURE, "1 of 4 test images")
    assert "patient" not in of_pictures


def test_in_tuning_validation_rows_are_held_out():
    splits = make_splits(a="train", b="val", c="val", d="train", e="val", f="train", g="val")
    leaks = find_leaks(with_twins("fe"), splits, ("val",))
    assert_says(describe_leaks(leaks, "validation image"), LEAKS, "2 patients", ONE_PICTURE, "3 of 4 validation images")


def test_the_folds_are_added_up_without_the_hold_out():
    parts = [LEAKY.assign(fold=fold) for fold in ("0", "1", "holdout")]
    leaks = find_leaks(with_twins(), pd.concat(parts))
    assert leaks.fold.tolist() == ["0", "1", "holdout"]
    assert_says(describe_leaks(leaks), LEAKS, "4 patients", "4 of 8 test images")


def test_the_strength_of_a_leak_warning_is_the_share_of_test_images():
    warning = leak_warning(find_leaks(with_twins(), LEAKY))
    assert warning[:4] == ("leak", "", "patient", 0.5)
    assert_says(warning.text, LEAKS, "2 patients")
    assert leak_warning(find_leaks(with_twins("fe"), CLEAN)).property == "picture"
