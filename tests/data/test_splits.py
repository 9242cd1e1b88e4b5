"""Splits by patient: what holds for every table, the paper's sizes, and each planted fault."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import LEAKS, MISSING, TWICE, any_of, matching, refused
from split_tables import LABELS, make_table, sides_per_patient

from pxr_tf.data.schemes import make_splits
from pxr_tf.data.splits import (
    HOLDOUT,
    TEST_ROLES,
    balanced_rows,
    check_splits,
    fold_names,
    patients_per_class,
    read_splits,
    rows_of,
    unused_rows,
    without_tests,
)
from pxr_tf.files import digest, write_csv
from pxr_tf.seeds import order_by_hash


def split(table: pd.DataFrame, *, folds: int = 3, seed: int = 0, nested: float | None = None) -> pd.DataFrame:
    return make_splits(table, "folds", folds=folds, seed=seed, holdout_fraction=0.15, nested_fraction=nested)


patients = st.lists(st.integers(1, 7), min_size=8, max_size=14)
tables = st.builds(make_table, st.fixed_dictionaries(dict.fromkeys(LABELS, patients)), st.integers(0, 2))
SMALL = make_table({"bacterial": [3, 1, 2, 5, 1, 1, 4, 2], "covid19": [1, 2, 6, 1, 1, 3], "normal": [1] * 9}, shared=1)


@settings(max_examples=15)
@given(tables, st.integers(2, 4), st.integers(0, 9), st.sampled_from([None, 0.2]))
def test_no_patient_is_on_two_sides_and_every_image_is_tested_once(table, folds, seed, nested):
    splits = split(table, folds=folds, seed=seed, nested=nested)
    assert (sides_per_patient(table, splits) == 1).all()
    tested = splits[(splits.fold != HOLDOUT) & splits.role.isin(TEST_ROLES)]
    assert sorted(tested.image_id) == sorted(table.image_id)
    assert fold_names(splits) == [str(fold) for fold in range(folds)]
    for fold in fold_names(splits):  # every image is somewhere in every fold
        assert rows_of(splits, fold, "train", "val", *TEST_ROLES) == sorted(table.image_id)


# From before schemes existed: a run that was split then must get the same folds today.
GOLDEN = {
    (None, None): "d95075e526191bea",
    (None, 0.15): "dcab11e352129e6d",
    (0.2, None): "037f2c6e44dc5d67",
    (0.2, 0.15): "c00d4f2240a2d596",
}


@pytest.mark.parametrize(("nested", "holdout"), GOLDEN)
def test_folds_are_the_same_bytes_in_every_version(nested, holdout):
    splits = make_splits(SMALL, "folds", folds=3, seed=7, holdout_fraction=holdout, nested_fraction=nested)
    assert digest(splits.to_csv(index=False, lineterminator="\n")) == GOLDEN[nested, holdout]


@settings(max_examples=25)
@given(tables, st.integers(0, 9))
def test_balanced_rows_are_equal_in_number_and_one_per_patient_if_possible(table, seed):
    chosen = table[table.image_id.isin(balanced_rows(table, seed))]
    smallest = patients_per_class(table).min()
    assert (chosen.label.value_counts() == smallest).all()
    assert not chosen.duplicated(["label", "patient_id"]).any()


def test_the_hold_out_has_the_papers_sizes():
    """137 COVID-19 patients, 15 %: 21 images of as many patients validate and 21 test, per class."""
    random = np.random.default_rng(0)
    sizes = {"bacterial": 200, "covid19": 137, "normal": 180, "viral": 160}
    table = make_table({label: random.integers(1, 4, count).tolist() for label, count in sizes.items()})
    splits = split(table, folds=5)
    holdout = splits[splits.fold == HOLDOUT].merge(table, on="image_id")
    watched = holdout[holdout.role != "train"]
    assert (watched.groupby(["label", "role"]).size() == 21).all()
    assert set(watched.role) == {"val", "test_balanced"}
    assert not watched.duplicated("patient_id").any()
    unused = table[~table.image_id.isin(holdout.image_id)]
    assert set(unused.patient_id) <= set(watched.patient_id)  # only the other images of these patients


def test_each_balanced_test_has_one_image_per_covid_patient_of_the_fold():
    table = make_table({"bacterial": [2] * 40, "covid19": [3] * 15, "normal": [1] * 30})
    rows = split(table, folds=5).query("role == 'test_balanced' and fold != 'holdout'").merge(table, on="image_id")
    assert (rows.groupby(["fold", "label"]).size() == 3).all()
    assert rows[rows.label == "covid19"].patient_id.nunique() == 15


@pytest.mark.parametrize("nested", [None, 0.2])
def test_the_seed_decides_and_the_order_of_rows_does_not(nested):
    splits = split(SMALL, seed=3, nested=nested)
    shuffled = SMALL.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(split(shuffled, seed=3, nested=nested), splits)
    other = split(SMALL, seed=4, nested=nested)
    for fold in (HOLDOUT, *fold_names(splits)):
        assert rows_of(other, fold, *TEST_ROLES) != rows_of(splits, fold, *TEST_ROLES)


def test_a_new_image_does_not_change_the_order_of_the_others():
    names = [f"image {i}" for i in range(20)]
    longer = order_by_hash([*names, "new"], 0, "cap")
    assert [name for name in longer if name != "new"] == order_by_hash(names, 0, "cap")
    assert order_by_hash(names, 0, "cap") != order_by_hash(names, 0, "image")


@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_nested_validation_takes_a_share_of_each_classs_training_patients(fraction):
    table = make_table({label: [1, 2] * 20 for label in LABELS})
    splits = split(table, folds=4, nested=fraction).merge(table, on="image_id")
    folds = splits[splits.fold != HOLDOUT]
    counts = folds[folds.role == "val"].groupby(["fold", "label"]).patient_id.nunique()
    assert (counts == round(30 * fraction)).all()
    assert len(counts) == 12
    assert "val" not in set(split(table, folds=4).query("fold != 'holdout'").role)


@pytest.mark.parametrize("others", [[1] * 12, [1, 1, 1]], ids=["one class", "every class"])
def test_a_nested_validation_part_without_some_class_is_refused(others):
    """Three patients in two folds: one fold has a single training patient, who cannot validate as well."""
    table = make_table({"covid19": [1, 1, 1], "normal": others})
    with refused(FOLD, "validation", any_of("covid19", "normal"), "3 patients", "--epochs"):
        split(table, folds=2, nested=0.1)


def test_a_class_of_two_training_patients_is_enough_for_nested_validation():
    table = make_table({"covid19": [1, 1, 1, 1], "normal": [1] * 12})
    splits = make_splits(table, "folds", folds=2, seed=0, holdout_fraction=None, nested_fraction=0.1, stops_early=True)
    counts = splits.merge(table, on="image_id").groupby(["fold", "role", "label"]).patient_id.nunique()
    assert (counts[:, "val"] == 1).all() and len(counts[:, "val"]) == 4
    assert counts[:, "train", "covid19"].tolist() == [1, 1]


def test_splits_are_the_same_after_a_round_trip_through_the_file(tmp_path):
    splits = split(SMALL)
    write_csv(tmp_path / "splits.csv", splits)
    assert read_splits(tmp_path / "splits.csv").equals(splits.astype("str"))
    check_splits(SMALL, read_splits(tmp_path / "splits.csv"))


def test_ids_and_folds_that_look_like_something_else_are_read_as_text(tmp_path):
    table = pd.DataFrame([("007", "0", "train"), ("NA", "10", "test")], columns=["image_id", "fold", "role"])
    write_csv(tmp_path / "splits.csv", table)
    read = read_splits(tmp_path / "splits.csv")
    assert read.values.tolist() == table.values.tolist()
    assert rows_of(read, 10, "test") == rows_of(read, "10", "test") == ["NA"]
    write_csv(tmp_path / "splits.csv", table[:1])
    assert read_splits(tmp_path / "splits.csv").values.tolist() == [["007", "0", "train"]]


def test_rows_in_no_fold_are_found():
    splits = split(SMALL).query("image_id != 'normal/0-0'")
    pd.testing.assert_frame_equal(
        unused_rows(SMALL, splits), SMALL[SMALL.image_id == "normal/0-0"].reset_index(drop=True)
    )
    assert unused_rows(SMALL, split(SMALL)).empty


def test_folds_are_in_order_with_numbers_by_size():
    splits = pd.DataFrame({"fold": ["random", "official", "10", HOLDOUT, "0", "2"], "image_id": "", "role": "test"})
    assert fold_names(splits) == ["0", "2", "10", "official", "random"]


FOLD = matching(r"fold \d")


def plant(splits: pd.DataFrame, fault: str) -> pd.DataFrame:
    """Return the splits of `SMALL` with one fault about a patient of four images."""
    of_patient, image = splits.image_id.str.startswith("bacterial/6-"), splits.image_id == "bacterial/6-1"
    tested = image & (splits.fold != HOLDOUT) & splits.role.isin(TEST_ROLES)
    trains = (splits.fold != HOLDOUT) & (splits.role == "train")
    elsewhere = trains & (splits.fold == splits.fold[image & trains].iloc[0])
    return {
        "patient in train and test": splits.assign(role=splits.role.mask(tested, "train")),
        "patient in train and val": splits.assign(role=splits.role.mask(image & elsewhere, "val")),
        "image twice": pd.concat([splits, splits[image & elsewhere]]),
        "image untested": splits[~tested],
        "image tested twice": splits.assign(role=splits.role.mask(of_patient & elsewhere, "test")),
        "unknown image": pd.concat([splits, splits[tested].assign(image_id="unknown.png")]),
        "fold without training": splits[~(trains & (splits.fold == "0"))],
        "class not validated": splits.assign(role=splits.role.mask(of_patient & elsewhere, "val")),
    }[fault]


@pytest.mark.parametrize(
    ("fault", "facts"),
    [
        ("patient in train and test", [LEAKS, "patient bacterial 6", "train", "test", FOLD]),
        ("patient in train and val", [LEAKS, "patient bacterial 6", "train", "val", FOLD]),
        ("image twice", ["bacterial/6-1", TWICE, FOLD]),
        ("image untested", ["bacterial/6-1", any_of("0 folds", "no fold")]),
        ("image tested twice", ["bacterial/6-0", "2 folds", "3 more"]),
        ("unknown image", ["1", MISSING, "unknown.png"]),
        ("fold without training", [any_of("fold 0"), "training", "bacterial", "fewer folds"]),
        ("class not validated", [FOLD, "validation", "covid19"]),
    ],
)
def test_a_planted_fault_is_caught_and_named(fault, facts):
    splits = split(SMALL)
    check_splits(SMALL, splits)
    with refused(*facts):
        check_splits(SMALL, plant(splits, fault))


SPLIT = [
    ("a1", "train"),
    ("a2", "train"),
    ("b1", "train"),
    ("b2", "val"),
    ("a3", "val"),
    ("a4", "test"),
    ("b3", "test"),
]
OWNERS = pd.DataFrame(
    [(image, image[0], f"p{image}") for image, _ in SPLIT], columns=["image_id", "label", "patient_id"]
)


def one_fold(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame([(image, "f", role) for image, role in rows], columns=["image_id", "fold", "role"])


@pytest.mark.parametrize(
    ("owners", "roles", "options", "facts"),
    [
        ({}, {}, {"scheme": "random"}, []),
        ({}, {}, {}, ["a1", any_of("0 folds", "no fold"), "4 more"]),  # the scheme folds tests every image
        ({"a2": "pa1"}, {}, {"scheme": "random"}, []),  # two images of a patient, both in training
        ({"a3": "pa4"}, {}, {"scheme": "random"}, [LEAKS, "pa4", "val", "test", "fold f", any_of("delete")]),
        ({"a4": "pa1"}, {}, {"scheme": "random"}, [LEAKS, "pa1", "train", "test", "fold f"]),
        ({"a4": "pa1", "b2": "pb1"}, {}, {"scheme": "random"}, [LEAKS, "pa1", "train", "test", "fold f"]),
        ({"a4": "pa1"}, {}, {"scheme": "random", "unit": "image"}, []),  # as in papers; `find_leaks` counts them
        ({}, {"a4": "test_balanced"}, {"scheme": "random"}, []),
        ({"a3": "pa4"}, {"a3": "test", "a4": "test_balanced"}, {"scheme": "random"}, ["validation", "class a"]),
        ({"a3": "pa4"}, {"a2": "val", "a3": "test", "a4": "test_balanced"}, {"scheme": "random"}, []),  # one side
        (
            {},
            {"b3": "val"},
            {"scheme": "random"},
            ["test", "class b", any_of("add data", "add images", "more data"), "shares"],
        ),
        ({}, {"b1": "val"}, {"scheme": "random"}, ["training", "class b"]),
        ({}, {"b2": "train"}, {"scheme": "random"}, ["validation", "class b"]),
        ({"b2": "pb1"}, {"b2": "train"}, {"scheme": "random"}, ["validation", "class b"]),  # its only patient
        ({}, {"a3": "train", "b2": "train"}, {"scheme": "random"}, []),  # nobody validates, so no class is missing
        ({}, {"a4": "val", "b3": "val"}, {"scheme": "random", "tests": False}, []),  # in tuning nobody tests
        ({}, {"a4": "val", "b3": "val"}, {"scheme": "random"}, ["test", "class a"]),
        ({}, {"a4": "val"}, {"scheme": "random", "tests": False}, ["b3", "tuning", "test"]),
        ({}, {"b3": "train", "a4": "train", "b2": "train"}, {"scheme": "random", "tests": False}, ["validation"]),
    ],
)
def test_what_other_schemes_allow_and_refuse(owners, roles, options, facts):
    table = OWNERS.assign(patient_id=[owners.get(image, f"p{image}") for image in OWNERS.image_id])
    splits = one_fold(*((image, roles.get(image, role)) for image, role in SPLIT))
    if not facts:
        check_splits(table, splits, **options)
        return
    with refused(*facts):
        check_splits(table, splits, **options)


def test_without_tests_only_training_and_validation_rows_stay():
    unused = pd.DataFrame([("x", "a", "px")], columns=OWNERS.columns)
    table, splits = without_tests(pd.concat([OWNERS, unused]), one_fold(*SPLIT, ("a5", "test_balanced")))
    assert list(zip(splits.image_id, splits.role, strict=True)) == SPLIT[:5]
    assert table.image_id.tolist() == splits.image_id.tolist()


@pytest.mark.parametrize(
    ("splits", "facts"),
    [
        (pd.concat([one_fold(*SPLIT), one_fold(*SPLIT).assign(fold="g")]), ["test", "fold", any_of("train")]),
        (one_fold(*(row for row in SPLIT if row[1] != "val")), [any_of("fold f"), "validation"]),
    ],
)
def test_without_tests_there_must_be_one_fold_that_validates(splits, facts):
    with refused(*facts):
        without_tests(OWNERS, splits)


def test_an_image_with_two_roles_in_a_fold_is_refused_even_in_a_split_by_image():
    splits = pd.concat([one_fold(*SPLIT), one_fold(("a1", "test"))])
    with refused("a1", TWICE, "fold f"):
        check_splits(OWNERS, splits, scheme="random", unit="image")


def test_each_fold_is_checked_on_its_own():
    """A patient may train in one fold and test in another; both in one fold is a leak, even in the second fold."""
    folds = pd.concat([one_fold(*SPLIT).assign(fold=fold) for fold in "01"], ignore_index=True)
    exchanged = folds.assign(
        role=folds.role.where(folds.fold == "0", folds.role.replace({"val": "test", "test": "val"}))
    )
    check_splits(OWNERS, exchanged, scheme="random")
    table = OWNERS.assign(patient_id=OWNERS.patient_id.replace("pa2", "pa1"))
    moved = folds.assign(role=folds.role.mask((folds.fold == "1") & (folds.image_id == "a2"), "test"))
    check_splits(table, folds, scheme="random")
    with refused("pa1", "train", "test", "fold 1"):
        check_splits(table, moved, scheme="random")


def test_the_first_of_two_leaks_is_named_with_its_own_fold_and_sides():
    table = OWNERS.assign(patient_id=OWNERS.patient_id.replace({"pa4": "pa1", "pb2": "pa2"}))
    rows = [("a1", "0", "train"), ("a2", "1", "val"), ("a4", "0", "test"), ("b2", "1", "train")]
    splits = pd.DataFrame(rows, columns=["image_id", "fold", "role"])
    with refused("pa1", "train", "test", "fold 0"):
        check_splits(table, splits, scheme="random")


def test_the_balanced_test_takes_the_same_rows_in_every_version():
    """One per patient, by hash: a run that is split again must count the same images."""
    table = make_table({"a": [3, 2, 3, 4, 2], "b": [3, 3]})
    chosen = sorted(balanced_rows(table, seed=1))
    assert chosen == ["a/2-2", "a/3-0", "b/0-0", "b/1-0"]
    assert balanced_rows(table.sample(frac=1, random_state=0), seed=1) == set(chosen)
    assert balanced_rows(table, seed=2) != set(chosen)


@pytest.mark.parametrize(
    ("table", "facts"),
    [
        (make_table({"covid19": [9, 9], "normal": [1] * 9}), ["covid19", "2 patients", "3 folds", "FOLDS=2"]),
        (make_table({"covid19": [9], "normal": [1] * 9}), ["covid19", matching("1 patients?"), "3 folds"]),
        (make_table({"covid19": [1], "normal": [1]}, shared=2), [matching("(test|training) image|too few")]),
    ],
)
def test_too_few_patients_are_refused_in_one_line(table, facts):
    with refused(*facts):
        split(table)


@pytest.mark.parametrize(("fraction", "accepted"), [(0.15, True), (0.49, False)])
def test_a_class_too_small_for_the_hold_out_is_refused(fraction, accepted):
    """Four patients: one validates, one tests and two train; with 0.49, two and two would leave none."""
    table = make_table({"covid19": [2] * 4, "normal": [1] * 9})
    if accepted:
        assert len(make_splits(table, "folds", folds=2, seed=0, holdout_fraction=fraction, nested_fraction=None))
        return
    with refused("covid19", "4 patients", "2", "validation", "holdout_fraction"):
        make_splits(table, "folds", folds=2, seed=0, holdout_fraction=fraction, nested_fraction=None)


def test_an_unknown_role_is_refused():
    table = make_table(dict.fromkeys(LABELS, [1] * 20))
    splits = split(table)
    splits.loc[splits.role == "train", "role"] = "trian"
    with refused("'trian'", "train, val, test, test_balanced"):
        check_splits(table, splits)
