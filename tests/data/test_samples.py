"""The balance plan: totals, caps, copies, what folds share, and foreign rows caught."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pxr_tf.data.samples import check_samples, plan_samples
from pxr_tf.errors import PxrError

SIZES = {"bacterial": 12, "covid19": 5, "normal": 9}


def make_rows(sizes: dict[str, int]) -> pd.DataFrame:
    rows = [(f"{label}/{number}", label) for label, count in sizes.items() for number in range(count)]
    return pd.DataFrame(rows, columns=["image_id", "label"])


def count(samples: pd.DataFrame) -> dict[str, int]:
    return samples.image_id.str.split("/").str[0].value_counts().to_dict()


@pytest.mark.parametrize(
    ("cap", "oversample", "target", "totals"),
    [
        (None, (), None, SIZES),
        (7, (), None, {"bacterial": 7, "covid19": 5, "normal": 7}),
        (None, ("covid19",), None, {"bacterial": 12, "covid19": 12, "normal": 9}),
        (7, ("covid19",), None, {"bacterial": 7, "covid19": 7, "normal": 7}),
        (None, "all", None, dict.fromkeys(SIZES, 12)),
        (10, "all", None, dict.fromkeys(SIZES, 10)),
        (None, ("covid19",), 8, {"bacterial": 12, "covid19": 8, "normal": 9}),
        (None, ("covid19", "normal"), 31, {"bacterial": 12, "covid19": 31, "normal": 31}),
        (None, "all", 2, SIZES),  # originals are never dropped for a target
        (100, (), None, SIZES),
    ],
)
def test_totals_are_exact(cap, oversample, target, totals):
    samples = plan_samples(make_rows(SIZES), cap=cap, oversample=oversample, target=target, seed=0)
    assert count(samples) == totals
    check_samples(samples, make_rows(SIZES).image_id.tolist())


@settings(max_examples=30)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=4), st.integers(1, 30), st.integers(0, 5))
def test_copy_1_of_all_comes_before_copy_2_of_any(counts, cap, seed):
    sizes = {f"class{number}": size for number, size in enumerate(counts)}
    samples = plan_samples(make_rows(sizes), cap=cap, oversample="all", seed=seed)
    assert not samples.duplicated().any()
    label = samples.image_id.str.split("/").str[0]
    for name, copies in samples["copy"].groupby(label):
        per_image = copies.groupby(samples.image_id).agg(["min", "max", "size"])
        assert (per_image["min"] == 0).all()
        assert (per_image["size"] == per_image["max"] + 1).all()
        assert per_image["max"].max() - per_image["max"].min() <= 1
        assert len(per_image) == min(cap, sizes[name])


def test_the_plan_is_a_pure_function_of_rows_and_seed():
    rows, options = make_rows(SIZES), {"cap": 7, "oversample": ("covid19",)}
    plan = plan_samples(rows, **options, seed=1)
    assert plan_samples(rows.sample(frac=1, random_state=0), **options, seed=1).equals(plan)
    assert plan.equals(plan.sort_values(["image_id", "copy"], ignore_index=True))
    assert not plan_samples(rows, **options, seed=2).equals(plan)


def test_folds_ask_for_the_same_copies_and_nearly_the_same_originals():
    """What one fold has had computed serves the others: 5 folds of 20 images need 100 pairs at most, not 400."""
    rows = make_rows({"covid19": 25, "normal": 125})
    plans = []
    for fold in range(5):
        training = rows[[int(image.split("/")[1]) % 5 != fold for image in rows.image_id]]
        plans.append(plan_samples(training, cap=80, oversample=("covid19",), seed=0))
        assert count(plans[-1]) == {"covid19": 80, "normal": 80}
    pairs = set().union(*(plan.itertuples(index=False, name=None) for plan in plans))
    assert sum(image.startswith("covid19") for image, _ in pairs) == 25 * 4
    assert sum(image.startswith("normal") for image, _ in pairs) <= 125 - 20  # the last by hash are in no fold


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([("a", 0), ("test.png", 0)], "trains on test.png, which is not in the training part"),
        ([("a", 0), ("test.png", 2)], "trains on test.png"),  # an augmented copy of a test image
        ([("a", 0), ("b", 1), ("b", 1)], "the same copy of the same image twice"),
    ],
)
def test_a_foreign_or_repeated_sample_is_caught(samples, message):
    table = pd.DataFrame(samples, columns=["image_id", "copy"])
    check_samples(table.iloc[:1], ["a", "b"])
    with pytest.raises(PxrError, match=message):
        check_samples(table, ["a", "b"])
