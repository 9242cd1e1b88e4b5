"""The real path, shrunk: a network that learned phantoms, and whether its maps show lesions and a planted letter."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "explain_truth.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("explain_truth", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["explain_truth"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_grad_cam_finds_lesions_and_shows_that_a_network_reads_a_letter(script, tmp_path):
    found = script.run(("grad_cam", "occlusion"), patients=200, epochs=12, explained=20, work=tmp_path)
    assert found["clean"]["accuracy"] > 0.7 and found["marked"]["accuracy"] > 0.7  # chance: 0.33
    for method in ("grad_cam", "occlusion"):
        clean, marked = (found[name]["measured"][method] for name in ("clean", "marked"))
        assert clean["more than chance"].low > 0 and clean["AUC"].low > 0.5
        assert marked["on the letter"].low > 2 * marked["chance"].value
        assert marked["lungs less area"].high < 0 < clean["in the lungs"].low
    assert (found["clean"]["table"]["finds the lesion"] == "yes").all()
    assert (found["marked"]["table"]["finds the letter"] == "yes").all()


def test_the_letter_is_planted_in_its_class_alone_and_inside_its_mask(script, tmp_path):
    drawn = script.draw_phantoms(tmp_path / "drawn", patients=4, seed=0)
    marked, letter = script.with_letter(drawn), script.CLASSES.index(script.MARKED)
    before = drawn.pictures[drawn.labels != letter]
    changed = (marked.pictures != before).any(axis=(1, 2))
    assert (changed == (marked.labels == letter)).all() and changed.sum() == 2
    assert not marked.lesions[changed].any() and not (marked.pictures != before)[:, ~script.marker_mask()].any()
    assert script.marker_mask().mean() < 0.08
    ill = drawn.labels != script.CLASSES.index("normal")
    assert (drawn.lesions.any(axis=(1, 2)) == ill).all() and not (drawn.lesions & ~drawn.lungs).any()
