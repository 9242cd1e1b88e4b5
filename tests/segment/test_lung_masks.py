"""Masks and table of many pictures: complete, resumable, never half-written, the same from any number of processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_says, matching, refused

from pxr_tf import locks
from pxr_tf.errors import PxrError
from pxr_tf.lungs.atlas import LungAtlas, build_atlas, prepare_pairs, shrink_pair
from pxr_tf.lungs.confidence import TRUSTED
from pxr_tf.lungs.contrast import steady_box
from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.pictures.given_masks import find_given
from pxr_tf.report.lung_sheet import summarise_lungs, write_lung_sheet
from pxr_tf.segment.masks import LUNG_BOX_COLUMNS, write_lungs


@pytest.fixture(scope="module")
def atlas():
    chests = [draw_chest(patient, 0, 48) for patient in range(6)]
    return build_atlas(prepare_pairs([shrink_pair(chest.image, chest.whole_lungs) for chest in chests]))


@pytest.fixture
def pictures(tmp_path) -> dict[str, str]:
    paths = {f"set/{patient}.png": tmp_path / f"in/{patient}.png" for patient in range(3)}
    (tmp_path / "in").mkdir()
    for patient, path in enumerate(paths.values()):
        cv2.imwrite(str(path), draw_chest(patient + 20, 0, 64).image)
    return {name: str(path) for name, path in paths.items()}


def refuse(done: int, total: int) -> None:
    raise AssertionError(f"found again: {done} of {total}")


def test_a_mask_and_a_row_per_picture(pictures, atlas, tmp_path):
    steps: list[tuple[int, int]] = []
    table = write_lungs(pictures, atlas, tmp_path / "out", on_progress=lambda *step: steps.append(step))
    assert list(table.columns) == LUNG_BOX_COLUMNS and list(table.image) == list(pictures)
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert table.confidence.between(0, 1).all() and (table.origin == "found").all() and (table.fault == "").all()
    for row in table.itertuples():
        mask = cv2.imread(str((tmp_path / "out/masks" / row.image).with_suffix(".png")), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (row.height, row.width) == (64, 64) and set(np.unique(mask)) == {0, 255}
        assert (row.left, row.top, row.right, row.bottom) == steady_box(mask > 0)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "out/lungs.csv", keep_default_na=False), table, check_dtype=False
    )


def test_a_second_start_finds_no_lungs_again_and_leaves_the_same_bytes(pictures, atlas, tmp_path):
    write_lungs(pictures, atlas, tmp_path / "out")
    before = (tmp_path / "out/lungs.csv").read_bytes()
    write_lungs(pictures, atlas, tmp_path / "out", on_progress=refuse)
    assert (tmp_path / "out/lungs.csv").read_bytes() == before


def found_again(pictures, atlas, out: Path, **given) -> list[int]:
    steps: list[int] = []
    write_lungs(pictures, atlas, out, on_progress=lambda done, total: steps.append(done), **given)
    return steps


def test_lungs_that_are_missing_changed_or_of_another_atlas_are_found_again(pictures, atlas, tmp_path):
    out = tmp_path / "out"
    write_lungs(dict(list(pictures.items())[:2]), atlas, out)
    assert found_again(pictures, atlas, out) == [3]
    (out / "masks/set/1.png").unlink()
    assert found_again(pictures, atlas, out) == [3]
    cv2.imwrite(pictures["set/0.png"], draw_chest(30, 0, 80).image)
    assert found_again(pictures, atlas, out) == [3]
    assert pd.read_csv(out / "lungs.csv").width.tolist() == [80, 64, 64]
    other = build_atlas([(picture, np.uint8(255 * mask)) for picture, mask in zip(*some(atlas), strict=True)])
    assert found_again(pictures, other, out) == [1, 2, 3]


def some(atlas: LungAtlas) -> tuple[np.ndarray, np.ndarray]:
    return atlas.pictures[:5], atlas.masks[:5]


def test_a_killed_command_keeps_whole_blocks(pictures, atlas, tmp_path, monkeypatch):
    monkeypatch.setattr("pxr_tf.segment.masks.PICTURES_PER_BLOCK", 2)

    def pull_the_plug(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lungs(pictures, atlas, tmp_path / "out", on_progress=pull_the_plug)
    assert len(pd.read_csv(tmp_path / "out/lungs.csv")) == 2
    assert found_again(pictures, atlas, tmp_path / "out") == [3]


def test_processes_make_no_difference(pictures, atlas, tmp_path):
    for processes in (1, 2):
        write_lungs(pictures, atlas, tmp_path / str(processes), processes=processes)
    files = {path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file()}
    assert len(files) == 4
    assert [
        name for name in files if (tmp_path / "1" / name).read_bytes() != (tmp_path / "2" / name).read_bytes()
    ] == []


def test_an_unreadable_picture_has_a_row_with_the_reason_and_is_tried_again(pictures, atlas, tmp_path):
    whole = Path(pictures["set/1.png"]).read_bytes()
    Path(pictures["set/1.png"]).write_bytes(whole[:200])
    table = write_lungs(pictures, atlas, tmp_path / "out").set_index("image")
    assert "damaged PNG" in table.fault["set/1.png"] and not table.trusted["set/1.png"]
    assert not (tmp_path / "out/masks/set/1.png").exists()
    Path(pictures["set/1.png"]).write_bytes(whole)
    assert found_again(pictures, atlas, tmp_path / "out") == [3]
    assert (pd.read_csv(tmp_path / "out/lungs.csv", keep_default_na=False).fault == "").all()


def test_a_picture_that_stays_unreadable_leaves_the_other_rows_as_they_were(pictures, atlas, tmp_path):
    out = tmp_path / "out"
    Path(pictures["set/1.png"]).write_bytes(b"no picture")
    cv2.imwrite(pictures["set/2.png"], np.zeros((64, 64), np.uint8))
    first = write_lungs(pictures, atlas, out)
    before, said = (out / "lungs.csv").read_bytes(), summarise_lungs(first, TRUSTED)
    again = write_lungs(pictures, atlas, out)
    assert write_lung_sheet(out, again, pictures) == out / "sheet.png"
    assert (out / "lungs.csv").read_bytes() == before
    assert summarise_lungs(again, TRUSTED) == said
    assert again.trusted.tolist() == [True, False, False]


def test_given_masks_are_read_and_scaled(pictures, atlas, tmp_path):
    (tmp_path / "given").mkdir()
    cv2.imwrite(str(tmp_path / "given/1.png"), np.pad(np.full((10, 10), 255, np.uint8), ((0, 22), (12, 10))))
    given = find_given(pictures, tmp_path / "given")
    table = write_lungs(pictures, atlas, tmp_path / "out", given=given).set_index("image")
    assert table.origin.tolist() == ["found", "given", "found"]
    assert table.loc["set/1.png", ["left", "top", "right", "bottom"]].tolist() == [24, 0, 44, 20]
    assert table.confidence["set/1.png"] == 1
    assert found_again(pictures, atlas, tmp_path / "out", given=given) == []
    assert found_again(pictures, atlas, tmp_path / "out") == [3]  # the mask is no longer given, so lungs are computed


@pytest.mark.parametrize("place", ["set/images/a.png", "set/masks/a.png", "images/a.png", "masks/a.png", "a.png"])
def test_a_given_mask_is_found_by_its_pictures_name(tmp_path, place):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    pictures = {f"set/images/{name}.jpeg": f"elsewhere/{name}.jpeg" for name in "ab"}
    assert find_given(pictures, tmp_path) == {"set/images/a.jpeg": tmp_path / place}


def touch_all(folder: Path, *places: str) -> dict[str, str]:
    """Write empty files and return name -> path of each."""
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).touch()
    return {place: str(folder / place) for place in places}


@pytest.mark.parametrize("masks", ["D", "D/COVID", "D/COVID/masks", "link"])
def test_pictures_in_the_folder_of_their_masks_are_not_masks(tmp_path, masks):
    pictures = touch_all(tmp_path, "D/COVID/images/C-1.png", "D/COVID/images/C-2.png")
    touch_all(tmp_path, "D/COVID/masks/C-1.png")
    (tmp_path / "link").symlink_to(tmp_path / "D")
    found = {name: mask.resolve() for name, mask in find_given(pictures, tmp_path / masks).items()}
    assert found == {"D/COVID/images/C-1.png": (tmp_path / "D/COVID/masks/C-1.png").resolve()}


def test_images_next_to_masks_in_a_copy_are_not_masks_either(tmp_path):
    touch_all(tmp_path, "copy/images/1.png", "copy/images/2.png", "copy/masks/1.png")
    pictures = {f"D/images/{number}.png": f"elsewhere/{number}.png" for number in (1, 2)}
    assert find_given(pictures, tmp_path / "copy") == {"D/images/1.png": tmp_path / "copy/masks/1.png"}


def test_no_picture_is_a_mask_of_itself_or_of_another_picture(tmp_path):
    pictures = touch_all(tmp_path, "D/A/1.png", "D/1.png")
    with refused(any_of("no mask"), "2 pictures"):
        find_given(pictures, tmp_path / "D")


def test_two_pictures_that_share_a_given_mask_are_both_named(tmp_path):
    pictures = touch_all(tmp_path, "D/A/1.png", "D/B/1.png")
    touch_all(tmp_path, "given/1.png")
    with pytest.raises(PxrError) as caught:
        find_given(pictures, tmp_path / "given")
    assert all(path in str(caught.value) for path in pictures.values())
    assert_says(caught.value, "mask", any_of("two pictures", "2 pictures"))


def test_masks_that_fit_nothing_are_refused(pictures, atlas, tmp_path):
    with refused(any_of("no mask"), "3 pictures", "set/0.png"):
        find_given(pictures, tmp_path / "in/..")
    with refused("nowhere", any_of("no folder", "not a folder", "not exist")):
        find_given(pictures, tmp_path / "nowhere")
    (tmp_path / "flat.png").write_bytes(cv2.imencode(".png", np.ones((10, 30), np.uint8))[1].tobytes())
    with refused(matching("flat.png"), "30 x 10 pixels", "64 x 64", any_of("proportions")):
        write_lungs(pictures, atlas, tmp_path / "out", given={"set/0.png": tmp_path / "flat.png"})


def test_two_pictures_never_share_a_mask(pictures, atlas, tmp_path):
    clash = {"set/a.png": pictures["set/0.png"], "set/a.jpg": pictures["set/1.png"]}
    with refused(any_of("one mask", "same mask"), "set/a.png"):
        write_lungs(clash, atlas, tmp_path / "out")
    with refused(any_of("outside")):
        write_lungs({"../a.png": pictures["set/0.png"]}, atlas, tmp_path / "out")


def test_a_table_of_something_else_is_not_overwritten(pictures, atlas, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/lungs.csv").write_text("a,b\n1,2\n")
    with refused(matching("lungs.csv"), "column"):
        write_lungs(pictures, atlas, tmp_path / "out")
    assert (tmp_path / "out/lungs.csv").read_text() == "a,b\n1,2\n"


def test_the_sheet_is_drawn_while_no_other_process_can_write(pictures, atlas, tmp_path):
    drawn = []

    def draw(table: pd.DataFrame) -> None:
        with refused("in use", error=PxrError), locks.hold(locks.lock_of(tmp_path / "out"), patience=0):
            pass
        assert (tmp_path / "out/lungs.csv").exists()
        drawn.append(len(table))

    write_lungs(pictures, atlas, tmp_path / "out", draw=draw)
    assert drawn == [3]


def test_an_empty_given_mask_has_a_fault_and_leaves_no_older_mask(pictures, atlas, tmp_path):
    out, empty = tmp_path / "out", tmp_path / "empty.png"
    write_lungs(pictures, atlas, out)
    assert (out / "masks/set/0.png").exists()
    cv2.imwrite(str(empty), np.zeros((64, 64), np.uint8))
    table = write_lungs(pictures, atlas, out, given={"set/0.png": empty}).set_index("image")
    assert table.fault["set/0.png"] == "the given mask is empty" and not table.trusted["set/0.png"]
    assert not (out / "masks/set/0.png").exists()
    said = summarise_lungs(table.reset_index(), TRUSTED)
    assert_says(" ".join(said), "2 pictures", "2 found", "0 given", "1 given mask", any_of("empty"), "set/0.png")


def test_numbered_given_masks_are_given(pictures, atlas, tmp_path):
    mask = np.pad(np.repeat(np.uint8([[1, 2]]), 10, axis=1).repeat(20, axis=0), ((20, 24), (20, 24)))
    cv2.imwrite(str(tmp_path / "numbered.png"), mask)
    (row,) = write_lungs(
        {"set/0.png": pictures["set/0.png"]}, atlas, tmp_path / "out", given={"set/0.png": tmp_path / "numbered.png"}
    ).itertuples()
    assert (row.origin, row.left, row.top, row.right, row.bottom) == ("given", 20, 20, 40, 40)
    assert set(np.unique(cv2.imread(str(tmp_path / "out/masks/set/0.png"), 0))) == {0, 255}


INTERRUPTED = """
import signal
import sys
from pathlib import Path
from pxr_tf.lungs.atlas import build_atlas, prepare_pairs, shrink_pair
from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.segment.masks import write_lungs

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it from the start
    chests = [draw_chest(patient, 0, 48) for patient in range(3)]
    atlas = build_atlas(prepare_pairs([shrink_pair(chest.image, chest.whole_lungs) for chest in chests]))
    pictures = {f"{number}.png": sys.argv[1] for number in range(3000)}
    print("begins", flush=True)
    say = lambda done, total: print(done, flush=True)
    try:
        write_lungs(pictures, atlas, Path(sys.argv[2]), processes=2, on_progress=say)
    except KeyboardInterrupt:
        sys.exit("stopped")
"""


def ended(group: int) -> bool:
    """Return whether all processes of a group end within seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("line", ["begins", "1"])
def test_ctrl_c_ends_all_processes_without_their_tracebacks(pictures, tmp_path, line):
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    words = [sys.executable, str(script), pictures["set/0.png"], str(tmp_path / "out")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, **pipes, start_new_session=True) as process:
        while process.stdout.readline().strip() != line:
            assert process.poll() is None, process.stderr.read()
        if line == "begins":
            time.sleep(0.3)  # its workers start now
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "stopped\n")
    assert ended(process.pid)
