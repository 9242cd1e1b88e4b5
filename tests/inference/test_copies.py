"""A run's own pictures are recognised in other files: of the same bytes, of another size or encoding."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lung_pictures import write_chests
from messages import any_of, tells
from PIL import Image
from tiny import CLASSES, tiny_experiment

from pxr_tf import files, rundir
from pxr_tf.config import dump_experiment
from pxr_tf.data.manifest import MANIFEST_COLUMNS
from pxr_tf.data.patients import add_content
from pxr_tf.inference.pictures import assign_folds, find_asked
from pxr_tf.runs.finished import FinishedRun

ROLES = ("train", "val", "test", "test_balanced", "train", "train")  # of six pictures in fold 0
IN_FOLD_1 = ("test", "train", "train", "train", "val", "")  # the last picture is in fold 0 alone, and only trained it


@pytest.fixture
def run(tmp_path) -> FinishedRun:
    """A run on six pictures, written as files; nothing is trained."""
    table = write_chests(tmp_path / "data", range(6)).assign(source="set", official_split="")
    table = table.assign(patient_id=[f"patient {number}" for number in range(6)], label="viral")
    folder = tmp_path / "run"
    files.write_text(folder / rundir.EXPERIMENT, dump_experiment(tiny_experiment()))
    files.write_csv(folder / rundir.MANIFEST, table[[*MANIFEST_COLUMNS, "content"]])
    parts = [table[["image_id"]].assign(fold=fold, role=roles) for fold, roles in (("0", ROLES), ("1", IN_FOLD_1))]
    splits = pd.concat(parts)
    files.write_csv(folder / rundir.SPLITS, splits[splits.role != ""])
    predicted = splits[splits.role.isin(["val", "test", "test_balanced"])].assign(label="viral", predicted="viral")
    chances = dict(zip([f"p_{name}" for name in CLASSES], (0.1, 0.1, 0.2, 0.6), strict=True))
    predicted["role"] = predicted.role.replace("test_balanced", "test")
    files.write_csv(folder / rundir.PREDICTIONS, predicted.assign(**chances))
    return FinishedRun(folder, tmp_path / "cache")


def other_file(path: str, to: Path, change: str) -> Path:
    """Write the picture of a file at another size, in another encoding, or in other grey values."""
    to.parent.mkdir(exist_ok=True)
    with Image.open(path) as picture:
        if change == "JPEG":
            picture.save(to.with_suffix(".jpg"), quality=60)
        elif change == "smaller":
            picture.resize((80, 64)).save(to)
        elif change == "larger":
            picture.resize((240, 192)).save(to)
        elif change == "darker":
            picture.point(lambda grey: grey * 0.8).save(to)
        else:
            shutil.copy(path, to)
    return to.with_suffix(".jpg") if change == "JPEG" else to


@pytest.mark.parametrize("change", ["copied", "JPEG", "smaller", "larger", "darker"])
def test_a_file_that_shows_a_runs_picture_has_its_role_in_the_fold_that_explains_it(run, tmp_path, change):
    paths = [other_file(path, tmp_path / "other" / f"x{n}.png", change) for n, path in enumerate(run.manifest.path)]
    for fold, folds, roles in (
        (None, "100000", ("test", "val", "test", "test", "train", "train")),
        ("0", "000000", ("train", "val", "test", "test", "train", "train")),
        ("1", "111111", ("test", "train", "train", "train", "val", "")),
    ):
        found = find_asked(run, [str(path) for path in paths], fold)
        assert ("".join(found.fold), tuple(found.role)) == (folds, roles)
        assert list(found.copy_of) == list(run.manifest.image_id)
        assert list(found.patient_id) == list(run.manifest.patient_id) and set(found.label) == {"viral"}
        known = (found.role.isin(["test", "val"])) & (change == "copied")
        assert list(found.predicted) == ["viral" if one else "" for one in known]
        assert [len(chances) for chances in found.prediction] == [4 * one for one in known]


def test_another_picture_is_external_and_the_runs_own_images_are_no_copies(run, tmp_path):
    external = write_chests(tmp_path / "external", range(20, 22))
    copy = str(other_file(external.path[0], tmp_path / "external" / "copy.png", "smaller"))
    found = find_asked(run, [*external.path, copy, *run.manifest.image_id[:2]], None)
    assert list(found.role) == ["", "", "", "test", "val"] and set(found.copy_of) == {""}
    assert list(found.own == "") == [True, True, True, False, False]


def test_changed_files_of_the_run_never_enter_the_cache_under_their_old_content(run, tmp_path):
    first, second, gone = run.manifest.path[:3]
    copies = [other_file(path, tmp_path / "other" / Path(path).name, "smaller") for path in (first, second, gone)]
    shutil.copy(second, first)  # another picture under the old name
    Path(gone).unlink()
    notes = []
    table = add_content(pd.DataFrame({"image_id": ["a", "b", "c"], "path": list(map(str, copies)), "patient_id": ""}))
    found = assign_folds(table, run, "0", notes.append)
    assert list(found.role) == ["", "val", ""]
    assert tells([note.get("text", "") for note in notes], any_of("2 pictures"), any_of("cannot be read"))


def test_known_pictures_are_not_compared(run, tmp_path):
    found = assign_folds(run.manifest, run, None, lambda event: pytest.fail(str(event)))
    assert list(found.fold) == list("100000") and not run.cache.exists()
    assert np.array_equal(found.own, found.content)
