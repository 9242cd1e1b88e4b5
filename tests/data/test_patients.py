"""Patients and pictures: ids of one patient and files of one picture are merged, and no others."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pxr_tf import files
from pxr_tf.data.patients import add_content, add_pictures, drop_duplicates, merge_patients


def make_table(contents: str, patients: str = "", labels: str = "") -> pd.DataFrame:
    """Return a row for each letter of `contents`; without `patients`, each row has its own patient."""
    rows = range(len(contents))
    return pd.DataFrame(
        {
            "image_id": [f"{row:02}" for row in rows],
            "content": list(contents),
            "patient_id": list(patients) or [f"p{row:02}" for row in rows],
            "label": list(labels) or "viral",
            "official_split": "",
        }
    )


@pytest.mark.parametrize(
    ("contents", "twins", "pictures"),
    [
        ("abca", [], "abca"),
        ("abc", [("c", "b")], "abb"),
        ("abcd", [("d", "b"), ("c", "d")], "abbb"),  # through a third
        ("dcab", [("d", "c"), ("a", "b")], "ccaa"),  # two groups stay two, in any order
        ("ac", [("c", "other"), ("other", "a")], "aa"),  # through a content that this table does not have
        ("bc", [("c", "a")], "bc"),  # a picture is named by a content of the table
        ("b", [("x", "y")], "b"),
    ],
)
def test_linked_files_show_one_picture_named_by_the_first_content(contents, twins, pictures):
    table = make_table(contents)
    for pairs in (twins, [pair[::-1] for pair in twins], iter(twins)):
        found = add_pictures(table, pairs)
        assert "".join(found.picture) == pictures
        assert found.drop(columns="picture").equals(table)


LINKS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=8)


@settings(max_examples=60)
@given(st.text("abcdef", min_size=1, max_size=8), LINKS)
def test_pictures_are_the_groups_that_a_slow_and_obvious_method_finds(contents, twins):
    groups = [{name} for name in "abcdefgh"]
    for pair in twins:
        touched = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if not group & set(pair)] + [set().union(*touched)]
    expected = [min(group & set(contents)) for name in contents for group in groups if name in group]
    assert add_pictures(make_table(contents), twins).picture.tolist() == expected


@pytest.mark.parametrize(
    ("contents", "patients", "pictures", "merged"),
    [
        ("abc", "pqr", "", "pqr"),
        ("aab", "qpr", "", "ppr"),
        ("abc", "qpr", "aab", "ppr"),  # different bytes, one picture
        ("aab", "qpr", "abc", "qpr"),  # if pictures are known, they alone decide
        ("aab", "qpp", "", "ppp"),
        ("qrs", "pqr", "", "pqr"),  # a content with a patient's name is not that patient
    ],
)
def test_patients_who_share_a_picture_are_merged(contents, patients, pictures, merged):
    table = make_table(contents, patients)
    table = table.assign(picture=list(pictures)) if pictures else table
    assert "".join(merge_patients(table).patient_id) == merged


@pytest.mark.parametrize("same", ["content", "picture"])
def test_the_first_file_of_a_picture_is_kept_but_none_of_a_contradiction(same):
    table = make_table("aabbcd", labels="vvvnnn").rename(columns={"content": same})
    table = table.assign(**{"content" if same == "picture" else "picture": list("uvwxyz")})
    kept, dropped = drop_duplicates(table, same)
    pd.testing.assert_frame_equal(kept, table.iloc[[0, 4, 5]].reset_index(drop=True))
    pd.testing.assert_frame_equal(dropped, table.iloc[[1, 2, 3]].reset_index(drop=True))


def test_the_copy_in_the_test_part_is_kept_then_the_first_by_name():
    table = make_table("aaabbbcc").iloc[::-1].reset_index(drop=True)
    parts = dict(
        zip(
            ("00", "01", "02", "03", "04", "05", "06", "07"),
            ("", "train", "val", "", "train", "test", "", ""),
            strict=True,
        )
    )
    kept, dropped = drop_duplicates(table.assign(official_split=table.image_id.map(parts)))
    assert kept.image_id.tolist() == ["06", "05", "02"]  # in the table's order
    assert dropped.image_id.tolist() == ["07", "04", "03", "01", "00"]
    kept, _ = drop_duplicates(table[table.image_id < "02"].assign(official_split=["train", ""]))
    assert kept.image_id.tolist() == ["01"]


def test_the_stamp_of_a_file_shows_a_later_change(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    table = pd.DataFrame({"image_id": ["a", "b"], "path": [str(tmp_path / "a"), str(tmp_path / "b")]})
    assert add_content(table).stamp.tolist() == [files.stamp(tmp_path / "a"), ""]
