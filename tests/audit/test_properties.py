"""The check ``properties`` names what is planted, accuses no other class, and does not take a source for a class."""

import numpy as np
import pandas as pd
import pytest

from pxr_tf.audit.describe import PICTURE_PROPERTIES
from pxr_tf.audit.gather import material_of_data
from pxr_tf.audit.properties import check_properties, compare, compare_classes, measure_properties
from pxr_tf.executors.inline import Inline
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import write_phantoms

PATIENTS = 16


def critical(folder, shortcut: str = "") -> set[str]:
    write_phantoms(
        folder / "phantoms",
        patients=dict.fromkeys(PHANTOM_CLASSES, PATIENTS),
        images_per_patient=(1, 1),
        size=64,
        seed=100,
        every_source=True,
        shortcuts={"covid19": frozenset([shortcut])} if shortcut else None,
    )
    material = material_of_data([folder / "phantoms" / "every-source"], folder / "cache", Inline())
    return {finding.subject for finding in check_properties(material).findings if finding.grade == "critical"}


def test_clean_phantoms_of_two_hospitals_have_no_critical_finding(tmp_path):
    assert critical(tmp_path) == set()


@pytest.mark.parametrize(
    ("shortcut", "name"),
    [("marker", "marker"), ("quality", "encoding"), ("border", "border"), ("polarity", "polarity")],
)
def test_a_planted_shortcut_is_named_and_no_other_class_is_accused(tmp_path, shortcut, name):
    found = critical(tmp_path, shortcut)
    assert f"covid19, {name}" in found
    assert {subject.partition(",")[0] for subject in found} == {"covid19"}


def made_table(**sources: str) -> pd.DataFrame:
    """Return 30 images of each class; those of a class alternate between the sources in its text."""
    rows = [(label, text[number % len(text)]) for label, text in sources.items() for number in range(30)]
    return pd.DataFrame(rows, columns=["label", "source"]).assign(patient_id=range(len(rows)))


def test_only_the_class_that_has_the_property_is_told():
    table = made_table(a="x", b="x", c="x")
    values = np.where(table.label == "c", 10.0, 0) + np.random.default_rng(0).normal(size=len(table))
    rows = {name: (without, low) for name, without, _, _, _, low, *_ in compare_classes(pd.Series(values), table)}
    assert rows["c"] == ("", 1)
    assert rows["b"][0] == "c"
    assert rows["b"][1] < 0.6
    assert "a" not in rows  # of the last two classes, one stands for both


def test_a_difference_between_sources_is_not_one_between_classes():
    table = made_table(a="xxxxy", b="xyyyy")
    values = np.where(table.source == "y", 10.0, 0) + np.random.default_rng(0).normal(size=len(table))
    assert compare(values, table, "b")[2] < 0.65
    assert compare(values, table.assign(source="one"), "b")[2] > 0.75


def test_classes_that_share_no_source_are_compared_as_they_are():
    table = made_table(a="x", b="y")
    values = np.where(table.label == "b", 10.0, 0) + np.random.default_rng(0).normal(size=len(table))
    assert compare(values, table, "b")[2:4] == (1, 1)


def test_a_file_that_cannot_be_read_has_no_properties(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert measure_properties([str(tmp_path / "broken.png")]).isna().all().all()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_empty_picture_has_finite_properties(grey):
    picture = np.full((40, 50), grey, np.uint8)
    assert all(np.isfinite(measure(picture)) for measure in PICTURE_PROPERTIES.values())
