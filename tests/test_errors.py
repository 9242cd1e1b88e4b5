"""The helpers for messages: nearest names, short lists, accepted values."""

import re
import sys
from pathlib import Path

import pytest

import pxr_tf
from pxr_tf.config.messages import accepted_value
from pxr_tf.errors import count_words, fit_terminal, nearest, shorten, shown

KNOWN = ("xception", "resnet50", "inception_v3", "inception_resnet_v2")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("xcepton", " Did you mean 'xception'?"),
        ("XCEPTION", " Did you mean 'xception'?"),
        ("inception", " Did you mean 'xception' or 'inception_v3' or 'inception_resnet_v2'?"),
        ("vgg", ""),
        ("", ""),
    ],
)
def test_nearest_names(name, hint):
    expected = set(hint.split("'")[1::2])
    assert set(nearest(name, KNOWN).split("'")[1::2]) == expected
    assert bool(nearest(name, KNOWN)) == bool(hint)


@pytest.mark.parametrize(
    ("count", "limit", "text"), [(0, 3, ""), (2, 3, "0, 1"), (3, 3, "0, 1, 2"), (5, 3, "0, 1, 2 and 2 more")]
)
def test_a_long_list_is_shortened(count, limit, text):
    assert shorten(range(count), limit) == text


@pytest.mark.parametrize(
    ("kind", "limits", "text"),
    [
        ("int_parsing", {}, "a whole number"),
        ("greater_than_equal", {"ge": 2}, "2 or more"),
        ("greater_than", {"gt": 0.0}, "more than 0"),
        ("literal_error", {"expected": "'a' or 'b'"}, "'a' or 'b'"),
        ("something_new", {}, "the message itself"),
    ],
)
def test_the_accepted_value_is_in_plain_words(kind, limits, text):
    assert accepted_value({"type": kind, "ctx": limits, "msg": "the message itself"}) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "nothing"), ("a\nb", r"'a\nb'"), ("x" * 99, "'" + "x" * 36 + "...")]
)
def test_a_received_value_is_one_short_line(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(("count", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1310, "1,310 images")])
def test_a_number_agrees_with_its_noun(count, words):
    assert count_words(count, "image") == words
    assert count_words(count, "class", "classes").endswith("class" if count == 1 else "classes")


COUNTED = re.compile(
    r'\{(?:len\(|[\w.]*(?:count|num|nunique)\w*[(\[}:])(?:(?!, )[^{}"\n])*\}? '
    r"(?:images|pictures|patients|classes|files|pairs|points|ids)\b"
)
NEVER_ONE = {"begin.py", "notes.py", "archives.py"}  # two classes or more; guarded by `> 1` or a higher number


def test_a_number_and_its_noun_agree_in_every_message():
    """A count in front of a plural goes through `count_words`, or a message would say "1 images"."""
    package = Path(pxr_tf.__file__).parent
    found = {file.name for file in package.rglob("*.py") if COUNTED.search(file.read_text(encoding="utf-8"))}
    assert found == NEVER_ONE


def test_a_message_is_one_line_in_a_file_and_keeps_its_words_whole_on_a_terminal(monkeypatch):
    message = "DATA /a/path/that/is/longer/than/the/narrow/terminal does not exist; accepted: a folder."
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert fit_terminal(message, "pxr: ") == message
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    lines = f"pxr: {fit_terminal(message, 'pxr: ')}".splitlines()
    assert " ".join(lines) == f"pxr: {message}"
    assert [line for line in lines if len(line) > 30] == ["/a/path/that/is/longer/than/the/narrow/terminal"]
