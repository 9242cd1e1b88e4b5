"""``pxr data`` and ``pxr phantom``: the description of a data set, and phantoms to try things with."""

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest
from messages import MISSING, any_of, assert_tells, matching
from picture_files import make_picture, save
from PIL import Image

from pxr_tf.config.comma_lists import split_paths


@pytest.mark.parametrize(
    ("target", "start"), [("", "pxr cv --config phantom --data "), ("phantom", "make cv CONFIG=phantom DATA=")]
)
def test_phantoms_are_written_and_the_next_command_is_printed(pxr, monkeypatch, target, start):
    monkeypatch.setenv("PXR_MAKE", target)
    code, said, wrong = pxr("phantom", "drawn", "--patients", 2, "--size", 64)
    assert (code, wrong) == (0, "")
    assert said.splitlines()[-1] == f"{start}drawn/chest_xray,drawn/covid-chestxray-dataset"
    assert Path("drawn/chest_xray").is_dir()


def test_the_printed_command_works_for_a_folder_with_a_space(pxr):
    _, said, _ = pxr("phantom", "my phantoms", "--patients", 1, "--size", 16)
    *_, data = shlex.split(said.splitlines()[-1])
    assert data == "my phantoms/chest_xray,my phantoms/covid-chestxray-dataset"


def test_shortcuts_of_a_strength_are_planted_in_a_share_of_the_patients(pxr):
    words = ["--patients", 4, "--size", 32, "--shortcuts", "covid19:marker", "--strength", 0.5, "--share", 0.5]
    assert pxr("phantom", "drawn", *words)[0] == 0
    parameters = json.loads(Path("drawn/chest_xray/phantom.json").read_text())
    assert (parameters["strength"], parameters["share"]) == (0.5, 0.5)
    marked = {line.split(",")[0].split("-")[-2] for line in Path("drawn/shortcuts.csv").read_text().splitlines()[1:]}
    assert len(marked) == 2


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ("--shortcuts viral:marker --strength 2", ["strength", "2.0", "above 0"]),
        ("--shortcuts viral:markers", ["'markers'", "marker"]),
        ("--share 0.5", ["share", "0.5", "no shortcut"]),
        ("--share few", ["--share", "'few'", "number"]),
    ],
)
def test_impossible_shortcuts_are_refused_in_one_line(pxr, words, facts):
    code, _, wrong = pxr("phantom", "drawn", *words.split())
    assert (code, wrong.count("\n")) == (2, 1)
    assert_tells(wrong, *facts)
    assert list(Path().iterdir()) == []


def test_phantoms_do_not_overwrite_other_files(pxr):
    Path("drawn").mkdir()
    Path("drawn/mine.txt").write_text("mine")
    code, _, said = pxr("phantom", "drawn", "--patients", 2, "--size", 64)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("pxr: ")
    assert [file.name for file in Path("drawn").iterdir()] == ["mine.txt"]


def test_data_is_described(pxr, data):
    code, said, wrong = pxr("data", data)
    assert (code, wrong) == (0, "")
    assert all(label in said for label in ("bacterial", "covid19", "normal", "viral"))
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize(("count", "judged"), [(9, False), (10, True)])
def test_a_class_of_few_images_is_not_judged(pxr, count, judged):
    for label in ("many", "few"):
        Path("set", label).mkdir(parents=True)
        for number in range(count):
            save(Path("set", label, f"{number}.png"), make_picture(width=60 + number))
    _, said, _ = pxr("data", "set")
    assert ("No class can be recognised" in said) == judged
    assert (matching("not judged.*10.*few").search(said) is None) == judged


def test_a_pipe_among_the_images_is_listed_and_never_opened(pxr, phantoms):
    shutil.copytree(phantoms[0], "chest_xray")
    pipe = next(Path("chest_xray").rglob("*virus*.jpeg")).with_name("person99_virus_9.jpeg")
    os.mkfifo(pipe)
    os.write(os.open(pipe, os.O_RDWR), b"nobody waits")
    code, said, wrong = pxr("data", "chest_xray")
    assert (code, wrong) == (0, "")
    assert_tells(said, matching("unreadable.*1"))
    assert_tells(said, pipe.name, any_of("regular file"))


def test_a_damaged_exif_block_does_not_matter(pxr, phantoms):
    """Its directory has more entries than bytes; Pillow warns whenever it reads the file."""
    shutil.copytree(phantoms[0], "chest_xray")
    path = next(Path("chest_xray").rglob("*virus*.jpeg"))
    Image.open(path).save(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    code, said, wrong = pxr("data", "chest_xray")
    assert (code, wrong) == (0, "")
    assert_tells(said, matching("unreadable.*none"))


def test_progress_is_shown_while_files_are_read(pxr, data, monkeypatch):
    monkeypatch.setattr("pxr_tf.events.QUIET", 0)
    code, said, _ = pxr("data", data)
    assert code == 0
    assert said.index("reading files · ") < said.index("reading images · ")


def test_missing_data_are_refused(pxr):
    code, _, said = pxr("data", "nowhere")
    assert (code, said.count("\n")) == (2, 1)
    assert_tells(said, "nowhere", MISSING)


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ("chest,xray", ["chest,xray"]),
        ("a,b", ["a", "b"]),
        ("a,nowhere", ["a", "nowhere"]),
        ("nowhere,else", ["nowhere", "else"]),
        ("a,chest,xray,b", ["a", "chest,xray", "b"]),
        ("one,two", ["one", "two"]),  # a folder "one,two" exists too
        ("three,four,five", ["three", "four,five"]),  # "three" exists, "three,four" does not
        ("a,b,", ["a", "b"]),
        (" a , b,, ", ["a", "b"]),
        ("space ,b", ["space ", "b"]),
        (" , ", []),
        ("", []),
        ("~nosuchuser/x,a", ["~nosuchuser/x", "a"]),
    ],
)
def test_a_path_may_have_a_comma(tmp_path, monkeypatch, given, paths):
    for name in ("a", "b", "chest,xray", "one", "two", "one,two", "three", "four,five", "space "):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert split_paths(given) == paths


def test_data_in_a_folder_with_a_comma(pxr, phantoms):
    Path("chest,xray").symlink_to(phantoms[1])
    code, said, wrong = pxr("data", "chest,xray,")
    assert (code, wrong) == (0, "")
    assert "covid19" in said
