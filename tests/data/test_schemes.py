"""Schemes: what holds for every table, the papers' protocols, and each fault refused in one line."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import LEAKS, NOTHING, UNKNOWN, any_of, matching, nearest, refused
from split_tables import LABELS, make_table, sides_per_patient

from pxr_tf.data import schemes
from pxr_tf.data.choose import choose_number, choose_share
from pxr_tf.data.leaks import find_leaks
from pxr_tf.data.schemes import check_again, find_scheme, make_splits
from pxr_tf.data.splits import TEST_ROLES, check_splits, patients_per_class, unused_rows
from pxr_tf.files import digest

patients = st.lists(st.integers(1, 7), min_size=10, max_size=25)
classes = st.fixed_dictionaries(dict.fromkeys(LABELS, patients))
plain_tables = st.builds(make_table, classes)
official_tables = st.builds(
    lambda train, val, test: pd.concat(
        [make_table(train, official="train"), make_table(val, official="val"), make_table(test, official="test")]
    ).reset_index(drop=True),
    classes,
    classes,
    classes,
)
amounts = st.sampled_from([0.1, 0.2, 0.4, 12, 20])
OFFICIAL = pd.concat(
    [make_table(dict.fromkeys(LABELS, [1, 2, 3] * 4), official=part) for part in ("train", "test")], ignore_index=True
)
RANDOM = {"test": 0.2, "validation": 0.1, "unit": "patient"}


def count(table: pd.DataFrame, splits: pd.DataFrame, what: str = "patient_id") -> pd.Series:
    """Return how many patients (or images) of each label are in train, val and test."""
    rows = splits.assign(role=splits.role.str[:4]).merge(table, on="image_id")
    return rows.groupby(["label", "role"])[what].nunique()


@settings(max_examples=25)
@given(official_tables, amounts, st.integers(0, 9))
def test_the_official_test_part_is_tested_and_every_class_is_on_every_side(table, validation, seed):
    splits = make_splits(table, "official", seed=seed, validation=validation)
    assert set(splits.fold) == {"official"}
    assert (sides_per_patient(table, splits) == 1).all()
    tested = splits.image_id[splits.role.isin(TEST_ROLES)]
    assert sorted(tested) == sorted(table.image_id[table.official_split == "test"])
    assert len(splits) == len(table)
    assert len(count(table, splits)) == len(LABELS) * 3
    assert (splits[splits.role == "test_balanced"].merge(table, on="image_id").label.value_counts().nunique()) == 1


@settings(max_examples=25)
@given(plain_tables, amounts, st.sampled_from(["patient", "image"]), st.integers(0, 9))
def test_random_parts_have_every_class_and_patients_are_divided_only_on_request(table, validation, unit, seed):
    splits = make_splits(table, "random", seed=seed, test=0.2, validation=validation, unit=unit)
    assert sorted(splits.image_id) == sorted(table.image_id)
    assert len(count(table, splits)) == len(LABELS) * 3
    if unit == "patient":
        assert (sides_per_patient(table, splits) == 1).all()
        assert find_leaks(table.assign(picture=table.image_id), splits).leaked_images.tolist() == [0]


@settings(max_examples=25)
@given(plain_tables, st.sampled_from(["patient", "image"]), st.sampled_from([0.1, 0.3]))
def test_random_shares_are_as_requested(table, unit, validation):
    splits = make_splits(table, "random", seed=0, test=0.2, validation=validation, unit=unit)
    what = "patient_id" if unit == "patient" else "image_id"
    counts = count(table, splits, what).unstack()
    total = table.groupby("label")[what].nunique()
    assert ((counts.test - 0.2 * total).abs() <= 1).all()
    assert ((counts.val - validation * total).abs() <= 1.5).all()  # rounded after the test share was rounded


@pytest.mark.parametrize("share", [0.05, 0.15, 0.4])
def test_a_share_of_each_classs_patients_validates_at_least_one(share):
    splits = make_splits(OFFICIAL, "official", seed=0, validation=share)
    assert (count(OFFICIAL, splits)[:, "val"] == max(1, round(12 * share))).all()


@settings(max_examples=50)
@given(plain_tables, st.integers(6, 60), st.integers(0, 9))
def test_a_number_is_met_as_nearly_as_whole_patients_allow(table, number, seed):
    table = table.sort_values("image_id", ignore_index=True)
    number = min(number, len(table) // 2)
    chosen = table[table.patient_id.isin(choose_number(table, number, seed=seed, purpose="x"))]
    sizes = table.groupby("patient_id").size()
    assert abs(len(chosen) - number) < sizes.max()
    wanted = number * table.label.value_counts() / len(table)
    off = (chosen.label.value_counts() - wanted).abs()
    assert (off <= sizes.max() + 1).all()  # each class in proportion
    assert set(chosen.label) == set(LABELS)


def test_if_patients_have_one_image_a_number_is_met_exactly():
    table = make_table({"bacterial": [1] * 50, "covid19": [1] * 10, "normal": [1] * 40}, official="train")
    table = pd.concat([table, make_table({label: [1] for label in LABELS}, official="test")])
    splits = make_splits(table, "official", seed=0, validation=20)
    assert count(table, splits)[:, "val"].to_dict() == {"bacterial": 10, "covid19": 2, "normal": 8}


@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        ("official", {"validation": 0.2}),
        ("official", {"validation": 9}),
        ("random", RANDOM),
        ("random", RANDOM | {"unit": "image"}),
    ],
)
def test_the_seed_decides_and_the_order_of_rows_does_not(scheme, options):
    splits = make_splits(OFFICIAL, scheme, seed=3, **options)
    shuffled = OFFICIAL.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(make_splits(shuffled, scheme, seed=3, **options), splits)
    assert not make_splits(OFFICIAL, scheme, seed=4, **options).equals(splits)
    check_again(OFFICIAL, splits, scheme, **options)


def test_without_validation_nobody_validates():
    assert set(make_splits(OFFICIAL, "official", seed=0, validation=0).role) == {"train", *TEST_ROLES}
    assert set(make_splits(OFFICIAL, "random", seed=0, **RANDOM | {"validation": 0}).role) == {"train", *TEST_ROLES}


FIVE = {"folds": 5, "holdout_fraction": None, "nested_fraction": None}


@pytest.mark.parametrize(
    ("scheme", "options", "fold"),
    [
        ("official", {"validation": 0}, "official"),
        ("random", RANDOM | {"validation": 0}, "random"),
        ("folds", FIVE, "0"),
        ("folds", FIVE | {"holdout_fraction": 0.15}, "holdout"),
        ("folds", FIVE | {"nested_fraction": 0.1}, "0"),
    ],
)
def test_a_fold_that_stops_early_needs_validation_rows_of_every_class(scheme, options, fold):
    splits = make_splits(OFFICIAL, scheme, seed=0, **options)
    without = splits[(splits.fold != fold) | (splits.role != "val")]
    facts = [matching(f"fold {fold}"), "validation", "bacterial", matching(r"\d+ patients"), "--epochs"]
    with refused(*facts):
        check_again(OFFICIAL, without, scheme, stops_early=True, **options)
    if len(without) < len(splits):
        check_again(OFFICIAL, splits, scheme, stops_early=True, **options)
    else:  # nobody asked for validation
        check_again(OFFICIAL, splits, scheme, **options)
        with refused(*facts):
            make_splits(OFFICIAL, scheme, seed=0, stops_early=True, **options)


def test_rows_without_a_part_and_training_images_of_tested_patients_are_in_no_fold():
    unmarked = make_table({"normal": [2]})
    table = pd.concat([OFFICIAL, unmarked], ignore_index=True)
    table.loc[table.image_id == "covid19/train2-0", "patient_id"] = "covid19 test0"
    splits = make_splits(table, "official", seed=0, validation=0.2)
    assert sorted(unused_rows(table, splits).image_id) == ["covid19/train2-0", "normal/0-0", "normal/0-1"]


def test_leaks_of_splits_by_image_are_counted_and_of_splits_by_patient_refused():
    splits = make_splits(OFFICIAL, "random", seed=0, **RANDOM | {"unit": "image"})
    (leaks,) = find_leaks(OFFICIAL.assign(picture=OFFICIAL.image_id), splits).itertuples()
    sides = sides_per_patient(OFFICIAL, splits.assign(role=splits.role.replace("val", "train")))
    assert leaks.patients == (sides == 2).sum() > 0
    check_again(OFFICIAL, splits, "random", **RANDOM | {"unit": "image"})
    with refused(LEAKS, any_of("patient"), "fold random"):
        check_again(OFFICIAL, splits, "random", **RANDOM)


def test_a_planted_leak_is_refused_only_with_the_unit_patient():
    splits = make_splits(OFFICIAL, "random", seed=0, **RANDOM)
    image = OFFICIAL.image_id[OFFICIAL.patient_id.duplicated(keep=False)].iloc[0]
    moved = splits.assign(role=splits.role.mask(splits.image_id == image, "val"))
    moved.loc[moved.image_id == image.replace("-0", "-1"), "role"] = "test"
    with refused("splits.csv", LEAKS):
        check_splits(OFFICIAL, moved, scheme="random", unit="patient")
    check_splits(OFFICIAL, moved, scheme="random", unit="image")
    assert find_leaks(OFFICIAL.assign(picture=OFFICIAL.image_id), moved).patients.tolist() == [1]


def test_a_patient_of_two_classes_is_chosen_once():
    table = make_table({"covid19": [1, 1, 1], "normal": [1] * 6}, shared=1).sort_values("image_id")
    for seed in range(5):
        chosen = choose_share(table, 0.5, seed=seed, purpose="x")
        owners = table.drop_duplicates("patient_id").set_index("patient_id").label[list(chosen)].value_counts()
        assert owners.to_dict() == {"covid19": 2, "normal": 3}


def test_options_of_other_schemes_are_ignored_but_unknown_options_are_not():
    options = RANDOM | {"folds": 3, "holdout_fraction": None, "nested_fraction": None}
    table = OFFICIAL.assign(source=OFFICIAL.official_split)
    made = {name: make_splits(table, name, seed=0, **options) for name in schemes.SCHEMES}
    assert {name: sorted(set(splits.fold)) for name, splits in made.items()} == {
        "folds": ["0", "1", "2"],
        "official": ["official"],
        "random": ["random"],
        "by_source": ["test", "train"],
    }
    for name, splits in made.items():
        check_again(OFFICIAL, splits, name, **options)
    with pytest.raises(TypeError, match="fold_count"):
        make_splits(OFFICIAL, "random", seed=0, fold_count=3, **RANDOM)


# A run that is split again must get the same rows in every version.
GOLDEN = {
    ("official", 0.2, "patient"): "1634fa9bd91fe39b",
    ("official", 9, "patient"): "c25171285a09dda8",
    ("random", 0.1, "patient"): "f373255947e215f6",
    ("random", 9, "patient"): "7baddc8b3b91f1ef",
    ("random", 0.1, "image"): "8605730b579072d4",
}


@pytest.mark.parametrize(("scheme", "validation", "unit"), GOLDEN)
def test_rows_get_the_same_roles_in_every_version(scheme, validation, unit):
    options = {"unit": "image"} if unit == "image" else {}  # patients are split by default
    splits = make_splits(OFFICIAL, scheme, seed=7, test=0.25, validation=validation, **options)
    assert digest(splits.to_csv(index=False, lineterminator="\n")) == GOLDEN[scheme, validation, unit]


def test_a_share_of_validation_is_of_all_patients_and_a_number_is_a_number():
    """40 patients: 10 test, 4 (a tenth of the 40, not of the 30 that are left) or 7 validate."""
    table = make_table({"a": [1] * 40, "b": [1] * 80})
    for validation, of_a, of_b in ((0.1, 4, 8), (21, 7, 14)):
        sizes = count(table, make_splits(table, "random", seed=0, test=0.25, validation=validation, unit="patient"))
        assert (sizes["a", "test"], sizes["a", "val"], sizes["b", "test"], sizes["b", "val"]) == (10, of_a, 20, of_b)


def test_one_is_a_number_of_images_and_each_class_gives_one():
    table = make_table({"a": [1] * 10, "b": [1] * 30})
    sizes = count(table, make_splits(table, "random", seed=0, test=0.8, validation=1))
    assert sizes[:, "val"].to_dict() == {"a": 1, "b": 1}


def test_splits_from_a_file_are_checked_as_their_scheme_promises():
    options = {"folds": 3, "holdout_fraction": None, "nested_fraction": None, "validation": 0.2}
    folds, official = (make_splits(OFFICIAL, scheme, seed=0, **options) for scheme in ("folds", "official"))
    with refused(any_of("tested", "tests"), any_of("one fold")):  # only this scheme requires it
        check_again(OFFICIAL, folds.drop(folds.index[folds.role.isin(TEST_ROLES)][0]), "folds", **options)
    check_again(OFFICIAL, official, "official", **options)
    by_patient = official.set_index("image_id").role
    leaky = official.assign(
        role=official.role.mask(official.image_id == by_patient.index[by_patient == "val"][0], "train")
    )
    with refused("splits.csv", LEAKS):
        check_again(OFFICIAL, leaky, "official", **options | {"unit": "image"})  # an option of the scheme random
    with refused(UNKNOWN, "'fold'"):
        check_again(OFFICIAL, folds, "fold", **options)


def test_a_scheme_knows_its_own_options(monkeypatch):
    assert schemes.options_of("random") == ["test", "validation", "unit"]
    schemes.check_own_options("random", {"test": 0.2, "unit": "image"})
    with refused("'tets'", "'random'", "test, validation, unit", nearest("'test'")):
        schemes.check_own_options("random", {"test": 0.2, "tets": 0.2})
    monkeypatch.setitem(schemes.SCHEMES, "plain", lambda table, *, seed: table)
    with refused("'plain'", any_of("no options", "no option")):
        schemes.check_own_options("plain", {"test": 0.2})


@pytest.mark.parametrize(
    ("fraction", "patients", "accepted"),
    [(0.15, 3, True), (0.15, 2, False), (0.3, 6, True), (0.4, 4, False), (0.25, 5, True)],
)
def test_a_hold_out_takes_twice_its_fraction_and_leaves_patients_to_train(fraction, patients, accepted):
    """In every class, round(fraction * patients), at least one, validate and as many test; all others train."""
    table = make_table({"small": [2] * patients, "large": [1, 3] * 10})
    if not accepted:
        with refused("small", f"{patients} patients", any_of("few")):
            schemes.assign_holdout(table, fraction, seed=0)
        return
    rows = schemes.assign_holdout(table, fraction, seed=0).merge(table, on="image_id")
    number = max(1, round(fraction * patients))
    watched = rows[rows.role != "train"]
    assert watched.groupby(["label", "role"]).patient_id.nunique().tolist() == [number] * 4
    assert len(watched) == watched.patient_id.nunique() == 4 * number
    trained = set(rows.patient_id[rows.role == "train"])
    assert trained == set(table.patient_id) - set(watched.patient_id)


def test_a_patient_of_two_classes_is_in_one_part_of_the_hold_out():
    table = make_table({"a": [1] * 3, "b": [1] * 4}, shared=8)
    for seed in range(4):
        rows = schemes.assign_holdout(table, 0.2, seed).merge(table, on="image_id")
        assert (rows.groupby("patient_id").role.nunique() == 1).all()


def test_a_class_that_is_in_no_part_is_refused():
    table = pd.concat([OFFICIAL, make_table({"rare": [1, 1, 1]}, official="val")], ignore_index=True)
    with refused("rare", "3 patients", "test"):
        make_splits(table, "official", seed=0, validation=0.2)
    kept = table[table.label != "rare"]
    assert set(make_splits(kept, "official", seed=0, validation=0.2).role) == {"train", "val", *TEST_ROLES}


def test_a_scheme_is_one_function_and_one_line(monkeypatch):
    def split_by_source(table: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        roles = table.official_split.where(table.official_split == "train", "test")
        return schemes.as_rows("all", dict(zip(table.image_id, roles, strict=True)))

    monkeypatch.setitem(schemes.SCHEMES, "source", split_by_source)
    assert set(make_splits(OFFICIAL, "source", seed=0, **RANDOM).role) == {"train", "test"}


def test_folds_that_never_test_an_image_are_refused_from_any_scheme(monkeypatch):
    def without_last(table: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        made = schemes.split_folds(table, seed=seed, folds=2, holdout_fraction=None, nested_fraction=None)
        return made[~((made.image_id == table.image_id.iloc[-1]) & made.role.isin(TEST_ROLES))]

    monkeypatch.setitem(schemes.SCHEMES, "folds", without_last)
    with refused(any_of("tests", "tested"), any_of("0 folds", "no fold")):
        make_splits(OFFICIAL, "folds", seed=0)


SINGLE = pd.concat([OFFICIAL, make_table({"rare": [3]}, official="train"), make_table({"rare": [1]}, official="test")])
UNTESTED = pd.concat([OFFICIAL, make_table({"rare": [3, 1]}, official="train")])
UNMARKED = pd.concat([OFFICIAL, make_table({"rare": [3, 1]})])


@pytest.mark.parametrize(
    ("table", "scheme", "options", "facts"),
    [
        (OFFICIAL, "oficial", {}, [UNKNOWN, "'oficial'", "folds, official, random", nearest("'official'")]),
        (make_table({"normal": [1] * 9}), "official", {"validation": 0.1}, ["test", "SCHEME=folds"]),
        (SINGLE, "official", {"validation": 0.1}, ["splits.validation", "0.1", "rare", "validation"]),
        (SINGLE, "official", {"validation": 9}, ["splits.validation", "9", "rare", "validation"]),
        (UNTESTED, "official", {"validation": 0.1}, ["rare", "2 patients", "test"]),
        (UNMARKED, "official", {"validation": 0.1}, ["rare", "2 patients", "training"]),
        (OFFICIAL, "official", {"validation": 72}, ["splits.validation", matching("72 .*72"), "images"]),
        (OFFICIAL, "official", {"validation": -1}, ["splits.validation", "-1", "share"]),
        (OFFICIAL, "official", {"validation": 1.5}, ["splits.validation", "1.5", "share"]),
        (OFFICIAL, "random", RANDOM | {"test": 0.95}, ["splits.test", "0.95", "splits.validation", "0.1", NOTHING]),
        (OFFICIAL, "random", RANDOM | {"test": 0}, ["splits.test", "0", "splits.validation", "0.1"]),
        (OFFICIAL, "random", RANDOM | {"test": 1, "validation": 5}, ["splits.test", "1", "splits.validation", "5"]),
        (OFFICIAL, "random", RANDOM | {"test": 1.5, "validation": 5}, ["splits.test", "1.5"]),
        (
            OFFICIAL,
            "random",
            RANDOM | {"test": 0.5, "validation": 0.5},
            ["splits.test", matching(r"0\.5.*0\.5"), "splits.validation"],
        ),
        (OFFICIAL, "random", RANDOM | {"validation": 1.5}, ["splits.validation", "1.5", "share"]),
        (make_table({"rare": [9, 9], "normal": [1] * 9}), "random", RANDOM, ["rare", "2 patients", "validation"]),
        (make_table({"rare": [9], "normal": [1] * 9}), "random", RANDOM, ["rare", "1 patient", "test"]),
    ],
)
def test_what_cannot_be_split_is_refused_in_one_line(table, scheme, options, facts):
    with refused(*facts):
        make_splits(table, scheme, seed=0, **options)


def test_a_single_patient_is_enough_for_a_split_by_image():
    table = make_table({"rare": [9], "normal": [1] * 9})
    splits = make_splits(table, "random", seed=0, **RANDOM | {"unit": "image"})
    assert len(count(table, splits)) == 6
    assert patients_per_class(table)["rare"] == 1


def of_sources(**classes: str) -> pd.DataFrame:
    """Return images of sources named by a letter: each class comes from the sources in its text."""
    tables = []
    for source in sorted(set("".join(classes.values()))):
        table = make_table({label: [1, 2, 1] for label, sources in classes.items() if source in sources})
        names = {name: source + "/" + table[name] for name in ("image_id", "patient_id")}
        tables.append(table.assign(source=source, **names))
    return pd.concat(tables, ignore_index=True)


def test_a_source_is_held_out_if_the_others_have_every_class():
    table = of_sources(normal="abc", viral="ab")
    splits = make_splits(table, "by_source", seed=0, validation=0)
    assert list(dict.fromkeys(splits.fold)) == ["a", "b", "c"]
    for fold, rows in splits.merge(table, on="image_id").groupby("fold"):
        tested = rows.role.isin(TEST_ROLES)
        assert set(rows.source[tested]) == {fold}
        assert fold not in set(rows.source[~tested])
        assert set(rows.label[~tested]) == {"normal", "viral"}


def test_a_source_that_alone_has_a_class_only_trains():
    table = of_sources(normal="ab", covid19="b")
    assert set(make_splits(table, "by_source", seed=0, validation=0).fold) == {"a"}


def test_a_patient_of_two_sources_never_trains_the_models_that_test_him():
    table = of_sources(normal="ab", viral="ab")
    patient = table.patient_id[0]
    table.loc[table.source == "b", "patient_id"] = table.patient_id.where(table.index % 3 > 0, patient)
    splits = make_splits(table, "by_source", seed=0, validation=0).merge(table, on="image_id")
    assert set(splits.role[(splits.patient_id == patient) & (splits.fold == "a")].str[:4]) == {"test"}


def test_classes_and_sources_that_coincide_cannot_be_held_out():
    with refused("by_source", matching("without b, no image of covid19"), "Add a data set"):
        make_splits(of_sources(normal="a", covid19="b"), "by_source", seed=0, validation=0)


def test_the_schemes_are_known():
    assert list(schemes.SCHEMES) == ["folds", "official", "random", "by_source"]
    assert find_scheme("random") is schemes.split_random
