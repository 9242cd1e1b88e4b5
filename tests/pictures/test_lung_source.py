"""Masks that come with the data are found by name, or refused in one line; each source has its own identity."""

from functools import partial
from pathlib import Path

import pytest
from lung_pictures import HEIGHT, WIDTH, given_lungs, write_chests
from messages import MISSING, UNREADABLE, any_of, assert_tells, matching, refused
from PIL import Image
from tiny_lung_network import other_network, tiny_network

from pxr_tf.errors import PxrError
from pxr_tf.lungs.confidence import TRUSTED
from pxr_tf.lungs.network import write_network
from pxr_tf.pictures.lung_source import check_places, open_source
from pxr_tf.pictures.lung_store import open_lungs


@pytest.fixture
def table(tmp_path):
    return write_chests(tmp_path / "data", range(4))


def mask(tmp_path: Path, number: int) -> Path:
    return tmp_path / "data" / "masks" / f"{number}.png"


def test_masks_are_found_next_to_the_images_or_in_a_folder(tmp_path, table):
    found, named = given_lungs(table), given_lungs(table, str(tmp_path / "data" / "masks"))
    assert given_lungs(table, str(tmp_path / "data")).masks == named.masks
    assert found.masks == named.masks == {path: mask(tmp_path, number) for number, path in enumerate(table.path)}
    assert found.identity == named.identity
    assert found.lowest_confidence == 0


def test_masks_may_be_in_a_folder_among_the_images(tmp_path):
    table = write_chests(tmp_path, range(1))
    (tmp_path / "images" / "masks").mkdir()
    (tmp_path / "masks" / "0.png").rename(tmp_path / "images" / "masks" / "0.png")
    assert given_lungs(table).masks[table.path[0]] == tmp_path / "images" / "masks" / "0.png"


def test_the_identity_depends_on_which_picture_has_which_mask(tmp_path, table):
    before = given_lungs(table).identity
    assert given_lungs(table).identity == before
    first, second = mask(tmp_path, 0).read_bytes(), mask(tmp_path, 1).read_bytes()
    mask(tmp_path, 0).write_bytes(second)
    mask(tmp_path, 1).write_bytes(first)
    assert given_lungs(table).identity != before


def test_a_smaller_mask_of_the_same_shape_is_enlarged_and_an_empty_mask_has_no_lungs(tmp_path, table):
    Image.open(mask(tmp_path, 0)).resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.NEAREST).save(mask(tmp_path, 0))
    Image.new("L", (WIDTH, HEIGHT)).save(mask(tmp_path, 1))
    source = given_lungs(table)
    found = [source.find(path) for path in table.path[:2]]
    assert [lungs.mask.shape for lungs in found] == [(HEIGHT, WIDTH)] * 2
    assert [lungs.confidence for lungs in found] == [1, 0]
    assert found[0].mask.mean() > 0.1
    assert not found[1].mask.any()


def test_missing_masks_are_counted_and_named(tmp_path, table):
    for number in (1, 3):
        mask(tmp_path, number).unlink()
    source = given_lungs(table)
    with pytest.raises(PxrError) as caught:
        source.with_keys(table)
    assert_tells(str(caught.value), "image.masks", "'data'", "2 of 4 images", "mask", "1.png", "3.png")
    assert_tells(str(caught.value), "mask", "image")
    assert len(source.with_keys(table.iloc[[0, 2]])) == 2  # images that are not used need no mask
    with refused("2 of 4 images", "mask", "folder"):
        given_lungs(table, str(tmp_path / "data" / "masks")).with_keys(table)


def test_masks_that_do_not_fit_are_refused_in_one_line(tmp_path, table):
    Image.new("L", (HEIGHT, WIDTH), 255).save(mask(tmp_path, 0))
    mask(tmp_path, 1).write_text("no picture")
    source = given_lungs(table)
    for number, expected in (
        (0, [f"{HEIGHT} x {WIDTH} pixels", f"{WIDTH} x {HEIGHT}"]),
        (1, [UNREADABLE]),
    ):
        with refused(str(mask(tmp_path, number)), *expected):
            source.find(table.path[number])


def test_two_pictures_cannot_share_a_mask(tmp_path, table):
    other = write_chests(tmp_path / "other", range(4))
    both = table.assign(content=table.content)
    both.loc[1, ["path", "content"]] = other.loc[0, ["path", "content"]]
    with refused(matching("masks/0.png"), "mask", any_of("two pictures", "2 pictures")):
        given_lungs(both, str(tmp_path / "data" / "masks"))


@pytest.mark.parametrize(
    ("atlas", "masks", "expected"),
    [
        ("nowhere", None, ["atlas", "'nowhere'", MISSING, "builtin", "folder"]),
        ("builtin", "nowhere", ["image.masks", "'nowhere'", "data", "folder"]),
        ("x" * 5000, None, ["name too long"]),
    ],
)
def test_a_place_that_does_not_exist_is_refused_at_once(atlas, masks, expected):
    with refused(*expected):
        check_places(atlas, masks)
    check_places("builtin", "data")


def test_a_file_that_is_not_a_network_is_refused_at_once(tmp_path, table):
    file = tmp_path / "network"
    file.write_text("no network")
    for ask in (partial(check_places, str(file), None), partial(open_source, str(file), None, table, tmp_path)):
        with refused("network", "lungs", "pxr lungs train"):
            ask()
    write_network(file, tiny_network())
    check_places(str(file), None)


def test_another_network_is_another_source(tmp_path, table):
    first, second = tiny_network(), other_network()
    sources = []
    for network in (first, second):
        write_network(tmp_path / "network", network)
        sources.append(open_source(str(tmp_path / "network"), None, table, tmp_path / "cache"))
        assert sources[-1].identity.startswith(f"network {network.digest}, ")
    assert len({source.identity for source in sources}) == len({source.kept_under(256) for source in sources}) == 2
    assert sources[0].lowest_confidence == TRUSTED


def test_threads_that_share_a_network_change_no_byte(tmp_path, table):
    write_network(tmp_path / "network", tiny_network())
    source = open_source(str(tmp_path / "network"), None, table, tmp_path)
    found = [open_lungs(tmp_path / str(threads), table, source, threads=threads) for threads in (1, 3)]
    rows = [[one.values[one.rows[path]].tobytes() for path in table.path] for one in found]
    assert rows[0] == rows[1] and len(set(rows[0])) == len(table)


def test_an_atlas_without_masks_is_refused(tmp_path, table):
    for file in (tmp_path / "data" / "masks").iterdir():
        file.unlink()
    with refused("mask", "0.png, 1.png, 2.png", "1 more"):
        open_source(str(tmp_path / "data"), None, table, tmp_path / "cache")
