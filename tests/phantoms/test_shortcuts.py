"""Shortcuts of phantoms: planted where they are requested, and nowhere else."""

import json

import numpy as np
import pytest
from messages import TWICE, UNKNOWN, nearest, refused
from phantom_files import images_of
from PIL import Image

from pxr_tf.data.manifest import PHANTOM_FILE
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import write_phantoms
from pxr_tf.phantoms.shortcuts import parse_shortcuts

SIZE = 64


def test_shortcuts_are_planted_only_in_their_class(tmp_path):
    options = {"patients": dict.fromkeys(PHANTOM_CLASSES, 2), "images_per_patient": (1, 1), "size": SIZE}
    write_phantoms(tmp_path / "plain", **options)
    planted = parse_shortcuts("covid19:marker, normal:border+quality")
    write_phantoms(tmp_path / "planted", **options, shortcuts=planted)
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


def test_parse_shortcuts():
    assert parse_shortcuts("") == {}
    assert parse_shortcuts("normal:border+quality") == {"normal": frozenset({"border", "quality"})}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("covid:marker", [UNKNOWN, "'covid'", "covid19"]),
        ("covid19:markers", [UNKNOWN, "'markers'", nearest("'marker'")]),
        ("covid19", ["colon", "covid19:marker"]),
        ("covid19:", [UNKNOWN, "''", "border, marker, quality"]),
        ("normal:border,normal:quality", ["class", TWICE]),
    ],
)
def test_a_wrong_shortcut_text_is_refused(text, facts):
    with refused(*facts):
        parse_shortcuts(text)
