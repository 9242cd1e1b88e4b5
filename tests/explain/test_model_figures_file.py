"""``inside.npz``: read back as it was written, or not at all."""

import numpy as np
import pytest

from pxr_tf.explain.model_figures_file import Maps, ModelFigureData, Tiles, read_model_figures, write_model_figures

GENERATOR = np.random.default_rng(0)


def tiles(count: int, total: int) -> Tiles:
    return Tiles(GENERATOR.normal(size=(count, 3, 5)).astype(np.float32), total)


FIGURES = ModelFigureData(
    ("filters", "coefficients", "feature_maps"),
    tiles(2, 9),
    {"größer/kleiner": GENERATOR.normal(size=(4, 4)).astype(np.float32)},
    {
        "set/a.jpeg": Maps(GENERATOR.integers(0, 256, (4, 4), np.uint8), {"x/y": tiles(1, 1), "z": tiles(2, 3)}),
        "set/b.jpeg": Maps(GENERATOR.integers(0, 256, (4, 4), np.uint8), {"x/y": tiles(1, 1)}),
    },
)


def arrays(figures: ModelFigureData) -> list[np.ndarray]:
    layers = [part.values for maps in figures.feature_maps.values() for part in maps.layers.values()]
    pictures = [maps.picture for maps in figures.feature_maps.values()]
    return [figures.filters.values, *figures.coefficients.values(), *pictures, *layers]


def outline(figures: ModelFigureData) -> list[object]:
    layers = {
        name: {layer: part.total for layer, part in maps.layers.items()} for name, maps in figures.feature_maps.items()
    }
    return [figures.asked, figures.filters.total, list(figures.coefficients), layers]


def test_a_file_is_read_as_it_was_written(tmp_path):
    write_model_figures(tmp_path / "inside.npz", FIGURES)
    assert [file.name for file in tmp_path.iterdir()] == ["inside.npz"]
    found = read_model_figures(tmp_path / "inside.npz")
    assert outline(found) == outline(FIGURES)
    for one, other in zip(arrays(found), arrays(FIGURES), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_an_outline_lists_what_a_file_has_without_the_arrays(tmp_path):
    write_model_figures(tmp_path / "inside.npz", FIGURES)
    found = read_model_figures(tmp_path / "inside.npz", outline=True)
    assert outline(found) == outline(FIGURES)
    assert not any(array.size for array in arrays(found))


def test_a_model_may_have_nothing_to_show(tmp_path):
    write_model_figures(tmp_path / "inside.npz", ModelFigureData(("filters",)))
    assert read_model_figures(tmp_path / "inside.npz") == ModelFigureData(("filters",), None, {}, {})


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "truncated", "an array", "of objects"])
def test_a_damaged_file_counts_as_missing_and_nothing_in_it_is_run(tmp_path, damage):
    path = tmp_path / "inside.npz"
    write_model_figures(path, FIGURES)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "an array":
        np.save(path.with_suffix(".npy"), np.zeros(3))
        path.with_suffix(".npy").replace(path)
    elif damage == "of objects":  # a pickle, which may run anything
        np.savez(path, header=np.array([{"asked": []}], dtype=object))
    else:
        path.write_bytes({"empty": b"", "text": b"no arrays", "truncated": content[: len(content) // 2]}[damage])
    assert read_model_figures(path) is None
    assert read_model_figures(path, outline=True) is None
