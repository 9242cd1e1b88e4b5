"""Lungs of many pictures are found once; a kill loses one block; the number of threads changes no byte."""

import numpy as np
import pytest
from lung_pictures import HEIGHT, WIDTH, Counting, given_lungs, read_mask, write_chests

from pxr_tf.lungs.atlas import build_atlas, prepare_pairs, shrink_pair
from pxr_tf.lungs.contrast import Box, bounding_box
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.lung_source import AtlasLungs
from pxr_tf.pictures.lung_store import MASK_SIDE, ROW, PictureLungs, open_lungs, pack, unpack

COUNT, BLOCK = 7, 2


@pytest.fixture
def table(tmp_path):
    return write_chests(tmp_path / "data", range(COUNT))


@pytest.fixture(scope="module")
def small_atlas():
    chests = [draw_phantom(100 + number, 0, "normal", 96) for number in range(5)]
    return build_atlas(prepare_pairs([shrink_pair(chest.image, chest.lungs) for chest in chests]))


def open_here(cache, table, source, **options):
    return open_lungs(cache, table, source, **{"threads": 1, "block": BLOCK, **options})


def test_a_row_holds_everything_about_a_pictures_lungs():
    mask = np.random.default_rng(0).random((MASK_SIDE, MASK_SIDE)) > 0.5
    lungs = PictureLungs(mask, Box(1, 2, 3000, 4000), 5000, 6000, 0.1 + 0.2)
    row = pack(lungs)
    assert (row.shape, row.dtype) == ((ROW,), np.uint8)
    again = unpack(row)
    assert again._replace(mask=None) == lungs._replace(mask=None)
    assert np.array_equal(again.mask, mask)


def test_box_and_mask_match_the_file(tmp_path, table):
    found = open_here(tmp_path / "cache", table, given_lungs(table))
    for path in table.path:
        lungs, exact = found.of(path), read_mask(path)
        assert (lungs.box, lungs.width, lungs.height) == (bounding_box(exact), WIDTH, HEIGHT)
        assert (lungs.confidence, lungs.empty) == (1.0, False)
        assert lungs.mask.mean() == pytest.approx(exact.mean(), abs=0.01)
    assert found.of("another.png") is None


def test_only_new_lungs_are_found_in_a_grown_data_set(tmp_path, table):
    source = Counting(given_lungs(table))
    open_here(tmp_path, table.iloc[:5], source)
    assert source.asked == list(table.path[:5])
    open_here(tmp_path, table, source)
    assert source.asked[5:] == list(table.path[5:])
    open_here(tmp_path, table.iloc[::-1], source)
    assert len(source.asked) == COUNT


def test_a_kill_loses_one_block(tmp_path, table):
    stopped, resumed = Counting(given_lungs(table), last=5), Counting(given_lungs(table))
    with pytest.raises(KeyboardInterrupt):
        open_here(tmp_path / "killed", table, stopped)
    found = open_here(tmp_path / "killed", table, resumed)
    assert resumed.asked == list(table.path[4:])  # two blocks were written, the third was under way
    whole = open_here(tmp_path / "whole", table, given_lungs(table))
    assert all(np.array_equal(found.of(path).mask, whole.of(path).mask) for path in table.path)


def test_another_mask_for_the_same_picture_is_read(tmp_path, table):
    before = open_here(tmp_path / "cache", table, given_lungs(table)).of(table.path[0])
    mask = tmp_path / "data" / "masks" / "0.png"
    mask.write_bytes((tmp_path / "data" / "masks" / "1.png").read_bytes())
    source = Counting(given_lungs(table))
    after = open_here(tmp_path / "cache", table, source).of(table.path[0])
    assert source.asked == [table.path[0]]
    assert not np.array_equal(before.mask, after.mask)


def test_a_file_that_cannot_be_read_has_no_lungs_and_does_not_stop_the_others(tmp_path, table):
    (tmp_path / "data" / "images" / "3.png").write_text("no picture")
    found = open_here(tmp_path / "cache", table, given_lungs(table))
    assert [path for path in table.path if found.of(path) is None] == [table.path[3]]


def test_threads_change_no_byte(tmp_path, table, small_atlas):
    rows = []
    for threads in (1, 3):
        found = open_here(tmp_path / str(threads), table.iloc[:4], AtlasLungs(small_atlas), threads=threads, block=4)
        rows.append([found.values[found.rows[path]].tobytes() for path in table.path[:4]])
    assert rows[0] == rows[1]
    assert len(set(rows[0])) == 4


def test_another_atlas_has_another_store(small_atlas):
    pictures = small_atlas.pictures[1:]
    first, second = AtlasLungs(small_atlas), AtlasLungs(build_atlas(list(zip(pictures, pictures, strict=True))))
    assert first.identity != second.identity
    assert first.kept_under(MASK_SIDE) != second.kept_under(MASK_SIDE)
    assert first.identity.startswith(f"atlas {small_atlas.digest}")


def test_progress_counts_missing_lungs_only(tmp_path, table):
    progress: list[tuple[int, int]] = []
    open_here(tmp_path, table.iloc[:2], given_lungs(table))
    open_here(tmp_path, table, given_lungs(table), on_progress=lambda *counts: progress.append(counts))
    assert progress == [(2, 5), (4, 5), (5, 5)]
