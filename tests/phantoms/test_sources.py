"""Phantoms of which every class comes from every source: class and source are independent, and the tables say so."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from messages import refused
from phantom_files import images_of

from pxr_tf.data.manifest import PHANTOM_FILE, is_synthetic
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.layouts import MIXED_SET
from pxr_tf.phantoms.sets import write_phantoms
from pxr_tf.phantoms.shortcuts import choose_patients, parse_shortcuts
from pxr_tf.phantoms.sources import SOURCES, source_of
from pxr_tf.pictures.given_masks import find_given
from pxr_tf.pictures.survey import survey
from pxr_tf.sets.find import read_sources

REQUEST = {"patients": dict.fromkeys(PHANTOM_CLASSES, 14), "images_per_patient": (1, 2), "size": 48, "seed": 4}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantoms") / "data"
    write_phantoms(out, **REQUEST, every_source=True)
    return out


@pytest.fixture(scope="module")
def table(written):
    return read_sources([written / MIXED_SET / "manifest.csv"])[0]


def test_half_of_the_patients_of_each_class_come_from_each_source(table):
    patients = table.drop_duplicates("patient_id")
    counts = pd.crosstab(patients.label, patients.source)
    assert list(counts.columns) == ["synthetic-hospital-a", "synthetic-hospital-b"]
    assert list(counts.index) == list(PHANTOM_CLASSES) and (counts == 7).all(axis=None)
    assert (table.groupby("patient_id").source.nunique() == 1).all() and len(table) > len(patients)


def test_the_table_is_read_as_our_own_from_the_folder_and_from_the_file(written, table):
    pd.testing.assert_frame_equal(read_sources([written / MIXED_SET])[0], table)
    assert is_synthetic(table) and not read_sources([written / MIXED_SET])[1]
    assert set(table["view"]) == {"pa", "ap"} and set(table.sex) == {"female", "male"}
    assert table.age.astype(int).between(18, 89).all()
    assert (table.groupby("patient_id")[["view", "sex", "age"]].nunique() == 1).all(axis=None)


def test_both_official_parts_have_every_class_from_every_source(table):
    parts = table.groupby("official_split")[["label", "source"]].apply(lambda rows: len(rows.drop_duplicates()))
    assert parts.to_dict() == {"test": 8, "train": 8}


def test_sources_differ_alike_in_all_classes(written, table):
    """Hospital B has flatter, coarser and smaller pictures; the ratios do not depend on the class."""
    pictures = [cv2.imread(path, cv2.IMREAD_GRAYSCALE).astype(float) for path in table.path]
    measured = table.assign(
        bytes=[Path(path).stat().st_size for path in table.path],
        spread=[picture.std() for picture in pictures],
        detail=[cv2.Laplacian(picture, cv2.CV_64F).std() for picture in pictures],
    )
    means = measured.groupby(["label", "source"])[["bytes", "spread", "detail"]].mean()
    flat, plain = (means.xs(f"synthetic-{name}", level="source") for name in ("hospital-b", "hospital-a"))
    ratios = flat / plain
    assert (ratios.max() < [0.7, 0.95, 0.7]).all()
    assert (ratios.max() / ratios.min() < 1.3).all()


def test_neither_source_nor_another_property_gives_a_class_away(table):
    found = survey(table)
    assert found.warnings == []
    accuracy = found.shortcuts.query("property == 'source'").balanced_accuracy
    assert accuracy.max() < 0.62  # the sources have equal numbers of patients, but not of images


def test_a_plain_hospital_shows_the_same_pictures_as_the_public_layouts(written, tmp_path):
    write_phantoms(tmp_path / "public", **REQUEST)
    public = images_of(tmp_path / "public", "covid19")
    mixed = sorted((written / MIXED_SET / "images").glob("covid19-*.jpeg"))
    assert len(public) == len(mixed)
    same = {int(b.stem.split("-")[1]): a.read_bytes() == b.read_bytes() for a, b in zip(public, mixed, strict=True)}
    assert same == {patient: source_of(patient) == "hospital-a" for patient in range(1, 15)}


def test_every_image_has_its_masks_and_the_set_says_how_its_sources_differ(written, table):
    names = dict(zip(table.image_id, table.path, strict=True))
    for kind in ("masks", "lesions"):
        assert len(set(find_given(names, written / kind / MIXED_SET).values())) == len(table)
    about = json.loads((written / MIXED_SET / PHANTOM_FILE).read_text(encoding="utf-8"))
    assert list(about["sources"]) == list(SOURCES)
    assert about["sources"]["hospital-b"] == SOURCES["hospital-b"]._asdict()
    assert sorted(path.name for path in written.iterdir()) == [MIXED_SET, "lesions", "masks"]


def test_a_share_of_patients_with_a_shortcut_has_both_sources():
    for seed in range(20):
        chosen = [source_of(patient) for patient in choose_patients(seed, "viral", 21, 0.4)]
        assert sorted(map(chosen.count, SOURCES)) == [4, 4]
    odd = {source_of(*choose_patients(seed, "viral", 21, 0.01)) for seed in range(20)}
    assert odd == set(SOURCES)


def test_a_shortcut_is_planted_in_both_sources(tmp_path):
    request = {"patients": {"viral": 4}, "images_per_patient": (1, 1), "size": 48, "every_source": True}
    write_phantoms(tmp_path / "plain", **request)
    write_phantoms(tmp_path / "marked", **request, shortcuts=parse_shortcuts("viral:marker"))
    for image in sorted((tmp_path / "plain" / MIXED_SET / "images").iterdir()):
        pair = [
            cv2.imread(str(tmp_path / name / MIXED_SET / "images" / image.name), cv2.IMREAD_GRAYSCALE).astype(int)
            for name in ("plain", "marked")
        ]
        change = np.abs(pair[1] - pair[0])
        assert change[:12, :12].max() > 80 and change[24:].max() == 0


def test_a_class_of_fewer_patients_than_sources_is_refused(tmp_path):
    with refused("1 patient", "viral", "2 sources", "2 or more"):
        write_phantoms(tmp_path / "out", patients={"viral": 1, "normal": 2}, every_source=True)
    assert list(tmp_path.iterdir()) == []
    write_phantoms(tmp_path / "out", patients={"viral": 0, "normal": 2}, size=32, every_source=True)
