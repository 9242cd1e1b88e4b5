"""The plan of samples: totals, caps, copies, what folds share, and rows that are refused."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import MISSING, TWICE, any_of, refused

from pxr_tf.data.samples import SAMPLE_COLUMNS, check_samples, plan_all_samples, plan_samples, read_samples

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
    splits = make_rows(SIZES)[["image_id"]].assign(fold="0", role="train")
    check_samples(samples.assign(fold="0", role="train"), splits)


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


def test_folds_need_the_same_copies_and_nearly_the_same_originals():
    """Folds share what was computed for one: 5 folds of 20 images need at most 100 pairs, not 400."""
    rows = make_rows({"covid19": 25, "normal": 125})
    plans = []
    for fold in range(5):
        training = rows[[int(image.split("/")[1]) % 5 != fold for image in rows.image_id]]
        plans.append(plan_samples(training, cap=80, oversample=("covid19",), seed=0))
        assert count(plans[-1]) == {"covid19": 80, "normal": 80}
    pairs = set().union(*(plan.itertuples(index=False, name=None) for plan in plans))
    assert sum(image.startswith("covid19") for image, _ in pairs) == 25 * 4
    assert sum(image.startswith("normal") for image, _ in pairs) <= 125 - 20  # the last by hash are in no fold


SPLITS = pd.DataFrame(
    [
        *[(image, "0", "train") for image in "ab"],
        *[("v", "0", "val"), ("t", "0", "test"), ("u", "0", "test_balanced")],
        *[("t", "1", "train"), ("a", "1", "test"), ("b", "1", "test")],
    ],
    columns=["image_id", "fold", "role"],
)
SAMPLES = [(*row, 0) for row in SPLITS.itertuples(index=False, name=None)]


@pytest.mark.parametrize(
    ("samples", "facts"),
    [
        ([*SAMPLES, ("t", "0", "train", 0)], ["t", "train", "fold 0", "splits.csv"]),
        ([*SAMPLES, ("t", "0", "train", 2)], ["t", "train", "fold 0"]),  # an augmented copy of a test image
        ([*SAMPLES, ("t", "1", "test", 0)], ["t", "test", "fold 1"]),  # another fold trains on it
        ([*SAMPLES, ("nobody", "0", "train", 0)], ["nobody", "train"]),
        ([*SAMPLES, ("b", "0", "train", 1), ("b", "0", "train", 1)], [any_of("copy"), TWICE]),
        ([*SAMPLES, ("t", "0", "test", 1)], ["t", "test", any_of("training"), any_of("copies", "copy")]),
        ([*SAMPLES, ("v", "0", "val", 1)], ["v", "val", any_of("copy", "copies")]),
        ([*SAMPLES, ("u", "0", "test_balanced", 1)], ["u", "test_balanced", any_of("copy", "copies")]),
        ([row for row in SAMPLES if row[0] != "v"], ["v", "fold 0", MISSING]),
        ([row for row in SAMPLES if row[:2] != ("b", "1")], ["b", "fold 1", MISSING]),
    ],
)
def test_samples_that_contradict_the_splits_are_refused(samples, facts):
    whole = pd.DataFrame(SAMPLES, columns=list(SAMPLE_COLUMNS))
    check_samples(whole, SPLITS)
    check_samples(whole.drop(0), SPLITS)  # a cap may leave out training rows, and only those
    check_samples(pd.concat([whole, whole[:1].assign(copy=3)]), SPLITS)
    with refused(*facts):
        check_samples(pd.DataFrame(samples, columns=list(SAMPLE_COLUMNS)), SPLITS)


def test_a_cap_keeps_the_same_originals_in_every_version():
    """A run that is planned again must train on the images that it trained on before."""
    kept = plan_samples(make_rows(SIZES), cap=3, oversample=(), seed=0).image_id
    assert kept.str[-1].tolist() == [*"467", *"024", *"136"]


OPTIONS = [
    {"cap": None, "oversample": "all", "target": 3, "seed": 0},
    {"cap": 2, "oversample": ("x",), "target": None, "seed": 5},
    {"cap": 1, "oversample": (), "target": 4, "seed": 6},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_all_samples_are_the_plans_of_the_folds_plus_the_held_out_originals(options):
    table = pd.DataFrame({"image_id": list("abcdefgtuv"), "label": list("xyxxxyyyxx")})
    more = pd.DataFrame([(image, "0", "train") for image in "cdefg"], columns=SPLITS.columns)
    splits = pd.concat([SPLITS, more], ignore_index=True)
    samples = plan_all_samples(table, splits, **options)
    assert list(samples.columns) == list(SAMPLE_COLUMNS)
    assert samples.index.equals(pd.RangeIndex(len(samples)))
    for fold, images in (("0", "abcdefg"), ("1", "t")):
        mine = samples[samples.fold == fold]
        planned = plan_samples(table[table.image_id.isin(list(images))], **options)
        trained = mine.loc[mine.role == "train", ["image_id", "copy"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(trained, planned)
        others = splits[(splits.fold == fold) & (splits.role != "train")]
        held = mine[mine.role != "train"]
        assert dict(zip(held.image_id, held.role, strict=True)) == dict(zip(others.image_id, others.role, strict=True))
        assert set(held["copy"]) == {0}


def test_ids_and_folds_that_look_like_numbers_are_read_as_text(tmp_path):
    table = pd.DataFrame([("007", "0", "train", 1), ("008", "1", "test", 0)], columns=list(SAMPLE_COLUMNS))
    table.to_csv(tmp_path / "samples.csv", index=False)
    read = read_samples(tmp_path / "samples.csv")
    assert (read.image_id.tolist(), read.fold.tolist()) == (["007", "008"], ["0", "1"])
    assert read["copy"].dtype == int


def test_a_samples_table_is_read_as_written_and_other_tables_are_refused(tmp_path):
    table = pd.DataFrame([("007", "0", "train", 1), ("NA", "official", "test", 0)], columns=list(SAMPLE_COLUMNS))
    table.to_csv(tmp_path / "samples.csv", index=False)
    pd.testing.assert_frame_equal(read_samples(tmp_path / "samples.csv"), table, check_dtype=False)
    table.drop(columns="copy").to_csv(tmp_path / "samples.csv", index=False)
    with refused("samples.csv", "copy", any_of("delete")):
        read_samples(tmp_path / "samples.csv")
