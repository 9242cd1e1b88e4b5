"""The glossary is sorted, has each word once, and names only places that exist."""

import re
from pathlib import Path

import pxr_tf

PACKAGE = Path(pxr_tf.__file__).parent
TEXT = (PACKAGE.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in TEXT.partition("## ")[0].splitlines() if line.startswith("| ")][1:]


def test_words_are_sorted_and_each_has_one_line():
    words = [word.lower() for word, _, _ in ROWS]
    assert len(words) > 50
    assert words == sorted(set(words))


def test_every_place_exists():
    places = [place for _, _, where in ROWS for place in re.findall("`(.+?)`", where)]
    assert [place for place in places if not any((root / place).exists() for root in (PACKAGE, PACKAGE.parent))] == []
