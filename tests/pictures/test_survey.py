"""The survey: associations with known values, planted shortcuts, and sets without shortcuts."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import any_of, assert_says, assert_tells, matching, tells
from PIL import Image
from rich.console import Console

from pxr_tf.data.manifest import make_manifest
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.data.shortcuts import associate, cramers_v, describe_properties, find_shortcuts, shortcut_warnings
from pxr_tf.pictures.survey import find_file_warnings, survey
from pxr_tf.report.data_tables import print_survey
from pxr_tf.sets.find import read_sources


def write_set(folder: Path, count: int = 12, splits=("",), sources=None, **options) -> pd.DataFrame:
    """Write `count` noisy JPEGs per class and split and return their manifest; `options` are a class's own."""
    random = np.random.default_rng(0)
    rows = []
    for label in ("normal", "viral"):
        for split in splits:
            for i in range(count):
                name = f"{label}-{split}-{i}.jpg"
                picture = random.integers(0, 255, (32, 32), np.uint8)
                settings = {"quality": 60} | options.get(label, {}) | options.get(f"{label}_{split}", {})
                image = Image.fromarray(picture).convert(settings.pop("mode", "L"))
                image.resize(settings.pop("size", image.size)).save(folder / name, **settings)
                source = (sources or {}).get(label, "clinic")
                rows.append({"image_id": name, "path": str(folder / name), "label": label, "patient_id": f"{label}{i}"})
                rows[-1] |= {"source": source, "official_split": split}
    return make_manifest(rows)


def print_to_text(found) -> str:
    console = Console(width=100, file=io.StringIO())
    print_survey(console, found)
    return console.file.getvalue()


def texts(warnings: list[RunWarning]) -> list[str]:
    return [warning.text for warning in warnings]


def test_cramers_v_of_known_tables():
    assert cramers_v(["a", "b"] * 50, ["x", "y"] * 50) == pytest.approx(1)
    assert cramers_v(["a", "a", "b", "b"] * 50, ["x", "y", "x", "y"] * 50) == 0
    assert cramers_v(["a"] * 10, ["x", "y"] * 5) == 0  # one category
    assert cramers_v([], []) == 0
    assert cramers_v(["a"], ["x"]) == 0
    assert cramers_v(list("abcd"), list("wxyz")) == 0  # every value is its own category, so nothing is known


def test_cramers_v_by_hand():
    """Bergsma's correction by hand for [[30, 10], [10, 30]]: phi2 = 0.25, less 1/79; side 2 - 1/79."""
    first = ["a"] * 40 + ["b"] * 40
    second = ["x"] * 30 + ["y"] * 10 + ["x"] * 10 + ["y"] * 30
    assert cramers_v(first, second) == pytest.approx(((0.25 - 1 / 79) / (1 - 1 / 79)) ** 0.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyzw")), max_size=60))
def test_cramers_v_is_symmetric_and_in_range(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    value = cramers_v(first, second)
    assert 0 <= value <= 1
    assert value == pytest.approx(cramers_v(second, first), abs=1e-6)


def test_a_clean_set_gets_no_warning(tmp_path):
    found = survey(write_set(tmp_path))
    assert found.warnings == []
    assert found.unreadable.empty
    assert found.duplicates == (0, 0, 0, 0, 0)
    assert_tells(print_to_text(found), any_of("no class"), any_of("source"), any_of("encoding"))


def test_a_source_with_one_class_is_reported(tmp_path):
    found = survey(write_set(tmp_path, sources={"viral": "elsewhere"}))
    assert_says(found.warnings[1].text, "viral", "source", "12 images", "elsewhere", any_of("no other class"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quality": 95}, ["bytes per pixel"]),
        ({"mode": "RGB"}, ["colour mode", "12 images", "rgb"]),
        ({"size": (48, 48)}, ["size", "12 images", "48 x 48"]),
    ],
)
def test_a_planted_shortcut_is_found(tmp_path, options, words):
    warnings = texts(survey(write_set(tmp_path, viral=options)).warnings)
    assert tells(warnings, "viral", *words)


def test_a_planted_file_format_is_found(tmp_path):
    table = write_set(tmp_path)
    for path in table.path[table.label == "viral"]:
        image = Image.open(path)
        image.load()
        image.save(path, format="PNG")
    shortcuts = survey(table).shortcuts
    assert shortcuts.query("label == 'viral' and property == 'format'").balanced_accuracy.item() == 1


def test_a_rare_class_at_one_end_of_the_scale_is_found():
    count = 1000
    sizes = pd.DataFrame(
        {"source": "s", "colour_mode": "grey", "format": "JPEG", "width": 100, "height": 100}, index=range(count)
    )
    labels = pd.Series(["rare"] * 30 + ["common"] * (count - 30))
    bytes_per_pixel = np.r_[np.linspace(0.5, 0.6, 30), np.linspace(0.1, 0.2, count - 30)]
    shortcuts = find_shortcuts(labels, describe_properties(sizes.assign(bytes_per_pixel=bytes_per_pixel)))
    assert tells(texts(shortcut_warnings(shortcuts)), "rare", "bytes per pixel")


def test_chance_in_a_small_class_is_not_a_shortcut():
    properties = pd.DataFrame({"source": ["a"] * 3 + ["b"] * 30})
    labels = pd.Series(["few"] * 3 + ["many"] * 30)
    shortcuts = find_shortcuts(labels, properties)
    assert shortcuts.balanced_accuracy.tolist() == [1, 1]
    assert [warning.label for warning in shortcut_warnings(shortcuts)] == ["many"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_independent_properties_give_no_warning(seed):
    random = np.random.default_rng(seed)
    labels = pd.Series(random.choice(list("abcd"), 200))
    properties = pd.DataFrame({"source": random.choice(list("xyz"), 200), "size": random.choice(list("12345678"), 200)})
    assert shortcut_warnings(find_shortcuts(labels, properties)) == []
    assert (associate(labels, properties).cramers_v < 0.35).all()


def test_official_parts_with_different_encodings_are_reported(tmp_path):
    table = write_set(tmp_path, splits=("train", "test"), normal_train={"quality": 95})
    warnings = texts(survey(table).warnings)
    parts = (any_of("official"), any_of("training"), any_of("test"))
    assert tells(warnings, "normal", "clinic", *parts)
    assert not tells(warnings, "viral", "clinic", any_of("official"))


def test_many_sizes_are_put_into_bins():
    random = np.random.default_rng(0)
    width = pd.Series(random.integers(200, 2000, 400)).mask(np.arange(400) < 100, 224)
    table = pd.DataFrame(
        {
            "source": "s",
            "colour_mode": "grey",
            "format": "JPEG",
            "width": width,
            "height": width,
            "bytes_per_pixel": 0.1,
        }
    )
    sizes = describe_properties(table)["size"]
    assert (sizes == "224 x 224").sum() == 100
    assert sizes.nunique() == 5
    assert sizes[200].endswith(" megapixels")


def test_rare_sizes_of_one_area_are_one_size():
    table = pd.DataFrame({"source": "s", "colour_mode": "grey", "format": "JPEG", "width": range(100, 121)})
    table = table.assign(height=1_000_000, width=table.width.where(table.index < 20, 100), bytes_per_pixel=0.1)
    assert describe_properties(table)["size"].str.endswith("000").all()  # 20 sizes stay as they are
    many = pd.DataFrame({"width": [2**i for i in range(21)], "height": [2 ** (20 - i) for i in range(21)]})
    many = many.assign(source="s", colour_mode="grey", format="JPEG", bytes_per_pixel=0.1)
    assert set(describe_properties(many)["size"]) == {"1.05 megapixels"}


def test_neighbouring_ranges_are_reported_as_one():
    """The lowest three tenths of bytes per pixel are one range, not three; the highest stays a range of its own."""
    values = pd.Series(np.arange(100) / 100)
    sizes = pd.DataFrame({"source": "s", "colour_mode": "grey", "format": "JPEG", "width": 9, "height": 9}, range(100))
    properties = describe_properties(sizes.assign(bytes_per_pixel=values))
    assert properties.encoding.nunique() == 10
    low_or_high = pd.Series(np.where((values < 0.3) | (values >= 0.9), "ends", "middle"))
    rules = find_shortcuts(low_or_high, properties).query("property == 'encoding'").set_index("label").rule
    assert rules.to_dict() == {"ends": "0 to 0.29 and 0.9 to 0.99", "middle": "0.3 to 0.89"}


def test_headers_alone_give_the_same_warnings_without_decoding(tmp_path, monkeypatch):
    table = write_set(tmp_path, splits=("train", "test"), viral={"mode": "RGB"}, normal_train={"quality": 95})
    expected = survey(table).warnings
    assert {warning.what for warning in expected} == {"shortcut", "split"}
    monkeypatch.setattr("pxr_tf.pictures.survey.load_prepared", None)
    assert find_file_warnings(table) == expected


def test_warnings_name_the_shortcut_and_survive_json(tmp_path):
    warnings = survey(write_set(tmp_path, viral={"mode": "RGB"})).warnings
    assert {(warning.what, warning.label, warning.property) for warning in warnings} >= {
        ("shortcut", "viral", "colour_mode")
    }
    assert all(0.9 <= warning.strength <= 1 for warning in warnings)
    assert [RunWarning(**json.loads(json.dumps(warning._asdict()))) for warning in warnings] == warnings


def test_files_without_a_header_give_no_warning(tmp_path):
    table = write_set(tmp_path, count=2)
    for path in table.path:
        Path(path).write_bytes(b"no picture")
    assert find_file_warnings(table) == []


def test_copies_and_unreadable_files_are_counted(tmp_path):
    table = write_set(tmp_path)
    paths = table.set_index("image_id").path
    for target, source in (("normal--1.jpg", "normal--0.jpg"), ("viral--1.jpg", "normal--0.jpg")):
        Path(paths[target]).write_bytes(Path(paths[source]).read_bytes())
    whole = Path(paths["viral--2.jpg"]).read_bytes()
    Path(paths["viral--2.jpg"]).write_bytes(whole[: len(whole) // 2])
    Path(paths["viral--3.jpg"]).unlink()
    found = survey(table)
    assert found.duplicates == (1, 2, 1, 1, 0)
    assert found.unreadable.path.tolist() == [paths["viral--2.jpg"], paths["viral--3.jpg"]]
    viral = found.groups.set_index("label").loc["viral"]
    assert (viral.images, viral.unreadable) == (12, 2)
    text = print_to_text(found)
    assert_tells(text, matching("byte-identical.* 2"), "1 group across patients", "1 group across classes")
    assert_tells(text, matching("unreadable.* 2"))


def test_a_set_may_have_unreadable_files_only(tmp_path):
    table = write_set(tmp_path, count=2)
    for path in table.path:
        Path(path).write_bytes(b"no picture")
    found = survey(table)
    assert len(found.unreadable) == 4
    assert "Unreadable files: 4." in print_to_text(found)


def test_groups_have_sizes_and_encodings(tmp_path):
    groups = survey(write_set(tmp_path, viral={"size": (64, 48)})).groups.set_index("label")
    assert groups.loc["viral", ["width_median", "width_min", "width_max", "height_max"]].tolist() == [64, 64, 64, 48]
    assert groups.loc["viral", "formats"] == "JPEG"
    assert groups.loc["viral", "modes"] == "grey"
    assert groups.loc["viral", "bytes_per_pixel_p5"] <= groups.loc["viral", "bytes_per_pixel_median"]


def test_known_views_sexes_and_ages_are_counted(tmp_path):
    table = write_set(tmp_path)
    assert "Known:" not in print_to_text(survey(table))
    table = table.assign(view="pa", age=["65", *[""] * (len(table) - 1)])
    assert "Known: view of 24, age of 1" in print_to_text(survey(table))


def test_phantoms_are_called_synthetic_and_brackets_are_printed(tmp_path):
    table = write_set(tmp_path, sources={"normal": "synthetic-x", "viral": "synthetic-x [red]"})
    text = print_to_text(survey(table))
    assert_tells(text, any_of("synthetic"))
    assert "[red]" in text
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.real
def test_real_survey(real_data):
    found = survey(read_sources([real_data / "chest_xray", real_data / "covid-chestxray-dataset"])[0])
    assert found.unreadable.empty
    assert found.duplicates == (30, 32, 1, 0, 0)
    assert found.near_duplicates == (4, 4, 4, 0, 0)  # covid-chestxray's patients 97 and 178
    (warning,) = texts(found.warnings)
    assert_says(warning, "covid19", "source", "201 images", "covid-chestxray", any_of("no other class"), "size")
    association = found.association.set_index("property").cramers_v
    assert association["source"] == pytest.approx(1, abs=0.001)
    assert association["colour_mode"] == pytest.approx(0.612, abs=0.001)
    assert all(len(line) <= 100 for line in print_to_text(found).splitlines())


@pytest.mark.real
def test_real_full_resolution_normals_have_another_encoding(real_data):
    found = survey(read_sources([real_data / "chest_xray_fullres"])[0])
    assert tells(texts(found.warnings), "normal", "bytes per pixel")
    assert found.groups.set_index("label").bytes_per_pixel_p5["normal"] > 0.2
