"""The check `population`: a test part from elsewhere is found by the brightness of its pictures."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from audited import change_pictures, make_material
from scipy.stats import kurtosis, skew

from pxr_tf.audit.brightness import PERCENTILES, describe_brightness
from pxr_tf.audit.population import check_population, find_parts


@pytest.fixture
def material(tmp_path):
    """60 patients of each class, every third in the test part."""
    material = make_material(tmp_path, patients={"normal": 60, "viral": 60})
    numbers = pd.factorize(material.table.patient_id)[0]
    return replace(material, table=material.table.assign(official_split=np.where(numbers % 3 == 0, "test", "train")))


def grades(checked):
    return {finding.subject: finding.grade for finding in checked.findings}


def test_parts_of_one_population_pass(material):
    found = check_population(material)
    assert grades(found) == {"normal": "passed", "viral": "passed"}
    assert (found.tables["population"].low < 0.6).all()


def test_a_test_part_of_other_contrast_is_named_for_its_class_alone(material):
    changed = (material.table.label == "normal") & (material.table.official_split == "test")
    found = check_population(change_pictures(material, changed, lambda picture: (picture * 0.8).astype(np.uint8)))
    assert grades(found) == {"normal": "critical", "viral": "passed"}
    (finding,) = [finding for finding in found.findings if finding.subject == "normal"]
    assert finding.low > 0.75
    assert finding.remedy


def test_without_two_parts_there_is_nothing_to_compare(material):
    found = check_population(replace(material, table=material.table.assign(official_split="")))
    assert [finding.grade for finding in found.findings] == ["note"]
    assert found.tables == {}


def test_a_class_with_few_patients_in_a_part_is_a_note(material):
    few = material.table.patient_id.isin(material.table.patient_id[material.table.label == "viral"].unique()[:9])
    table = material.table.assign(official_split=np.where(few, "test", "train"))
    table.loc[table.label == "normal", "official_split"] = material.table.official_split[table.label == "normal"]
    assert grades(check_population(replace(material, table=table))) == {"normal": "passed", "viral": "note"}


class OneSplit:
    folds = ("official",)
    splits = pd.DataFrame(
        {"image_id": list("abcd"), "fold": "official", "role": ["train", "val", "test", "test_balanced"]}
    )


def test_roles_of_a_single_split_are_the_parts(material):
    table = pd.DataFrame({"image_id": list("abcde"), "official_split": "train"})
    assert list(find_parts(replace(material, table=table, run=OneSplit()))) == ["train", "", "test", "test", ""]
    assert list(find_parts(replace(material, table=table))) == ["train"] * 5


def test_brightness_has_24_figures_like_those_of_numpy_and_scipy():
    pictures = np.random.default_rng(0).gamma(2, 30, (4, 40, 40)).clip(0, 255).astype(np.uint8)
    pictures[3] = 17
    found, greys = describe_brightness(pictures), pictures.reshape(4, -1).astype(float)
    assert found.shape == (4, 24)
    assert np.isfinite(found).all().all()
    for p in PERCENTILES:
        expected = np.percentile(greys, p, axis=1, method="inverted_cdf")
        np.testing.assert_array_equal(found[f"percentile_{p}"], expected)
    np.testing.assert_allclose(found["mean"], greys.mean(1))
    np.testing.assert_allclose(found["sd"], greys.std(1), atol=1e-9)
    np.testing.assert_allclose(found["skew"][:3], skew(greys[:3], 1))
    np.testing.assert_allclose(found["kurtosis"][:3], kurtosis(greys[:3], 1, fisher=False))
    assert found["change_across"][3] == 0
