"""The sheet of one picture: what it shows, and that no word is cut off."""

import numpy as np
import pytest
from PIL import Image

from pxr_tf.galleries import sheet
from pxr_tf.galleries.sheet import (
    GAP,
    PANEL_SIDE,
    PANELS_PER_ROW,
    Checked,
    Drawn,
    Sheet,
    draw_sheet,
    fit_text,
    font,
    lay_out,
    wrap,
    write_picture_sheet,
)

RNG = np.random.default_rng(0)
PLAIN = Drawn("Grad-CAM", "layer feature_map", RNG.random((7, 7)).astype(np.float32), signed=False)
SIGNED = Drawn("Guided Grad-CAM", "", RNG.normal(size=(32, 32)).astype(np.float32), signed=True)
PICTURE = RNG.integers(0, 256, (32, 32), np.uint8)


def sheet_of(*maps: Drawn, name: str = "a/b.png", notes: tuple[str, ...] = ()) -> Sheet:
    return Sheet(name, ["true: normal", "predicted: viral"], notes, False, PICTURE, None, maps)


def test_methods_are_side_by_side_and_a_signed_method_has_four_views():
    rows = lay_out(sheet_of(PLAIN, SIGNED, PLAIN))
    assert [[panel.title for panel in row] for row in rows] == [
        ["X-ray", "Grad-CAM", "Grad-CAM"],
        [f"Guided Grad-CAM: {view}" for view in ("signed", "positive", "negative", "absolute")],
    ]
    assert all(panel.pixels.shape == (PANEL_SIDE, PANEL_SIDE, 3) for row in rows for panel in row)
    full = f"{np.percentile(np.abs(SIGNED.values), 99.5):.2g}"
    signed = (f"\N{MINUS SIGN}{full} counts against", f"supports +{full}")
    assert [panel.ends for panel in rows[1]] == [signed, signed, signed, ("0", full)]
    rows = lay_out(sheet_of(*[PLAIN] * 6))
    assert [len(row) for row in rows] == [PANELS_PER_ROW, 3]


def test_the_views_of_a_signed_map_add_up():
    """The positive and the negative view each show their part of the signed view."""
    blocks = SIGNED._replace(values=np.kron(RNG.normal(size=(2, 2)) * [[1, -1], [-1, 1]], np.ones((16, 16))))
    signed, positive, negative, _ = (panel.pixels.astype(int) for panel in lay_out(sheet_of(blocks))[1])
    plain = lay_out(sheet_of(blocks))[0][0].pixels.astype(int)
    changed = [(view != plain).any(axis=2) for view in (signed, positive, negative)]
    assert (changed[0] == (changed[1] | changed[2])).mean() > 0.95  # except for pixels between two blocks
    assert (changed[1] & changed[2]).mean() < 0.05
    assert 0.2 < changed[1].mean() < 0.8


def test_a_failed_method_is_marked():
    marked = draw_sheet(sheet_of(PLAIN._replace(checked=Checked("failed 1 of 2 checks", True)))).astype(int)
    plain = draw_sheet(sheet_of(PLAIN)).astype(int)
    assert marked.shape == plain.shape
    right = slice(GAP + PANEL_SIDE + GAP, None)
    ink = np.array(sheet.WARNING)
    assert (np.abs(marked[:, right] - ink).max(axis=2) < 8).sum() > 50
    assert (np.abs(plain[:, right] - ink).max(axis=2) < 8).sum() == 0


@pytest.mark.parametrize("words", ["not checked", "passed all 5 checks"])
def test_a_sheet_says_whether_a_method_was_checked(words):
    drawn = PLAIN if words == "not checked" else PLAIN._replace(checked=Checked(words))
    panels = [panel for row in lay_out(sheet_of(drawn, drawn._replace(signed=True, detail=""))) for panel in row]
    assert [panel.detail for panel in panels[1:]] == [f"layer feature_map · {words}", *[words] * 4]


@pytest.mark.parametrize("name", ["a", "x" * 5000, "kermany/" + "long name " * 40 + "person1_virus_6.jpeg"])
def test_no_word_touches_the_border(name):
    notes = ("Synthetic phantoms, not patients", "leaky split", "z" * 300)
    pixels = draw_sheet(sheet_of(PLAIN, name=name, notes=notes))
    assert (pixels[:, :GAP] == 255).all()
    assert (pixels[:, -GAP:] == 255).all()
    assert (pixels[:5] == 255).all() and (pixels[-5:] == 255).all()


def test_words_are_shortened_in_the_middle_and_broken_between_pieces():
    letters = font(14)
    long = "kermany/test/" + "x" * 400 + "/person1_virus_6.jpeg"
    short = fit_text(long, 300, letters)
    assert letters.getlength(short) <= 300 < letters.getlength(short + "mmm")
    assert short.startswith("kermany/test/") and short.endswith("person1_virus_6.jpeg") and "…" in short
    assert fit_text("as it is", 300, letters) == "as it is"
    assert wrap(["one", "two", "w" * 40], 320, letters)[0] == "one · two"
    assert all(letters.getlength(line) <= 320 for line in wrap(["one", "two", "w" * 90], 320, letters))


def test_a_sheet_is_written_whole_and_thumbnails_are_small(tmp_path):
    write_picture_sheet(tmp_path / "sheet.png", sheet_of(PLAIN, SIGNED))
    sheet.write_thumbnail(tmp_path / "small.jpg", sheet_of(SIGNED), 96)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["sheet.png", "small.jpg"]
    with Image.open(tmp_path / "sheet.png") as picture, Image.open(tmp_path / "small.jpg") as small:
        assert (np.asarray(picture) == draw_sheet(sheet_of(PLAIN, SIGNED))).all()
        assert small.size == (96, 96)
