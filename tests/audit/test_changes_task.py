"""The task that predicts changed pictures: changed files are prepared as the run prepared their originals."""

from dataclasses import replace

import numpy as np
import pytest
from audited_runs import make_material, write_linear_run

from pxr_tf.audit import changes_task
from pxr_tf.audit.files_like import Encoding, save_like
from pxr_tf.audit.versions import UNCHANGED, AuditPicture, Change, Donor, Look
from pxr_tf.pictures.decode import load_grey
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.crop import open_lung_source

LOOKS = {"normal": Look((1.0,), (1.0,))}


@pytest.fixture(scope="module")
def cropped(tmp_path_factory):
    """A run on pictures that are cropped to given lungs."""
    folder = tmp_path_factory.mktemp("cropped")
    return write_linear_run(folder, {}, image__crop="lungs", image__masks=str(folder / "data" / "masks"))


def test_a_changed_file_is_cropped_to_the_lungs_of_its_original(cropped, tmp_path):
    table = make_material(cropped).table.iloc[:3]
    pictures = [AuditPicture(row.content, row.path, {}) for row in table.itertuples()]
    stored = load_pictures(cropped.cache, cropped.preparation)
    find_pixels, prepare = changes_task.open_originals(cropped, pictures, tmp_path)
    for one in pictures:
        whole, expected = load_grey(one.path), stored.pixels[stored.rows[one.content]]
        assert np.array_equal(find_pixels(one.content), expected)
        same = save_like(whole, Encoding(whole.size, None), "file")
        assert np.array_equal(prepare(same, one.path), expected)
        larger = save_like(whole, Encoding(9 * whole.size, None), "resolution")
        assert abs(prepare(larger, one.path).astype(int) - expected).mean() < 4
    assert not list(tmp_path.iterdir())  # no changed file is left


def test_lungs_are_not_searched_for_again(cropped, monkeypatch, tmp_path):
    source = open_lung_source(cropped.recipe.image, make_material(cropped).table, cropped.cache)
    monkeypatch.setattr(type(source), "find", None)
    table = make_material(cropped).table.iloc[:1]
    changes_task.open_originals(cropped, [AuditPicture(table.content[0], table.path[0], {})], tmp_path)


def test_equal_versions_are_predicted_once():
    seen = []

    def predict(pixels):
        seen.append(len(pixels))
        return pixels.mean((1, 2))[:, None].astype(np.float32)

    versions = [np.full((4, 4), grey, np.uint8) for grey in (7, 9, 7, 7, 1)]
    assert changes_task.predict_each(predict, versions).ravel().tolist() == [7, 9, 7, 7, 1]
    assert seen == [3]


def test_a_version_that_cannot_be_made_costs_no_other(cropped, tmp_path):
    row = make_material(cropped).table.iloc[0]
    picture = AuditPicture(row.content, row.path, {"normal": Donor("gone", str(tmp_path / "gone.jpeg"))})
    find_pixels, prepare = changes_task.open_originals(cropped, [picture], tmp_path)
    wanted = changes_task.Wanted(picture, (Change("encoding", of="normal"), Change(UNCHANGED)))
    lost, made = changes_task.make_all(wanted, find_pixels=find_pixels, prepare=prepare, looks=LOOKS)
    assert lost.pixels is None and lost.fault and made.pixels is not None
    moved = changes_task.Wanted(replace(picture, path=str(tmp_path / "moved.jpeg")), wanted.changes)
    lost, made = changes_task.make_all(moved, find_pixels=find_pixels, prepare=prepare, looks=LOOKS)
    assert lost.pixels is None and made.pixels is not None
