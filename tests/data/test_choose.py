"""Choosing patients: how many of each class, how many images, and who is never chosen."""

import pandas as pd
import pytest
from messages import matching, refused
from split_tables import make_table

from pxr_tf.data.choose import check_amount, choose_number, choose_patients, choose_share
from pxr_tf.seeds import order_by_hash

SIZES = {"only": [4], "two": [1, 3], "many": [2] * 10}
CHOICE = {"seed": 0, "purpose": "x"}


def sorted_table(sizes: dict[str, list[int]]) -> pd.DataFrame:
    return make_table(sizes).sort_values("image_id", ignore_index=True)


def patients_of(chosen: set[str]) -> dict[str, int]:
    """Return how many patients of each class are chosen; `make_table` names patients by class and number."""
    return pd.Series([name.split()[0] for name in chosen], dtype=object).value_counts().to_dict()


def images_of(table: pd.DataFrame, chosen: set[str]) -> dict[str, int]:
    return table[table.patient_id.isin(chosen)].label.value_counts().to_dict()


@pytest.mark.parametrize(
    ("share", "patients"),
    [
        (0.01, {"two": 1, "many": 1}),  # at least one, but never the only patient
        (0.25, {"two": 1, "many": 2}),
        (0.26, {"two": 1, "many": 3}),
        (0.75, {"two": 1, "many": 8}),
        (0.99, {"two": 1, "many": 9}),  # never all of a class
    ],
)
def test_a_share_is_of_each_classs_patients(share, patients):
    assert patients_of(choose_share(sorted_table(SIZES), share, **CHOICE)) == patients


@pytest.mark.parametrize(
    ("sizes", "number", "images"),
    [
        ({"a": [1] * 30, "b": [1] * 10}, 8, {"a": 6, "b": 2}),
        ({"a": [1] * 30, "b": [1] * 10}, 39, {"a": 29, "b": 9}),  # one patient of each class always trains
        ({"a": [1] * 99, "b": [1] * 2}, 10, {"a": 9, "b": 1}),  # at least one, and the other class gives one fewer
        ({"only": [3], "a": [1] * 9}, 4, {"a": 4}),  # the next class gives what one class cannot
        ({"a": [5] * 4}, 7, {"a": 5}),  # 5 is nearer to 7 than 10 is
        ({"a": [5] * 4}, 8, {"a": 10}),
        ({"a": [4] * 4}, 6, {"a": 4}),  # as near: fewer images win
        ({"a": [5] * 4}, 1, {"a": 5}),  # a patient who is too large is better than nobody
        ({"a": [5] * 4, "b": [1] * 20}, 5, {"a": 5, "b": 1}),  # the smallest class took too many; b gives the least
        ({"a": [9] * 3, "b": [1] * 3}, 3, {"a": 9, "b": 1}),
        ({"a": [7] * 2, "b": [1] * 40}, 12, {"a": 7, "b": 5}),  # 12 in all
    ],
)
def test_a_number_of_images_is_divided_by_class_and_filled_with_whole_patients(sizes, number, images):
    table = sorted_table(sizes)
    for seed in range(3):
        assert images_of(table, choose_number(table, number, seed=seed, purpose="x")) == images


@pytest.mark.parametrize("seed", range(6))
def test_the_smallest_patient_who_does_not_fit_comes_nearest(seed):
    """Two of the sizes, never all three: the last patient by hash is left to train."""
    sizes = dict(zip("pqr", (40, 20, 30), strict=True))
    rows = [(f"{name}{image:02}", "a", name) for name, count in sizes.items() for image in range(count)]
    table = pd.DataFrame(rows, columns=["image_id", "label", "patient_id"])
    (chosen,) = choose_number(table, 3, seed=seed, purpose="x")
    last = next(name for name in sizes if name not in choose_share(table, 0.99, seed=seed, purpose="x"))
    assert sizes[chosen] == min(count for name, count in sizes.items() if name != last)


@pytest.mark.parametrize("seed", range(8))
def test_the_first_patient_by_hash_who_fits_is_chosen(seed):
    """A patient with exactly the wanted number of images fits."""
    sizes = {"p": 4, "q": 3, "r": 3, "s": 3}
    rows = [(f"{name}{image}", "a", name) for name, count in sizes.items() for image in range(count)]
    table = pd.DataFrame(rows, columns=["image_id", "label", "patient_id"])
    first, *_ = order_by_hash(sizes, seed, "x")
    assert choose_number(table, 4, seed=seed, purpose="x") == {first}


def test_a_number_must_leave_an_image_to_train_on():
    table = sorted_table({"a": [1] * 5})
    assert len(choose_number(table, 4, **CHOICE)) == 4
    with refused("splits.validation", matching("5 .*5"), "images"):
        choose_number(table, 5, **CHOICE)


def test_a_patient_of_two_classes_counts_for_the_class_of_the_first_image():
    """These patients fill the smaller class's quota with all their images, and the larger class's with none."""
    table = make_table({"a": [1] * 3, "b": [1] * 9}, shared=3).sort_values("image_id", ignore_index=True)
    owners = table.groupby("patient_id").label.first()
    chosen = choose_number(table, 6, **CHOICE)
    assert len(table[table.patient_id.isin(chosen)]) == 6
    assert set(owners[list(chosen)]) == {"a", "b"}
    share = choose_share(table, 0.5, **CHOICE)
    assert owners[list(share)].value_counts().to_dict() == {"a": 3, "b": 4}


def test_below_one_is_a_share_from_one_a_number_and_zero_chooses_nobody():
    table = sorted_table(SIZES)
    assert choose_patients(table, 0, **CHOICE) == set()
    assert choose_patients(table, 0.3, **CHOICE) == choose_share(table, 0.3, **CHOICE)
    for number in (1, 9.0):
        assert choose_patients(table, number, **CHOICE) == choose_number(table, int(number), **CHOICE)
    assert choose_patients(table, 9, **CHOICE) != choose_share(table, 0.9, **CHOICE)


@pytest.mark.parametrize("wanted", [0.3, 9])
def test_the_seed_and_the_purpose_decide(wanted):
    table = sorted_table(SIZES)
    first = choose_patients(table, wanted, seed=1, purpose="x")
    assert first == choose_patients(table, wanted, seed=1, purpose="x")
    assert first != choose_patients(table, wanted, seed=2, purpose="x")
    assert first != choose_patients(table, wanted, seed=1, purpose="y")


@pytest.mark.parametrize("amount", [0, 0.15, 0.999, 1, 1.0, 800])
def test_shares_and_whole_numbers_are_amounts(amount):
    check_amount("splits.validation", amount)


@pytest.mark.parametrize("amount", [-1, -0.1, 1.5, 800.25])
def test_other_numbers_are_refused(amount):
    with refused("splits.validation", f"{amount:g}", "share"):
        check_amount("splits.validation", amount)
