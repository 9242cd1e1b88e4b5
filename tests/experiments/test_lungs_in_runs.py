"""Crops in whole runs: what the directory and the models record, and what is refused when a run continues."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import UNREADABLE, any_of, assert_tells, matching, refused, tells
from PIL import Image
from tiny import SIZE, Never, Recorder, request_of, run_here, tiny_experiment

from pxr_tf import files, rundir
from pxr_tf.config.image import Image as ImageConfig
from pxr_tf.data.patients import add_content
from pxr_tf.errors import PxrError
from pxr_tf.experiments.model_figures import make_feature_maps
from pxr_tf.experiments.plan import FeatureMaps
from pxr_tf.explain.model_figures_file import read_model_figures
from pxr_tf.lungs.contrast import bounding_box
from pxr_tf.models.model_file import load_classifier
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.fingerprints import THUMBNAIL
from pxr_tf.pictures.gather import decode_images
from pxr_tf.pictures.lung_crop import load_cropped
from pxr_tf.pictures.lung_source import open_source
from pxr_tf.pictures.lung_store import find_in, open_lungs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.crop import LUNG_COLUMNS, count_whole, describe_lungs, lung_warnings, make_loader, preparation_of
from pxr_tf.runs.picture_choice import PictureChoice
from pxr_tf.tasks import Task

ONE_EPOCH = {"phases__0__max_epochs": 1, "phases__1__max_epochs": 1}


@pytest.fixture
def data(phantoms, tmp_path) -> list[Path]:
    """A copy of the phantoms, with their masks in ``masks`` next to them."""
    shutil.copytree(phantoms[0].parent, tmp_path / "phantoms")
    return [tmp_path / "phantoms" / folder.name for folder in phantoms]


def write_pairs(folder: Path, numbers: range) -> pd.DataFrame:
    """Write phantoms with their lungs in the layout of an atlas; return their rows."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    rows = []
    for number in numbers:
        chest = draw_phantom(number, 0, "normal", 96)
        path = folder / "images" / f"{number}.png"
        Image.fromarray(chest.image).save(path)
        Image.fromarray(chest.lungs * np.uint8(255)).save(folder / "masks" / path.name)
        rows.append({"image_id": str(number), "path": str(path), "label": "normal" if number % 2 else "ill"})
    return add_content(pd.DataFrame(rows))


def test_a_run_and_its_models_record_the_crop(data, tmp_path, two_layers):
    masks, recorder = str(data[0].parent / "masks"), Recorder()
    experiment = tiny_experiment(image__crop="lungs", image__masks=masks, show=["feature_maps"], **ONE_EPOCH)
    folder = run_here(experiment, data, tmp_path / "runs", on_event=recorder)
    assert folder.parent.name == "folds-lungs"
    table, lungs = (pd.read_csv(folder / name, keep_default_na=False) for name in (rundir.MANIFEST, rundir.LUNGS))
    assert (tuple(lungs.columns), list(lungs.image_id)) == (LUNG_COLUMNS, list(table.image_id))
    assert set(lungs.cropped) == {"yes"}
    for row in lungs.iloc[::7].itertuples():
        name = row.image_id.partition("/")[2]
        place = data[0].name if "kermany" in row.image_id else data[1].name
        mask = np.asarray(Image.open((data[0].parent / "masks" / place / name).with_suffix(".png"))) > 127
        assert tuple(row[3:7]) == bounding_box(mask)
    said = [event["text"] for event in recorder.of("note")]
    assert tells(said, f"{len(table)} images", any_of("cropped"))

    identity = files.read_json(folder / rundir.PROVENANCE)["lungs"]
    assert identity.startswith("masks ")
    card = load_classifier(folder / "fold-0" / rundir.MODEL)[1]["image"]
    kept = {"size": SIZE, "resize": "squash", "crop": "lungs", "margin": 0.05, "lungs": identity}
    assert card == kept | {"values": "uint8 grey, 0-255"}
    assert Preparation.described(card) == preparation_of(experiment.image, identity)

    cache = tmp_path / "runs" / "cache"
    assert set(load_pictures(cache, THUMBNAIL).rows) == set(table.content)  # duplicates are found in whole pictures
    figures = read_model_figures(folder / "fold-0" / rundir.MODEL_FIGURES_FILE)
    pictures = load_pictures(cache, Preparation.described(card))
    contents = dict(zip(table.image_id, table.content, strict=True))
    for image_id, maps in figures.feature_maps.items():
        assert np.array_equal(maps.picture, pictures.pixels[pictures.rows[contents[image_id]]])

    run_here(experiment, data, tmp_path / "runs", executor=Never())
    moved = Path(masks).rename(data[0].parent / "moved")
    elsewhere = experiment.model_copy(update={"image": experiment.image.model_copy(update={"masks": str(moved)})})
    run_here(elsewhere, data, tmp_path / "runs", executor=Never())  # masks may move
    options = FeatureMaps((PictureChoice(table.image_id[0], table.path[0]),), None, None, tmp_path / "maps.npz")
    task = Task("maps", "feature_maps", run=str(folder), cache=str(cache), fold="0", options=options)
    with refused(masks, any_of("no folder", "not a folder", "not exist")):  # but the run's recipe has their old path
        make_feature_maps(task, options, print)
    first = next(moved.rglob("*.png"))
    Image.fromarray(np.zeros_like(np.asarray(Image.open(first)))).save(first)
    with refused("lungs", identity, "masks"):
        run_here(elsewhere, data, tmp_path / "runs", executor=Never())


def test_missing_masks_stop_a_run_before_anything_is_written(data, tmp_path, two_layers):
    masks = data[0].parent / "masks"
    gone = sorted(masks.rglob("person*.png"))[:2]
    for file in gone:
        file.unlink()
    experiment = tiny_experiment(image__crop="lungs_only", image__masks=str(masks))
    with refused(matching(r"2 of \d+ images"), "mask", matching(r"\(person")):
        run_here(experiment, data, tmp_path / "runs")
    assert not request_of(experiment, data, tmp_path / "runs").folder.exists()


def test_the_picture_of_an_empty_mask_stays_whole_and_the_table_says_so(tmp_path):
    table = write_pairs(tmp_path / "data", range(4))
    Image.new("L", (96, 96)).save(tmp_path / "data" / "masks" / "2.png")
    source = open_source("builtin", "data", table, tmp_path)
    found = open_lungs(tmp_path / "cache", table, source)
    lungs = describe_lungs(table, found, source)
    assert list(lungs.cropped) == ["yes", "yes", "no", "yes"]
    assert tuple(lungs.iloc[2]) == ("2", 0.0, 0, 0, 96, 96, "no", "no lungs")
    count = count_whole(lungs, Path("x"))
    assert_tells(count, "3 of 4 images", "1", any_of("whole", "not cropped"), "no lungs (1)", "x")
    (warning,) = lung_warnings(table, lungs)
    assert (warning.what, warning.label, warning.strength) == ("lungs", "ill", 0.5)
    assert "ill 50 %, normal 0 %" in warning.text
    assert lung_warnings(table, lungs.assign(cropped="yes")) == []


def test_an_unreadable_image_is_skipped_as_usual(tmp_path):
    table = write_pairs(tmp_path / "data", range(3))
    (tmp_path / "data" / "images" / "1.png").write_text("no picture")
    table = add_content(table[["image_id", "path", "label"]])
    source = open_source("builtin", "data", table, tmp_path)
    preparation = preparation_of(ImageConfig(size=32, crop="lungs", masks="data"), source.identity)
    seen: list[str] = []
    decode = partial(decode_images, table, preparation, tmp_path / "cache", source=source, on_wait=print)
    decoded = decode(skip_unreadable=True, on_progress=lambda what, done, total: seen.append(what))
    assert (list(decoded.table.image_id), list(decoded.skipped.reason)) == (["0", "2"], ["not a JPEG, PNG or DICOM"])
    assert set(seen) == {"finding lungs", "decoding images"}
    assert len(describe_lungs(decoded.table, decoded.lungs, source)) == 2
    with refused("1 of 3 images", UNREADABLE):
        decode(skip_unreadable=False, on_progress=lambda *counts: None)


def test_a_picture_file_is_prepared_as_in_training_or_refused(tmp_path):
    table = write_pairs(tmp_path / "atlas", range(5))
    write_pairs(tmp_path / "other", range(5, 10))
    image = ImageConfig(size=32, crop="lungs", atlas=str(tmp_path / "atlas"))
    source = open_source(image.atlas, None, table, tmp_path)
    preparation, said = preparation_of(image, source.identity), []
    even, path = tmp_path / "even.png", table.path[0]
    Image.new("L", (50, 50), 90).save(even)
    load = make_loader(preparation, image, [path, str(even)], tmp_path, said.append)
    assert np.array_equal(load(path), load_cropped(path, preparation, find_in(path, source), source.lowest_confidence))
    assert (load(str(even)) == 90).all()
    (note,) = said
    assert_tells(note, str(even), any_of("whole", "not cropped"), any_of("no lungs"))
    moved = image.model_copy(update={"atlas": str(tmp_path / "other")})
    with pytest.raises(PxrError) as seen:
        make_loader(preparation, moved, [path], tmp_path, said.append)
    assert source.identity in str(seen.value) and str(tmp_path / "other") in str(seen.value)
    assert "--atlas, ATLAS=" in str(seen.value)
