"""Commands under make, on a terminal without UTF-8, and with words that they do not take."""

import io
import os
import subprocess
import sys

import pytest
from messages import ACCEPTED, MISSING, WHOLE_NUMBER, any_of, assert_tells
from picture_files import make_picture, save

from pxr_tf.commands import typed

ASCII = {"PYTHONIOENCODING": "ascii"}
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("variables", [ASCII, C_LOCALE, C_LOCALE | ASCII, {"PYTHONIOENCODING": "latin-1"}])
def test_an_output_without_dots_and_accents_ends_no_command(tmp_path, variables):
    folder = tmp_path / "Röntgen · 肺炎" / "normal"
    folder.mkdir(parents=True)
    for name, width in (("é.png", 80), ("b.png", 70)):
        save(folder / name, make_picture(width=width))
    command = [sys.executable, "-m", "pxr_tf.cli", "data", str(folder.parent)]
    ended = subprocess.run(command, env=os.environ | variables, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"2 images" in ended.stdout
    ended = subprocess.run(
        [*command[:-1], f"{tmp_path}/fällt"], env=os.environ | variables, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize("words", [[], ["cv"], ["features"]])
def test_help_has_only_characters_that_the_output_can_show(words):
    command = [sys.executable, "-m", "pxr_tf.cli", *words, "--help"]
    ended = subprocess.run(command, env=os.environ | ASCII, capture_output=True, check=True)
    assert ended.stdout.isascii()
    assert words != ["cv"] or b"mean +- sd" in ended.stdout


@pytest.mark.parametrize(
    ("text", "plain"),
    [("a · b", "a - b"), ("Cramér", "Cramer"), ("0.9 ± 0.1 …", "0.9 +- 0.1 ..."), ("肺", "?"), ("\udcc3", "?")],
)
def test_a_letter_that_the_output_lacks_is_replaced_by_a_like_one(text, plain, monkeypatch):
    file = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file, encoding="ascii"))
    typed.make_output_plain()
    print(text, end="", flush=True)
    assert file.getvalue().decode() == plain


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ("cv --seed abc", ["--seed", "'abc'", WHOLE_NUMBER, ACCEPTED]),
        ("cv --folds 1", ["--folds", "1", "2 to 1000"]),
        ("phantom x --patients 0", ["--patients", "0", "1 to 9999"]),
        ("phantom x --size 15", ["--size", "15", "16 to 4096"]),
        ("phantom x --seed -1", ["--seed", "-1", "0 or more"]),
        ("cv --folds 2.5", ["--folds", "'2.5'", WHOLE_NUMBER]),
        ("cv --seeds 0,x", ["--seeds", "x", WHOLE_NUMBER]),
        ("cv --epochs x", ["--epochs", "'x'", WHOLE_NUMBER]),
        ("train --validation x", ["--validation", "'x'", any_of("number")]),
        ("explain run --number 0", ["--number", "'0'", "1 or more"]),
        ("explain", ["RUN", any_of("missing"), "pxr explain --help"]),
        ("cv --nosuch 1", ["--nosuch", "pxr cv --help"]),
        ("cv extra", ["extra", "pxr cv --help"]),
        ("nosuch", ["nosuch", "pxr --help"]),
        ("--seed 1", ["--seed", "pxr --help"]),
    ],
)
def test_words_that_a_command_does_not_take_are_refused_in_one_line(pxr, words, facts):
    code, said, wrong = pxr(*words.split())
    assert (code, said, wrong.count("\n")) == (2, "", 1)
    assert wrong.startswith("pxr: ")
    assert_tells(wrong, *facts)


def test_pxr_alone_lists_its_commands(pxr):
    _, said, wrong = pxr()
    assert "lungs train" in said + wrong


@pytest.mark.parametrize(
    ("message", "by_make"),
    [
        ("--seed received 'abc'; accepted: a whole number.", "SEED received 'abc'; accepted: a whole number."),
        (
            "Received --seed 1 and --seeds 0,1; accepted: one of the two.",
            "Received SEED=1 and SEEDS=0,1; accepted: one of the two.",
        ),
        ("--epochs received 'x'.", "--epochs received 'x'."),
        ("a file that `pxr lungs train` wrote", "a file that `make lungs-train` wrote"),
        ("Use pxr train.", "Use make train."),
        ("allow a mix (--mix-environments)", "allow a mix (ARGS=--mix-environments)"),
        ("what pxr lungs train --help lists", "what pxr lungs train --help lists"),
        ("another version of pxr_tf", "another version of pxr_tf"),
        ("Give a model that pxr trained.", "Give a model that pxr trained."),
        ("It is in /data/pxr runs/a.", "It is in /data/pxr runs/a."),
    ],
)
def test_messages_have_the_words_of_make_if_it_was_started(monkeypatch, message, by_make):
    monkeypatch.delenv(typed.MAKE, raising=False)
    assert (typed.as_typed(message), typed.name_program()) == (message, "pxr")
    monkeypatch.setenv(typed.MAKE, "cv")
    assert (typed.as_typed(message), typed.name_program()) == (by_make, "make cv")


@pytest.mark.parametrize(
    ("command", "message", "by_pxr"),
    [
        (
            "cv",
            "Use another folder (RUNS=...), or delete this one.",
            "Use another folder (--runs ...), or delete this one.",
        ),
        ("lungs", "Name another file (--out, OUT=...).", "Name another file (--out ...)."),
        ("cv", "Add a data set (DATA=a,b).", "Add a data set (--data a,b)."),
        ("evaluate", "Add a data set (DATA=a,b).", "Add a data set (DATA=a,b)."),
        (
            "train",
            "Train it: make cv CONFIG=a.yaml 'DATA=a b' SEED=0.",
            "Train it: pxr cv --config a.yaml --data 'a b' --seed 0.",
        ),
        ("train", "make train 'ARGS=--set image.masks=m' RUNS=r", "pxr train --set image.masks=m --runs r"),
        ("audit", "Choose STRICT=1 or make lungs-train.", "Choose --strict or pxr lungs train."),
        ("cv", "It is in /data/RUNS=a.", "It is in /data/RUNS=a."),
    ],
)
def test_messages_have_no_word_of_make_if_it_was_not_started(monkeypatch, command, message, by_pxr):
    monkeypatch.delenv(typed.MAKE, raising=False)
    monkeypatch.setattr(sys, "argv", ["pxr", command])
    assert typed.as_typed(message) == by_pxr


def test_an_error_under_make_begins_with_its_target(pxr, monkeypatch):
    monkeypatch.setenv(typed.MAKE, "data")
    code, _, wrong = pxr("data", "nowhere")
    assert code == 2
    assert wrong.startswith("make data: ")
    assert_tells(wrong, "nowhere", MISSING)
