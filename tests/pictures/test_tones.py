"""Tones: inverted pictures, bright borders and pictures that show nothing are noticed."""

import io
import tracemalloc

import cv2
import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_tells, tells
from PIL import Image
from rich.console import Console

from pxr_tf.data.manifest import make_manifest
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.decode import resize_grey
from pxr_tf.pictures.gather import choose_images, compare_images
from pxr_tf.pictures.survey import find_file_warnings, survey
from pxr_tf.pictures.tones import AS_USUAL, INVERTED, describe_tones
from pxr_tf.report.data_tables import print_survey


def chest(patient: int, label: str = "normal") -> np.ndarray:
    return draw_phantom(patient, 0, label, 96).image


def write_set(folder, pictures: dict[str, list], **options) -> pd.DataFrame:
    """Write label -> pictures, and return the manifest."""
    rows = []
    for label, images in pictures.items():
        for number, image in enumerate(images):
            path = folder / f"{label}-{number}.png"
            (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
            name = f"{label}-{number}"
            rows.append({"image_id": name, "path": str(path), "label": label, "patient_id": name, "source": "s"})
    return make_manifest(rows)


def compare(table, tmp_path):
    found = compare_images(table.assign(content=table.image_id), tmp_path, lambda *_: None, lambda _: None)
    return found.assign(content=table.image_id)


def test_polarity_border_and_centre_of_known_pictures():
    thumbnails = {
        f"{label} {number}": resize_grey(chest(number, label), 32, "average")
        for number in range(20, 30)
        for label in PHANTOM_CLASSES
    }
    assert set(describe_tones(thumbnails).polarity) == {AS_USUAL}
    assert set(describe_tones({name: 255 - image for name, image in thumbnails.items()}).polarity) == {INVERTED}
    framed = np.full((32, 32), 200, np.uint8)
    framed[2:-2, 2:-2] = 50
    framed[8:-8, 8:-8] = 90
    tones = describe_tones({"framed": framed, "one grey": np.full((32, 32), 7, np.uint8)})
    assert tones.loc["framed", ["border", "centre", "levels"]].tolist() == [200, 90, 3]
    assert tones.loc["one grey", ["polarity", "border", "centre", "levels"]].tolist() == ["", 7, 7, 1]
    assert describe_tones({}).empty


def test_tones_of_many_thumbnails_take_little_memory():
    thumbnails = {str(number): np.full((32, 32), number % 256, np.uint8) for number in range(12_000)}
    describe_tones(dict(list(thumbnails.items())[:2]))  # draws the mean chest
    tracemalloc.start()
    found = describe_tones(thumbnails)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000
    assert found.border.tolist() == [number % 256 for number in range(12_000)]


def darken_border(image: np.ndarray, grey: int) -> np.ndarray:
    image = image.copy()
    for side in (image, image.T):
        side[:8], side[-8:] = grey, grey
    return image


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: 255 - image, ["polarity", "air bright"]),
        (lambda image: darken_border(image, 255), ["border"]),
        (lambda image: image // 8 + np.pad(np.full((48, 48), 200, np.uint8), 24), ["centre"]),
    ],
)
def test_a_class_with_other_tones_is_a_shortcut_in_the_survey_and_in_a_run(tmp_path, change, words):
    pictures = [chest(number) for number in range(24)]
    table = write_set(tmp_path, {"normal": pictures[:12], "viral": [change(image) for image in pictures[12:]]})
    found = survey(table)
    assert tells([warning.text for warning in found.warnings], "viral", *words)
    assert tells([warning.text for warning in find_file_warnings(compare(table, tmp_path / "cache"))], "viral", *words)


def test_the_same_tones_in_both_classes_are_no_shortcut(tmp_path):
    pictures = [255 - chest(number) if number % 2 else chest(number) for number in range(40)]
    found = survey(write_set(tmp_path, {"normal": pictures[:20], "viral": pictures[20:]}))
    assert {"polarity", "border", "centre"} <= set(found.association.property)
    assert found.warnings == []


def few(levels: int) -> np.ndarray:
    return np.repeat(np.arange(levels, dtype=np.uint8) * (255 // levels), 200 * 200 // levels).reshape(-1, 200)


def caption() -> np.ndarray:
    image = np.zeros((200, 200), np.uint8)
    image[100, :3] = 255  # in one pixel of a thumbnail
    return image


def disc() -> np.ndarray:
    return cv2.circle(np.zeros((200, 200), np.uint8), (100, 100), 60, 255, -1)


def transparent() -> Image.Image:
    return Image.merge("RGBA", [Image.fromarray(chest(1))] * 3 + [Image.new("L", (96, 96), 0)])


@pytest.mark.parametrize(
    ("image", "levels"),
    [
        (np.full((60, 60), 128, np.uint8), 1),
        (few(2), 2),
        (few(8), 8),
        (disc(), 33),
        (caption(), 1),
        (transparent(), 1),
        (np.full((60, 60), 4000, np.uint16), 1),
    ],
)
def test_a_picture_that_shows_nothing_is_reported(tmp_path, image, levels):
    table = write_set(tmp_path, {"normal": [chest(1), image, chest(2)]})
    found = survey(table)
    assert found.empty[["path", "levels"]].values.tolist() == [[str(tmp_path / "normal-1.png"), levels]]
    console = Console(width=200, file=io.StringIO())
    print_survey(console, found)
    assert_tells(
        console.file.getvalue(), any_of("nothing"), "normal-1.png", any_of("one grey", f"{levels} grey levels")
    )


@pytest.mark.parametrize("image", [np.zeros((60, 60), np.uint8), few(4), disc()])
def test_a_run_and_the_survey_report_the_same_pictures_that_show_nothing(tmp_path, image):
    table = write_set(tmp_path, {"normal": [chest(1), chest(2), image]})
    notes: list[str] = []
    compared = compare(table, tmp_path)
    choose_images(compared, ("normal",), {}, "drop", notes.append)
    assert tells(notes, "1 image", any_of("nothing"), "normal-2")
    assert survey(table).files.levels.tolist() == compared.levels.tolist()


def test_chests_and_pictures_of_sixteen_greys_show_something(tmp_path):
    found = survey(write_set(tmp_path, {"normal": [chest(1), chest(2) // 16 * 16]}))
    assert found.empty.empty


@pytest.mark.real
def test_nearly_all_real_x_rays_have_dark_air(real_data):
    from pxr_tf.sets.find import read_sources

    files = survey(read_sources([real_data / "covid-chestxray-dataset", real_data / "radiography_adults"])[0]).files
    assert (files.polarity == INVERTED).sum() <= 2
    assert (files.levels >= 60).all()
