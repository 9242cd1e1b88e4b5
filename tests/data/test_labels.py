"""Classes: merging, keeping, and the reason for the order of the steps."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages import any_of, nearest, refused

from pxr_tf.data.labels import keep_classes, merge_labels
from pxr_tf.data.patients import drop_duplicates, merge_patients


def make_table(*labels: str) -> pd.DataFrame:
    return pd.DataFrame({"label": labels, "image_id": [f"{number:02}" for number in range(len(labels))]})


TABLE = make_table("bacterial", "viral", "normal", "covid19", "viral")


def test_labels_become_one_class_and_the_others_stay():
    merged = merge_labels(TABLE, {"pneumonia": ["bacterial", "viral"]})
    assert merged.label.tolist() == ["pneumonia", "pneumonia", "normal", "covid19", "pneumonia"]
    assert TABLE.label[0] == "bacterial"
    assert merge_labels(TABLE, {}).equals(TABLE)
    assert merge_labels(TABLE, {"viral": ["viral", "covid19"]}).label.tolist()[3] == "viral"  # keeps its name


@given(st.lists(st.sampled_from("abcd"), min_size=1), st.sets(st.sampled_from("abcd"), min_size=1))
def test_no_row_is_lost_and_no_other_label_changes(labels, parts):
    parts &= set(labels)
    table = make_table(*labels)
    merged = merge_labels(table, {"merged": sorted(parts)})
    assert (merged.label == "merged").equals(table.label.isin(parts))
    assert merged.label[~table.label.isin(parts)].equals(table.label[~table.label.isin(parts)])


@pytest.mark.parametrize(
    ("merge", "facts"),
    [
        ({"pneumonia": ["bacterial", "virall"]}, ["pneumonia", "'virall'", nearest("'viral'")]),
        ({"a": ["viral", "bacterial"], "b": ["viral"]}, ["viral", "a", "b"]),
        ({"normal": ["viral"]}, ["normal", any_of("merged")]),
        ({"a": ["viral"], "viral": ["normal"]}, ["viral", "normal", any_of("merged")]),
    ],
)
def test_an_ambiguous_merge_is_refused(merge, facts):
    with refused(*facts):
        merge_labels(TABLE, merge)


@pytest.mark.parametrize(
    ("classes", "advice"),
    [
        (["normal", "pneumonia"], "CLASSES=normal,pneumonia=bacterial+covid19+viral"),
        (["bacterial", "covid19", "normal", "viral", "flu"], "DATA=a,b"),  # nothing is left to merge
        (["normal", "ill", "worse"], "DATA=a,b"),
    ],
)
def test_a_class_without_images_may_be_merged_from_others(classes, advice):
    lacking = [name for name in classes if name not in set(TABLE.label)]
    with refused(any_of("no image", "no images"), lacking[0], advice) as caught:
        keep_classes(TABLE, classes)
    merged = any(f"{name}=" in str(caught.value) for name in lacking)
    assert merged == ("CLASSES=" in advice)  # no advice to merge if no label is left


@pytest.mark.parametrize(
    ("classes", "merge", "advice"),
    [
        (("bacterial", "flu", "normal", "viral"), {}, "CLASSES=normal,bacterial,viral"),
        (("flu", "ill", "normal"), {"ill": ["bacterial", "viral"]}, "CLASSES=normal,ill=bacterial+viral"),
    ],
)
def test_the_classes_that_have_images_are_offered(classes, merge, advice):
    with refused("flu", advice):
        keep_classes(merge_labels(TABLE, merge), classes, merge)


def test_a_single_class_is_not_offered():
    with refused("flu", "cold") as caught:
        keep_classes(TABLE, ["normal", "flu", "cold"])
    assert "CLASSES=normal." not in str(caught.value)


def test_the_steps_use_images_that_are_left_out_and_accept_labels_of_one_class():
    """Patients p and q share a picture of a class that is left out; bacterial and viral copies are both pneumonia."""
    table = make_table("bacterial", "viral", "sars", "sars", "normal").assign(
        patient_id=["p", "q", "p", "q", "r"], content=["1", "1", "2", "2", "3"], official_split=""
    )
    table = merge_labels(merge_patients(table), {"pneumonia": ["bacterial", "viral"]})
    kept, left_out = keep_classes(table, ["pneumonia", "normal"])
    kept, dropped = drop_duplicates(kept)
    assert (len(kept), len(dropped), len(left_out)) == (2, 1, 2)
    assert kept.patient_id.tolist() == ["p", "r"]
