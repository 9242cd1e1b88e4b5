"""The manifest: validation, content, patients who share a picture, copies, classes."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import MISSING, NOTHING, TWICE, any_of, refused

from pxr_tf.data.labels import keep_classes
from pxr_tf.data.manifest import MANIFEST_COLUMNS, is_synthetic, make_manifest, read_manifest, validate_manifest
from pxr_tf.data.patients import add_content, drop_duplicates, merge_patients
from pxr_tf.files import write_csv


def make_rows(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Return a manifest from (patient, label, content) triples."""
    table = make_manifest(
        {
            "image_id": f"s/{i:03}",
            "path": f"/{i}",
            "label": label,
            "patient_id": patient,
            "source": "s",
            "official_split": "",
        }
        for i, (patient, label, _) in enumerate(rows)
    )
    return table.assign(content=[content for *_, content in rows])


def test_rows_are_sorted_and_text():
    table = make_manifest(
        [
            dict.fromkeys(MANIFEST_COLUMNS, "b") | {"official_split": None},
            dict.fromkeys(MANIFEST_COLUMNS, "a") | {"patient_id": 7},
        ]
    )
    assert table.image_id.tolist() == ["a", "b"]
    assert table.patient_id.tolist() == ["7", "b"]
    assert table.official_split.tolist() == ["a", ""]
    assert tuple(table.columns) == MANIFEST_COLUMNS


def test_an_optional_column_is_there_only_if_an_image_has_a_value_in_it():
    rows = [dict.fromkeys(MANIFEST_COLUMNS, name) for name in "ab"]
    table = make_manifest([rows[0] | {"view": "pa", "sex": "", "age": ""}, rows[1]])
    assert tuple(table.columns) == (*MANIFEST_COLUMNS, "view")
    assert table.view.tolist() == ["pa", ""]


def test_faults_are_refused():
    table = make_rows(("p", "viral", "x"))
    with refused("label", MISSING):
        validate_manifest(table.drop(columns="label"))
    with refused("Row 0", "patient_id", NOTHING):
        validate_manifest(table.assign(patient_id=""))
    with refused("1", "image", TWICE):
        validate_manifest(pd.concat([table, table]))


def test_content_is_the_digest_of_the_bytes_and_unreadable_files_never_share_it(tmp_path):
    for name, data in (("a", b"same"), ("b", b"same"), ("c", b"other"), ("d", b""), ("e", b"")):
        (tmp_path / name).write_bytes(data)
    rows = [
        {
            "image_id": name,
            "path": str(tmp_path / name),
            "label": "x",
            "patient_id": name,
            "source": "s",
            "official_split": "",
        }
        for name in "abcdefg"  # f and g do not exist
    ]
    content = add_content(make_manifest(rows)).content
    assert content[0] == content[1] != content[2]
    assert len(content[0]) == 32
    assert content[3:].is_unique
    assert content[3:].str.startswith("unreadable:").all()


def test_patients_who_share_a_picture_are_merged_even_through_a_third():
    table = make_rows(("c", "v", "1"), ("b", "v", "1"), ("b", "v", "2"), ("a", "v", "2"), ("d", "v", "3"))
    assert merge_patients(table).patient_id.tolist() == ["a", "a", "a", "a", "d"]


PAIRS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("12345678")), min_size=1, max_size=24)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_merged_patients_never_share_content_and_only_grow(pairs):
    table = make_rows(*[(patient, "v", content) for patient, content in pairs])
    merged = merge_patients(table)
    assert (merged.groupby("content").patient_id.nunique() == 1).all()
    assert (merged.groupby(table.patient_id).patient_id.nunique() == 1).all()  # a patient is never divided
    assert merged.drop(columns="patient_id").equals(table.drop(columns="patient_id"))
    for name, group in merged.groupby("patient_id"):
        assert name == table.patient_id[group.index].min()


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_merging_does_not_depend_on_the_order_of_rows_and_is_final(pairs, random):
    table = make_rows(*[(patient, "v", content) for patient, content in pairs])
    shuffled = table.iloc[random.sample(range(len(table)), len(table))]
    merged = merge_patients(table)
    assert merge_patients(shuffled).sort_index().equals(merged)
    assert merge_patients(merged).equals(merged)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_only_shared_pictures_merge_patients(pairs):
    """Compare with a slow, obvious method: merge two groups as long as they share a content."""
    groups = [{patient} for patient in {patient for patient, _ in pairs}]
    for content in {content for _, content in pairs}:
        owners = {patient for patient, other in pairs if other == content}
        touched = [group for group in groups if group & owners]
        groups = [group for group in groups if not group & owners] + [set().union(*touched)]
    table = make_rows(*[(patient, "v", content) for patient, content in pairs])
    assert merge_patients(table).patient_id.nunique() == len(groups)


def test_the_first_copy_is_kept_and_contradictions_are_all_dropped():
    table = make_rows(("a", "v", "1"), ("a", "v", "1"), ("b", "v", "2"), ("b", "n", "2"), ("c", "n", "3"))
    kept, dropped = drop_duplicates(table)
    assert kept.image_id.tolist() == ["s/000", "s/004"]
    assert dropped.image_id.tolist() == ["s/001", "s/002", "s/003"]
    assert kept.index.tolist() == [0, 1]


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_no_content_occurs_twice_and_no_row_is_lost(pairs):
    table = make_rows(*[(patient, "v", content) for patient, content in pairs])
    kept, dropped = drop_duplicates(table)
    assert kept.content.is_unique
    assert sorted([*kept.image_id, *dropped.image_id]) == table.image_id.tolist()
    assert set(kept.content) == set(table.content)


def test_classes_are_kept_and_a_missing_class_is_refused():
    table = make_rows(("a", "viral", "1"), ("b", "normal", "2"), ("c", "viral", "3"))
    kept, left_out = keep_classes(table, ["viral"])
    assert (kept.label.tolist(), left_out.label.tolist()) == (["viral", "viral"], ["normal"])
    with refused("covid19", "viral (2)", "normal (1)"):
        keep_classes(table, ["viral", "covid19"])
    with refused("viral", "none"):
        keep_classes(table[:0], ["viral"])


TEXT = st.text("aé7\r\n\t ,;\"'", min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(names=st.lists(TEXT, min_size=1, max_size=20, unique=True))
def test_what_is_written_is_read_back(names, tmp_path_factory):
    rows = [
        dict.fromkeys(MANIFEST_COLUMNS, name) | {"patient_id": "007", "label": "NA", "official_split": ""}
        for name in names
    ]
    file = tmp_path_factory.getbasetemp() / "manifest.csv"
    table = make_manifest(rows).assign(content="0f")
    write_csv(file, table)
    pd.testing.assert_frame_equal(read_manifest(file), table)


def test_text_that_is_not_utf8_is_refused():
    with refused("a\\udce9.png", "UTF-8", any_of("rename")):
        make_manifest([dict.fromkeys(MANIFEST_COLUMNS, "a") | {"path": "a\udce9.png"}])


def test_phantoms_are_recognised_by_their_source():
    table = make_rows(("a", "viral", "1"), ("b", "normal", "3"))
    assert not is_synthetic(table)
    assert is_synthetic(table.assign(source="synthetic-s"))
