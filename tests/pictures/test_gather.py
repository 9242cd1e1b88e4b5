"""Gather an experiment's images from data sets: patients who share pictures are merged, copies dropped and counted."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_says, matching, refused, tells
from tiny import CLASSES, RUN_DEPTH, Never, run_here, tiny_experiment

from pxr_tf import rundir
from pxr_tf.data.splits import assign_patient_folds
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.gather import choose_images, compare_images, decode_images, gather_images
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.survey import survey
from pxr_tf.sets.find import read_sources

THREE = ("bacterial", "normal", "viral")
RADIOGRAPHY = {"normal": "Normal", "viral": "Viral Pneumonia", "covid19": "COVID"}
MEANING = {"normal": "NORMAL", "bacterial": "PNEUMONIA", "viral": "PNEUMONIA"}


def write_picture(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
    return path


def write_chest(folder: Path, patient: int, label: str, image: int = 0) -> Path:
    """Write a phantom of 128 pixels under a name as in Kermany's set."""
    kind = {"bacterial": "bacteria", "viral": "virus"}.get(label)
    name = f"person{patient}_{kind}_{patient}{image}" if kind else f"IM-{patient:04d}-{image + 1:04d}"
    return write_picture(
        folder / "train" / MEANING[label] / f"{name}.jpeg", draw_phantom(patient, image, label, 128).image
    )


def write_copy(folder: Path, of: Path, label: str, number: int) -> Path:
    """Write a re-encoded copy of a file at another size, under a name as in the Radiography database."""
    image = cv2.resize(cv2.imread(str(of), cv2.IMREAD_GRAYSCALE), (299, 299), interpolation=cv2.INTER_LINEAR)
    return write_picture(folder / RADIOGRAPHY[label] / f"{RADIOGRAPHY[label]}-{number}.png", image)


@pytest.fixture(scope="module")
def two_sets(tmp_path_factory):
    """Return two sets: in Kermany's layout, and in Radiography's with copies of three pictures among others."""
    folder = tmp_path_factory.mktemp("sets")
    kermany, radiography = folder / "chest_xray", folder / "radiography"
    chests = {(label, patient): write_chest(kermany, patient, label) for label in THREE for patient in range(1, 6)}
    write_chest(kermany, 1, "normal", image=1)
    copied = [("normal", 1), ("normal", 4), ("viral", 2)]
    for number, (label, patient) in enumerate(copied, start=1):
        write_copy(radiography, chests[label, patient], label, number)
    others = [(3, 1, "normal"), (20, 0, "normal"), (2, 0, "covid19")]  # another day, another patient, another disease
    for number, (patient, image, disease) in enumerate(others, start=11):
        chest = draw_phantom(patient, image, disease, 299).image
        write_picture(radiography / "Normal" / f"Normal-{number}.png", chest)
    write_picture(radiography / "COVID" / "COVID-1.png", draw_phantom(1, 0, "covid19", 299).image)
    return kermany, radiography


def choose(data, tmp_path, *, classes=THREE, merge=None, duplicates="drop") -> tuple[pd.DataFrame, list[str]]:
    notes: list[str] = []
    table = gather_images(data, classes, merge or {}, notes.append).table
    table = compare_images(table, tmp_path / "cache", lambda done, total: None, lambda holder: None)
    return choose_images(table, classes, merge or {}, duplicates, notes.append), notes


def test_re_encoded_copies_are_dropped_and_other_pictures_stay(two_sets, tmp_path):
    table, notes = choose(two_sets, tmp_path)
    assert sorted(table.image_id[table.source == "radiography"]) == [
        f"radiography/Normal/Normal-{number}.png" for number in (11, 12, 13)
    ]
    assert (table.source == "kermany").sum() == 16
    copies = ("0 exact", "3 near-identical", "kermany and radiography", "3 pictures")
    assert_says(notes[-1], "19 images", "18 patients", any_of("dropped"), *copies)


@pytest.mark.parametrize("duplicates", ["exact", "keep"])
def test_kept_copies_belong_to_one_patient(two_sets, tmp_path, duplicates):
    table, notes = choose(two_sets, tmp_path, duplicates=duplicates)
    assert len(table) == 22 and tells(notes[-1:], any_of("kept"), "3 near-identical")
    patients = table.set_index("image_id").patient_id
    assert patients["radiography/Normal/Normal-1.png"] == patients["kermany/train/NORMAL/IM-0001-0002.jpeg"]
    assert table.patient_id.nunique() == 18


def test_exact_copies_are_dropped_or_kept_as_requested(two_sets, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(two_sets[0], again / "chest_xray")
    write_chest(again / "chest_xray", 1, "viral").rename(again / "chest_xray/train/PNEUMONIA/person9_virus_1.jpeg")
    shutil.copy(two_sets[0] / "train/PNEUMONIA/person1_virus_10.jpeg", again / "chest_xray/train/PNEUMONIA")
    for duplicates, count in (("drop", 16), ("exact", 16), ("keep", 17)):
        table, notes = choose([again / "chest_xray"], tmp_path, duplicates=duplicates)
        assert len(table) == count
        assert_says(notes[-1], any_of("dropped" if count == 16 else "kept"), "1 exact")
        assert table.patient_id.nunique() == 15


def test_patients_are_merged_over_a_picture_of_a_class_that_is_left_out(two_sets, tmp_path):
    """Two patients share a viral picture. Their normal pictures must stay together without any viral picture."""
    kermany, own = two_sets[0], tmp_path / "own"
    viral = cv2.imread(str(kermany / "train/PNEUMONIA/person2_virus_20.jpeg"), cv2.IMREAD_GRAYSCALE)
    write_picture(own / "viral.png", cv2.resize(viral, (200, 200)))
    write_picture(own / "normal.png", draw_phantom(30, 0, "normal", 128).image)
    (own / "manifest.csv").write_text("path,label,patient_id\nviral.png,viral,p\nnormal.png,normal,p\n")
    table, notes = choose([kermany, own], tmp_path, classes=("bacterial", "normal"))
    assert tells(notes, any_of("left out"), "viral (6)")
    assert table.patient_id[table.source == "own"].tolist() == ["kermany/virus-person2"]


def test_near_identical_copies_with_two_labels_are_all_dropped_and_reported(two_sets, tmp_path):
    kermany, own = two_sets[0], tmp_path / "own"
    viral = cv2.imread(str(kermany / "train/PNEUMONIA/person2_virus_20.jpeg"), cv2.IMREAD_GRAYSCALE)
    write_picture(own / "x.png", cv2.resize(viral, (200, 200)))
    (own / "manifest.csv").write_text("path,label\nx.png,bacterial\n")
    table, notes = choose([kermany, own], tmp_path)
    assert len(table) == 15
    assert_says(notes[-1], "1 picture", any_of("label"), any_of("copies"), any_of("dropped"))
    merged, _ = choose([kermany, own], tmp_path, classes=("normal", "ill"), merge={"ill": ["bacterial", "viral"]})
    assert len(merged) == 16  # one class now: one copy stays


def test_two_labels_are_seen_over_exact_and_near_copies_together(tmp_path):
    """The same bytes are normal and viral, and a resized copy is normal. Nobody knows which label is right."""
    image = draw_phantom(7, 0, "normal", 128).image
    for name in ("normal/z", "viral/same_bytes"):
        write_picture(tmp_path / "own" / f"{name}.png", image)
    write_picture(tmp_path / "own" / "normal" / "resized.png", cv2.resize(image, (200, 200)))
    for label, patient in (("normal", 1), ("viral", 2)):
        write_picture(tmp_path / "own" / label / "other.png", draw_phantom(patient, 0, label, 128).image)
    for duplicates, count, fate in (("drop", 2, "dropped"), ("exact", 3, "the same"), ("keep", 5, "kept")):
        table, notes = choose([tmp_path / "own"], tmp_path, classes=("normal", "viral"), duplicates=duplicates)
        assert len(table) == count
        assert_says(notes[-1], "1 picture", any_of("label"), any_of("copies"), fate)
    assert survey(read_sources([tmp_path / "own"])[0]).near_duplicates == (1, 1, 1, 1, 0)


def test_the_test_image_is_kept_of_copies_in_two_official_parts(tmp_path):
    """A test part must not shrink because training images happen to come first by name."""
    for patient in range(6):
        image = draw_phantom(patient, 0, "normal", 128).image
        write_picture(tmp_path / "own" / "test" / "normal" / f"z{patient}.png", image)
        size = 128 if patient < 3 else 200  # exact copies, and others
        write_picture(tmp_path / "own" / "train" / "normal" / f"a{patient}.png", cv2.resize(image, (size, size)))
    write_picture(tmp_path / "own" / "train" / "viral" / "a.png", draw_phantom(9, 0, "viral", 128).image)
    table, _ = choose([tmp_path / "own"], tmp_path, classes=("normal", "viral"))
    assert table.official_split.value_counts().to_dict() == {"test": 6, "train": 1}


def test_a_file_that_could_not_be_compared_is_not_used(two_sets, tmp_path):
    """It could not be read for a moment, so it may be a copy of any other image."""
    table, _ = choose(two_sets, tmp_path)
    table.loc[0, "compared"] = False
    with refused("1 image", any_of("copies"), any_of("same command", "run again")):
        decode_images(
            table, Preparation(32, "squash"), tmp_path, skip_unreadable=True, on_progress=print, on_wait=print
        )


def test_unreadable_pictures_do_not_count_as_copies(two_sets, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    for name in ("a", "b"):
        (own / f"{name}.png").write_text(f"no picture {name}")
    (own / "manifest.csv").write_text("path,label\na.png,viral\nb.png,viral\n")
    table, _ = choose([two_sets[0], own], tmp_path)
    assert (table.source == "own").sum() == 2
    assert table.patient_id.nunique() == 17


def test_thumbnails_are_made_once_for_all(two_sets, tmp_path):
    counts: list[tuple[int, int]] = []
    table = gather_images(two_sets, THREE, {}, lambda text: None).table
    for _ in range(2):
        compare_images(table, tmp_path, lambda done, total: counts.append((done, total)), lambda holder: None)
    assert counts == [(23, 23)]


def test_the_identity_of_data_does_not_depend_on_views_sexes_or_ages(tmp_path):
    write_picture(tmp_path / "a.png", np.zeros((8, 8), np.uint8))
    identities = set()
    for header, values in (("", ""), (",view,sex,age", ",PA,F,65"), (",view,sex,age", ",AP,M,")):
        (tmp_path / "manifest.csv").write_text(f"path,label{header}\na.png,viral{values}\n")
        identities.add(gather_images([tmp_path], ("viral",), {}, print).identity)
    assert len(identities) == 1


def test_a_missing_class_is_reported_before_any_file_is_decoded(two_sets):
    with refused(any_of("no image", "no images"), matching("covid")):
        gather_images(two_sets[:1], CLASSES, {}, lambda text: None)


def test_a_run_is_not_continued_with_other_copies_or_without_its_recipe(own_copy, phantoms):
    runs = own_copy.parents[RUN_DEPTH - 1]
    with refused("duplicates", "drop", "exact"):
        run_here(tiny_experiment(duplicates="exact"), phantoms, runs, executor=Never())
    (own_copy / rundir.EXPERIMENT).unlink()
    with refused(matching("fold-0/predictions.csv"), "experiment.yaml"):
        run_here(tiny_experiment(), phantoms, runs, executor=Never())


@pytest.fixture(scope="module")
def radiography_of_kermany(real_data, tmp_path_factory):
    """Return a set in Radiography's layout, and its files that are Kermany's, re-encoded as PNG of 299 pixels.

    The others are adults' X-rays, phantoms, and 20 pictures that are nearly copies: ten phantoms on another day and ten
    with another disease than phantoms in the set.
    """
    folder, copies = tmp_path_factory.mktemp("radiography"), []

    def put(label: str, image: np.ndarray) -> str:
        number = sum(1 for _ in (folder / label).glob("*")) + 1
        return f"radiography/{write_picture(folder / label / f'{label}-{number}.png', image).relative_to(folder)}"

    for name in ("NORMAL", "PNEUMONIA"):
        files = sorted((real_data / "chest_xray" / "train" / name).glob("*.jpeg"))
        chosen = [file for file in files if name == "NORMAL" or "virus" in file.name][::5]
        for file in chosen:
            image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            copies.append(put("Normal" if name == "NORMAL" else "Viral Pneumonia", cv2.resize(image, (299, 299))))
    for file in sorted((real_data / "lungs" / "images").iterdir()):
        put("Normal", cv2.imread(str(file), cv2.IMREAD_GRAYSCALE))
    for patient in range(60):
        put("Normal", draw_phantom(patient, 0, "normal", 299).image)
    for patient in range(10):
        put("Normal", draw_phantom(patient, 1, "normal", 299).image)
        put("Viral Pneumonia", draw_phantom(patient, 0, "viral", 299).image)
    return folder, copies


@pytest.mark.real
def test_every_copy_of_kermanys_in_another_set_is_found_and_nothing_else(real_data, radiography_of_kermany, tmp_path):
    folder, copies = radiography_of_kermany
    table, notes = choose([real_data / "chest_xray", folder], tmp_path)
    here = {f"radiography/{file.relative_to(folder)}" for file in folder.rglob("*.png")}
    assert len(copies) == 538 and len(here) == 538 + 72 + 60 + 20
    assert here - set(table.image_id) == set(copies)
    assert_says(notes[-1], "kermany and radiography", f"{len(copies)} pictures")
    alone = table[table.source == "radiography"]
    assert alone.patient_id.str.startswith("radiography/").all() and alone.patient_id.is_unique


@pytest.mark.real
def test_a_patient_with_two_numbers_is_in_one_fold(real_data, tmp_path):
    data = [real_data / "chest_xray", real_data / "covid-chestxray-dataset"]
    table, _ = choose(data, tmp_path, classes=CLASSES, duplicates="exact")
    hers = table[table.patient_id == "covid-chestxray/178"]
    assert hers.picture.duplicated().sum() == 4
    assert not (table.patient_id == "covid-chestxray/97").any()
    assert len(table) == 6009 and len(choose(data, tmp_path, classes=CLASSES)[0]) == 6005
    assert assign_patient_folds(table, 5, 0)[hers.index].nunique() == 1
