"""Raw maps in files: read as they were written, whole or not at all."""

import numpy as np
import pytest

from pxr_tf.explain.maps_file import PictureMaps, file_stem, read_map_header, read_maps, write_maps


@pytest.fixture
def found() -> PictureMaps:
    rng = np.random.default_rng(0)
    small, large = rng.random((7, 7), np.float32), rng.random((32, 32), np.float32)
    about = {"methods": ["grad_cam", "saliency"], "key": "k", "class": "größe"}
    maps = {"grad_cam": small, "saliency": large}
    return PictureMaps(
        about, rng.integers(0, 256, (32, 32), np.uint8), maps, {"grad_cam": large + 1, "saliency": large}
    )


def test_what_is_written_is_read(found, tmp_path):
    write_maps(tmp_path / "a.npz", found)
    back = read_maps(tmp_path / "a.npz")
    assert back.about == found.about == read_map_header(tmp_path / "a.npz")
    assert (back.picture == found.picture).all()
    for name in ("grad_cam", "saliency"):
        assert (back.maps[name] == found.maps[name]).all()
        assert (back.large[name] == found.large[name]).all()
    with np.load(tmp_path / "a.npz") as file:  # a map of the picture's size is stored once
        assert sorted(file) == ["about", "grad_cam", "grad_cam_at_picture_size", "picture", "saliency"]
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_a_damaged_file_counts_as_missing(found, tmp_path):
    path = tmp_path / "a.npz"
    assert read_maps(path) is None and read_map_header(path) is None
    write_maps(path, found)
    path.write_bytes(path.read_bytes()[:-40])
    assert read_maps(path) is None and read_map_header(path) is None


def test_names_of_files_are_safe_and_differ():
    ids = ["a/b.png", "a_b.png", "x" * 300, "y" + "x" * 299, "../../etc/passwd", "Röntgen bild.png", "."]
    stems = [file_stem(name) for name in ids]
    assert len(set(stems)) == len(ids)
    assert all(len(stem) < 100 and "/" not in stem and not stem.startswith((".", "-")) for stem in stems), stems
