"""Shortcuts of phantoms: planted where they are requested, and nowhere else."""

import csv
import json

import cv2
import numpy as np
import pytest
from messages import TWICE, UNKNOWN, nearest, refused
from phantom_files import files_of, images_of
from PIL import Image

from pxr_tf.data.manifest import PHANTOM_FILE
from pxr_tf.phantoms.acquisition import PLAIN, acquire, write_picture
from pxr_tf.phantoms.anatomy import Pose
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import draw_phantom, write_phantoms
from pxr_tf.phantoms.shortcuts import SHORTCUTS, choose_patients, parse_shortcuts, plant_shortcuts

SIZE = 64
SHOWN = sorted(set(SHORTCUTS) - {"quality"})  # the others change pixels before they are encoded


@pytest.fixture(scope="module")
def chest():
    return draw_phantom(3, 0, "covid19", 96).image


def planted(name, strength, size=96):
    """Return a picture with a shortcut, and its lungs."""
    acquisition = plant_shortcuts(PLAIN, frozenset({name}), strength)
    drawn = draw_phantom(3, 0, "covid19", size, Pose(zoom=acquisition.body_size))
    return acquire(drawn.image, acquisition), drawn.lungs


def bytes_of(folder, label="viral"):
    return {path.name: path.read_bytes() for path in images_of(folder, label)}


def test_shortcuts_are_planted_only_in_their_class(tmp_path):
    options = {"patients": dict.fromkeys(PHANTOM_CLASSES, 2), "images_per_patient": (1, 1), "size": SIZE}
    write_phantoms(tmp_path / "plain", **options)
    shortcuts = parse_shortcuts("covid19:marker, normal:border+quality")
    write_phantoms(tmp_path / "planted", **options, shortcuts=shortcuts)
    for label in ("bacterial", "viral"):
        plain, same = images_of(tmp_path / "plain", label), images_of(tmp_path / "planted", label)
        assert [path.read_bytes() for path in plain] == [path.read_bytes() for path in same]
    for before, after in zip(
        images_of(tmp_path / "plain", "covid19"), images_of(tmp_path / "planted", "covid19"), strict=True
    ):
        change = np.abs(np.asarray(Image.open(after)).astype(int) - np.asarray(Image.open(before)))
        assert change[: SIZE // 4, : SIZE // 4].max() > 80 and change[SIZE // 3 :].max() == 0
    for before, after in zip(
        images_of(tmp_path / "plain", "normal"), images_of(tmp_path / "planted", "normal"), strict=True
    ):
        frame = np.asarray(Image.open(after)).astype(float)
        assert max(frame[0].mean(), frame[-1].mean(), frame[:, 0].mean(), frame[:, -1].mean()) < 12
        assert after.stat().st_size < 0.6 * before.stat().st_size
    marker = json.loads((tmp_path / "planted/chest_xray" / PHANTOM_FILE).read_text(encoding="utf-8"))
    assert marker["shortcuts"] == {"covid19": ["marker"], "normal": ["border", "quality"]}
    assert (marker["strength"], marker["share"]) == (1, 1)
    plain = json.loads((tmp_path / "plain/chest_xray" / PHANTOM_FILE).read_text(encoding="utf-8"))
    assert plain["shortcuts"] == {} and not {"strength", "share"} & set(plain)
    assert not (tmp_path / "plain/shortcuts.csv").exists()


@pytest.mark.parametrize("name", SHOWN)
def test_a_shortcut_changes_more_of_the_picture_the_stronger_it_is(chest, name):
    changes = [np.abs(planted(name, strength)[0].astype(float) - chest) for strength in (0.25, 0.5, 1)]
    means = [change.mean() for change in changes]
    assert 0 < 1.2 * means[0] < means[1] and 1.2 * means[1] < means[2]
    assert changes[0].max() > 8


def test_a_plain_acquisition_changes_nothing(chest):
    np.testing.assert_array_equal(acquire(chest, PLAIN), chest)
    assert plant_shortcuts(PLAIN, frozenset(), 0.5) == PLAIN


def test_quality_changes_the_encoding_alone(chest, tmp_path):
    sizes = []
    for strength in (0, 0.25, 0.5, 1):
        acquisition = plant_shortcuts(PLAIN, frozenset({"quality"}), strength)
        np.testing.assert_array_equal(acquire(chest, acquisition), chest)
        write_picture(tmp_path / "a.jpeg", chest, acquisition.quality)
        sizes.append((tmp_path / "a.jpeg").stat().st_size)
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.4 * sizes[0]


def test_a_border_is_black_and_a_marker_is_as_bright_as_its_strength(chest):
    inner = chest[4:-4, 4:-4]
    np.testing.assert_array_equal(planted("border", 1)[0], cv2.copyMakeBorder(inner, 4, 4, 4, 4, 0, value=0))
    faint, half, full = (planted("marker", strength)[0].astype(int) - chest for strength in (0.25, 0.5, 1))
    assert full.max() > 150 and full.min() == 0
    assert np.abs(half - full / 2).max() <= 0.5 and np.abs(faint - full / 4).max() <= 0.5


def test_a_border_is_as_wide_as_its_strength_also_in_parts_of_a_pixel():
    wide = np.full((40, 40), 200, np.uint8)  # the full border is two pixels wide
    borders = [acquire(wide, plant_shortcuts(PLAIN, frozenset({"border"}), part))[20, :3] for part in (0.25, 0.75, 1)]
    assert [border.tolist() for border in borders] == [[100, 200, 200], [0, 100, 200], [0, 0, 200]]


def test_polarity_ends_in_the_negative_and_never_leaves_an_empty_picture(chest):
    np.testing.assert_array_equal(planted("polarity", 1)[0], 255 - chest)
    assert all(planted("polarity", strength)[0].std() > 0.3 * chest.std() for strength in np.linspace(0.05, 0.95, 19))


def test_contrast_keeps_black_middle_grey_and_white():
    greys = np.array([[0, 64, 128, 192, 255]], np.uint8)
    shown = acquire(greys, PLAIN._replace(contrast=2))
    assert shown[0, [0, 4]].tolist() == [0, 255] and abs(int(shown[0, 2]) - 128) <= 1
    assert shown[0, 1] < 45 and shown[0, 3] > 211


def test_resolution_removes_detail_and_keeps_the_size(chest):
    shown, _ = planted("resolution", 1)
    assert shown.shape == chest.shape
    assert cv2.Laplacian(shown, cv2.CV_64F).std() < 0.25 * cv2.Laplacian(chest, cv2.CV_64F).std()
    assert abs(shown.mean() - chest.mean()) < 1


def test_a_smaller_body_has_smaller_lungs_and_an_exact_mask():
    whole, half, full = (planted("body_size", strength)[1].sum() for strength in (0, 0.5, 1))
    assert full / whole == pytest.approx(0.75**2, abs=0.03) and half / whole == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("name", SHORTCUTS)
def test_a_shortcut_is_in_the_written_file_and_only_body_size_in_the_masks(tmp_path, name):
    request = {"patients": {"viral": 1}, "images_per_patient": (1, 1), "size": SIZE, "seed": 1}
    write_phantoms(tmp_path / "plain", **request)
    write_phantoms(tmp_path / "planted", **request, shortcuts=parse_shortcuts(f"viral:{name}"), strength=0.5)
    plain, other = (
        {
            path: cv2.imread(str(file), 0)
            for path, file in files_of(tmp_path / kind).items()
            if file.suffix in (".jpeg", ".png")
        }
        for kind in ("plain", "planted")
    )
    changed = {path.split("/")[0] for path in plain if (plain[path] != other[path]).any()}
    assert changed == ({"chest_xray", "masks", "lesions"} if name == "body_size" else {"chest_xray"})
    masks = [next(image for path, image in files.items() if path.startswith("masks/")) for files in (plain, other)]
    assert masks[1].sum() / masks[0].sum() == pytest.approx(0.75 if name == "body_size" else 1, abs=0.03)


def test_strength_1_and_share_1_are_what_a_shortcut_is_without_them(tmp_path):
    options = {"patients": {"viral": 2}, "size": 32, "shortcuts": {"viral": frozenset(SHORTCUTS)}}
    write_phantoms(tmp_path / "short", **options)
    write_phantoms(tmp_path / "long", **options, strength=1, share=1)
    first, second = files_of(tmp_path / "short"), files_of(tmp_path / "long")
    assert {name: path.read_bytes() for name, path in first.items() if path.suffix != ".json"} == {
        name: path.read_bytes() for name, path in second.items() if path.suffix != ".json"
    }


def test_a_share_of_the_patients_has_the_shortcut_in_all_of_their_images(tmp_path):
    options = {"patients": {"viral": 10, "normal": 3}, "images_per_patient": (1, 3), "size": 32, "seed": 2}
    write_phantoms(tmp_path / "plain", **options)
    write_phantoms(tmp_path / "planted", **options, shortcuts=parse_shortcuts("viral:marker"), strength=0.5, share=0.3)
    plain, changed = (bytes_of(tmp_path / name) for name in ("plain", "planted"))
    marked = {name for name in plain if plain[name] != changed[name]}
    patients = choose_patients(2, "viral", 10, 0.3)
    assert len(patients) == 3
    assert marked == {name for name in plain if int(name.split("_")[0].removeprefix("person")) in patients}
    assert bytes_of(tmp_path / "plain", "normal") == bytes_of(tmp_path / "planted", "normal")
    with (tmp_path / "planted/shortcuts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"].split("/")[-1] for row in rows} == marked and len(rows) == len(marked)
    assert all((tmp_path / "planted" / row["path"]).is_file() for row in rows)
    assert {(row["label"], row["shortcuts"]) for row in rows} == {("viral", "marker")}
    parameters = json.loads((tmp_path / "planted/chest_xray" / PHANTOM_FILE).read_text(encoding="utf-8"))
    assert (parameters["strength"], parameters["share"]) == (0.5, 0.3)


def test_the_chosen_patients_depend_on_seed_and_class_and_grow_with_the_share():
    some, more, everyone = (choose_patients(0, "viral", 40, share) for share in (0.2, 0.5, 1))
    assert (len(some), len(more)) == (8, 20) and some < more < everyone == frozenset(range(1, 41))
    assert some == choose_patients(0, "viral", 40, 0.2)
    assert len({choose_patients(seed, label, 40, 0.2) for seed in (0, 1) for label in ("viral", "normal")}) == 4
    assert len(choose_patients(0, "viral", 3, 0.01)) == 1


@pytest.mark.parametrize("value", [0, -0.5, 1.5, float("nan")])
@pytest.mark.parametrize("name", ["strength", "share"])
def test_a_strength_or_share_that_is_no_part_of_one_is_refused(tmp_path, name, value):
    with refused(name, str(value), "above 0", "1"):
        write_phantoms(tmp_path / "out", patients={"viral": 1}, shortcuts={"viral": {"marker"}}, **{name: value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["strength", "share"])
def test_a_strength_or_share_without_a_shortcut_is_refused(tmp_path, name):
    with refused(name, "0.5", "no shortcut", "covid19:marker"):
        write_phantoms(tmp_path / "out", patients={"viral": 1}, **{name: 0.5})


def test_parse_shortcuts():
    assert parse_shortcuts("") == {}
    assert parse_shortcuts("normal:border+quality") == {"normal": frozenset({"border", "quality"})}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("covid:marker", [UNKNOWN, "'covid'", "covid19"]),
        ("covid19:markers", [UNKNOWN, "'markers'", nearest("'marker'")]),
        ("covid19", ["colon", "covid19:marker"]),
        ("covid19:", [UNKNOWN, "''", ", ".join(SHORTCUTS)]),
        ("normal:border,normal:quality", ["class", TWICE]),
    ],
)
def test_a_wrong_shortcut_text_is_refused(text, facts):
    with refused(*facts):
        parse_shortcuts(text)
