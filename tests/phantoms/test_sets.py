"""Phantom data sets: classes as a radiologist would describe them, public layouts, no shortcut."""

import csv
import json
import re

import cv2
import numpy as np
import pytest
from messages import UNKNOWN, any_of, assert_says, refused
from phantom_files import files_of, images_of
from PIL import Image

from pxr_tf.data.manifest import PHANTOM_FILE
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.layouts import seed_of_patient
from pxr_tf.phantoms.sets import draw_phantom, write_phantoms

SIZE = 64
PATIENTS = range(24)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantoms") / "data"
    write_phantoms(out, patients=dict.fromkeys(PHANTOM_CLASSES, 8), images_per_patient=(1, 3), size=SIZE, seed=5)
    return out


@pytest.fixture(scope="module")
def opacities():
    """Where each class is brighter than the same chest without disease: label -> list of (added grey, lungs)."""
    added = {label: [] for label in PHANTOM_CLASSES}
    for patient in PATIENTS:
        well = draw_phantom(patient, 0, "normal", SIZE)
        for label in PHANTOM_CLASSES:
            ill = draw_phantom(patient, 0, label, SIZE)
            added[label].append((ill.image.astype(float) - well.image, well.lungs))
    return added


def zones_hit(added, lungs):
    """Return the share of the lungs that is clearly denser than without disease."""
    smooth = cv2.GaussianBlur(added, (0, 0), 1.5)
    return (smooth[lungs] > 8).mean()


def test_every_disease_shows_and_only_within_the_lungs(opacities):
    for label in ("bacterial", "covid19", "viral"):
        for added, lungs in opacities[label]:
            near = cv2.dilate(lungs.astype(np.uint8), np.ones((7, 7))) > 0
            assert (added[~near] == 0).all()
        assert np.mean([added[lungs].mean() for added, lungs in opacities[label]]) > 4
    assert all((added == 0).all() for added, _ in opacities["normal"])


def test_bacterial_is_focal_and_one_sided(opacities):
    for added, lungs in opacities["bacterial"]:
        sides = [np.clip(added * lungs * side, 0, None).sum() for side in left_and_right(lungs)]
        assert max(sides) > 10 * min(sides)
        assert zones_hit(added, lungs) < 0.6


def test_viral_is_diffuse_and_on_both_sides(opacities):
    for added, lungs in opacities["viral"]:
        sides = [added[lungs & (side > 0)].mean() for side in left_and_right(lungs)]
        assert min(sides) > 0.5 * max(sides)
    diffuse, focal = (np.mean([zones_hit(*pair) for pair in opacities[label]]) for label in ("viral", "bacterial"))
    assert diffuse > focal + 0.25


def test_viral_is_a_net_of_finer_grain_than_the_others(opacities):
    def grain(added, lungs):
        fine = added - cv2.GaussianBlur(added, (0, 0), 1.5)
        inner = cv2.erode(lungs.astype(np.uint8), np.ones((5, 5))) > 0
        return fine[inner].std() / added[inner].std()

    viral, *others = (np.mean([grain(*pair) for pair in opacities[c]]) for c in ("viral", "covid19", "bacterial"))
    assert viral > 1.5 * max(others)


def test_covid_is_bilateral_peripheral_and_low(opacities):
    lower, outer = [], []
    for added, lungs in opacities["covid19"]:
        sides = [np.clip(added * lungs * side, 0, None).sum() for side in left_and_right(lungs)]
        assert min(sides) > 0.1 * max(sides)
        rows, columns = np.nonzero(lungs)
        weights = np.clip(added[lungs], 0, None)
        lower.append(np.average(rows, weights=weights) - rows.mean())
        depth = np.abs(columns - columns.mean())
        outer.append(np.average(depth, weights=weights) - depth.mean())
    assert np.mean(lower) > 0.05 * SIZE and np.mean(np.array(lower) > 0) > 0.9
    assert np.mean(outer) > 0.02 * SIZE and np.mean(np.array(outer) > 0) > 0.9


def left_and_right(lungs):
    middle = np.nonzero(lungs)[1].mean()
    right = np.broadcast_to(np.arange(lungs.shape[1]) < middle, lungs.shape)
    return right.astype(float), (~right).astype(float)


def test_mean_brightness_does_not_separate_the_classes():
    means = np.array(
        [[draw_phantom(100 * k + p, 0, c, 48).image.mean() for p in range(40)] for k, c in enumerate(PHANTOM_CLASSES)]
    )
    edges = np.quantile(means, np.linspace(0, 1, 9)[1:-1])
    bins = np.digitize(means, edges)
    # The best accuracy of any rule that knows only an image's eighth of the brightness range.
    best = sum(max((bins[k] == b).sum() for k in range(len(PHANTOM_CLASSES))) for b in range(8)) / means.size
    assert best < 0.5


def test_names_follow_the_public_sets(written):
    patterns = {
        "bacterial": r"chest_xray/(train|test)/PNEUMONIA/person\d+_bacteria_\d+\.jpeg",
        "viral": r"chest_xray/(train|test)/PNEUMONIA/person\d+_virus_\d+\.jpeg",
        "normal": r"chest_xray/(train|test)/NORMAL/(NORMAL2-)?IM-\d{4}-0001(-\d{4})?\.jpeg",
        "covid19": r"covid-chestxray-dataset/images/covid-\d{4}-\d{2}\.jpeg",
    }
    for label, pattern in patterns.items():
        names = [path.relative_to(written).as_posix() for path in images_of(written, label)]
        assert len(names) >= 8 and all(re.fullmatch(pattern, name) for name in names)
    numbers = [{path.name.split("_")[0] for path in images_of(written, label)} for label in ("bacterial", "viral")]
    assert numbers[0] == numbers[1], "the other germ reuses person numbers, as in the real set"


def test_a_patient_is_in_one_official_part_and_both_parts_are_filled(written):
    parts = {}
    for label in ("bacterial", "viral", "normal"):
        for path in images_of(written, label):
            patient = re.search(r"person\d+|IM-\d+", path.name).group()
            parts.setdefault((label, patient), set()).add(path.parent.parent.name)
    assert all(len(part) == 1 for part in parts.values())
    assert {part for (part,) in parts.values()} == {"train", "test"}


def test_metadata_lists_every_covid_image_as_the_public_table_does(written):
    folder = written / "covid-chestxray-dataset"
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["filename"] for row in rows} == {path.name for path in (folder / "images").iterdir()}
    assert {row["finding"] for row in rows} == {"COVID-19"} and {row["modality"] for row in rows} == {"X-ray"}
    assert {row["view"] for row in rows} <= {"PA", "AP"} and {row["folder"] for row in rows} == {"images"}
    assert len({row["patientid"] for row in rows}) == 8 < len(rows)


def test_every_image_has_its_mask_and_both_sets_say_that_they_are_synthetic(written):
    images = [path.relative_to(written) for label in PHANTOM_CLASSES for path in images_of(written, label)]
    masks = [path.relative_to(written / "masks") for path in files_of(written / "masks").values()]
    assert sorted(image.with_suffix(".png") for image in images) == sorted(masks)
    mask = np.asarray(Image.open(written / "masks" / masks[0]))
    assert mask.shape == (SIZE, SIZE) and set(np.unique(mask)) == {0, 255}
    for name in ("chest_xray", "covid-chestxray-dataset"):
        marker = json.loads((written / name / PHANTOM_FILE).read_text(encoding="utf-8"))
        assert_says(marker["notice"], any_of("synthetic"), any_of("not real"))
        assert marker["seed"] == 5


def test_lesions_are_written_next_to_the_masks_as_they_were_drawn(written):
    """A healthy chest has a black picture; a disease covers part of the lungs, where the image is denser."""
    for label in PHANTOM_CLASSES:
        image = images_of(written, label)[0].relative_to(written)
        lesions, lungs = (
            np.asarray(Image.open((written / folder / image).with_suffix(".png"))) for folder in ("lesions", "masks")
        )
        assert lesions.shape == (SIZE, SIZE) and set(np.unique(lesions)) <= {0, 255}
        assert (lesions.any()) == (label != "normal") and (lungs[lesions > 0] == 255).all()
    patient = seed_of_patient(5, "bacterial", 1)
    (first,) = (path for path in images_of(written, "bacterial") if path.name.startswith("person1_bacteria_1."))
    drawn = draw_phantom(patient, 0, "bacterial", SIZE).lesions
    kept = Image.open((written / "lesions" / first.relative_to(written)).with_suffix(".png"))
    np.testing.assert_array_equal(np.asarray(kept) > 0, drawn)


def test_without_shortcuts_all_classes_are_encoded_alike(written):
    properties, sizes = set(), {}
    for label in PHANTOM_CLASSES:
        for path in images_of(written, label):
            with Image.open(path) as image:
                tables = tuple(tuple(table) for table in image.quantization.values())
                properties.add((image.format, image.mode, image.size, tables))
            sizes.setdefault(label, []).append(path.stat().st_size)
    assert len(properties) == 1
    means = [np.mean(size) for size in sizes.values()]
    assert max(means) < 1.25 * min(means)


def test_same_seed_same_bytes_and_a_patient_does_not_depend_on_the_others(written, tmp_path):
    write_phantoms(
        tmp_path / "again", patients=dict.fromkeys(PHANTOM_CLASSES, 8), images_per_patient=(1, 3), size=SIZE, seed=5
    )
    first, again = files_of(written), files_of(tmp_path / "again")
    assert {name: path.read_bytes() for name, path in first.items()} == {n: p.read_bytes() for n, p in again.items()}
    write_phantoms(tmp_path / "few", patients={"viral": 3}, images_per_patient=(1, 3), size=SIZE, seed=5)
    few = images_of(tmp_path / "few", "viral")
    assert few and all(
        path.read_bytes() == first[n].read_bytes() for n, path in files_of(tmp_path / "few").items() if "_virus_" in n
    )
    write_phantoms(tmp_path / "other", patients={"viral": 3}, images_per_patient=(1, 3), size=SIZE, seed=6)
    assert all(path.read_bytes() != few[0].read_bytes() for path in images_of(tmp_path / "other", "viral"))


@pytest.mark.parametrize(
    ("wrong", "facts"),
    [
        ({"patients": {"covid": 2}}, [UNKNOWN, "'covid'"]),
        ({"patients": {"viral": -1}}, ["-1", "patients", "viral"]),
        ({"patients": {"viral": 0}}, ["patient", any_of("no")]),
        ({"images_per_patient": (0, 3)}, ["0 to 3", "images"]),
        ({"size": 8}, ["8 pixels", "16"]),
        ({"seed": -1}, ["seed", "-1"]),
    ],
)
def test_an_impossible_request_is_refused_and_leaves_nothing(tmp_path, wrong, facts):
    with refused(*facts):
        write_phantoms(tmp_path / "out", **{"patients": {"viral": 1}, **wrong})
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone_unless_empty(tmp_path):
    (tmp_path / "out").mkdir()
    write_phantoms(tmp_path / "out", patients={"viral": 1}, size=32)
    before = {name: path.read_bytes() for name, path in files_of(tmp_path).items()}
    with refused(str(tmp_path / "out"), any_of("exists"), "empty"):
        write_phantoms(tmp_path / "out", patients={"viral": 1}, size=32)
    assert before == {name: path.read_bytes() for name, path in files_of(tmp_path).items()}


@pytest.mark.parametrize("halt", [KeyboardInterrupt, OSError])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path, monkeypatch, halt):
    drawn = []

    def draw_three(*request):
        if len(drawn) == 3:
            raise halt
        drawn.append(request)
        assert not (tmp_path / "out").exists(), "the folder appears only when it is complete"
        return draw_phantom(*request)

    monkeypatch.setattr("pxr_tf.phantoms.sets.draw_phantom", draw_three)
    with pytest.raises(halt):
        write_phantoms(tmp_path / "out", patients={"viral": 5, "covid19": 5}, size=32)
    assert list(tmp_path.iterdir()) == []
