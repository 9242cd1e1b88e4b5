"""The state of a gallery: complete, or parts of several; and which files are removed."""

import pytest

from pxr_tf.galleries.state import ABOUT, finish, is_complete, mark_unfinished, read_about, unmark_empty


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_a_gallery_is_complete_until_another_begins_or_a_file_is_missing(tmp_path):
    assert not is_complete(tmp_path, "a")
    write(tmp_path, "index.html", "maps/1.npz", "mine.txt")
    finish(tmp_path, {"key": "a"}, ["index.html", "maps/1.npz"])
    assert is_complete(tmp_path, "a") and not is_complete(tmp_path, "b")
    (tmp_path / "index.html").unlink()
    assert not is_complete(tmp_path, "a")
    write(tmp_path, "index.html")
    mark_unfinished(tmp_path, ["maps/2.npz"])
    assert not is_complete(tmp_path, "a") and not is_complete(tmp_path, "")


def test_the_command_that_finishes_removes_what_killed_commands_wrote(tmp_path):
    for key in ("a", "b"):  # both die
        write(tmp_path, f"maps/{key}.npz")
        mark_unfinished(tmp_path, [f"maps/{key}.npz", "maps/never.npz"])
    write(tmp_path, "maps/c.npz", "maps/mine.npz")
    finish(tmp_path, {"key": "c"}, ["maps/c.npz"])
    assert sorted(file.name for file in (tmp_path / "maps").iterdir()) == ["c.npz", "mine.npz"]


def test_the_mark_of_an_empty_gallery_is_deleted(tmp_path):
    mark_unfinished(tmp_path / "g", ["maps/1.npz"])
    write(tmp_path / "g", "maps/1.npz")
    unmark_empty(tmp_path / "g")
    assert (tmp_path / "g" / ABOUT).exists()
    (tmp_path / "g/maps/1.npz").unlink()
    (tmp_path / "g/maps").rmdir()
    unmark_empty(tmp_path / "g")
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize("text", ["[]", "3", "{", '{"key": "a", "files": 3}', '{"key": "a", "files": ["../x", 4]}'])
def test_an_edited_file_is_not_a_gallery_and_removes_nothing_elsewhere(tmp_path, text):
    write(tmp_path, "x")
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / ABOUT).write_text(text)
    assert not is_complete(tmp_path / "g", "a") and isinstance(read_about(tmp_path / "g"), dict)
    finish(tmp_path / "g", {"key": "b"}, [])
    assert (tmp_path / "x").exists()
