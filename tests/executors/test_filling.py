"""Arrays that tasks fill: the rows and faults are those of this process, and small jobs stay here."""

import numpy as np
import pytest

from pxr_tf import arrays, locks
from pxr_tf.data.patients import add_content
from pxr_tf.executors.filling import fill_by_tasks
from pxr_tf.executors.inline import Inline
from pxr_tf.phantoms.sets import write_phantoms
from pxr_tf.pictures import store
from pxr_tf.pictures.gather import decode_images
from pxr_tf.pictures.lung_source import open_source
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import fill_by, open_pictures
from pxr_tf.sets.find import read_sources

WHOLE = Preparation(32, "squash")


class Counted(Inline):
    """Runs tasks in this process, and remembers them."""

    def __init__(self):
        self.tasks = []

    def run(self, batches, on_event):
        batches = list(batches)
        self.tasks += [task for tasks in batches for task in tasks]
        return super().run(batches, on_event)


@pytest.fixture
def elsewhere(monkeypatch):
    """Let tasks fill all arrays, and return the executor that runs them."""
    executor = Counted()
    monkeypatch.setattr(store, "FEW", 1)
    fill_by(fill_by_tasks(executor))
    yield executor
    fill_by(None)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_phantoms(folder / "set", patients={"normal": 4, "covid19": 2}, size=64, seed=3)
    table, _ = read_sources([folder / "set" / "chest_xray", folder / "set" / "covid-chestxray-dataset"])
    broken = folder / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n but no picture")
    table = table[["image_id", "path", "label"]]
    table.loc[len(table)] = ["broken", str(broken), "normal"]
    return add_content(table.assign(patient_id=table.image_id, source="a", official_split=""), lambda done, total: None)


def same_pictures(one, other, table) -> bool:
    known = [content for content in table.content if content in one.rows]
    return (
        np.array_equal(one.pixels[one.find(known)], other.pixels[other.find(known)])
        and one.rows.keys() == other.rows.keys()
    )


@pytest.mark.parametrize("shared", [False, True])
def test_tasks_make_the_pictures_and_faults_that_this_process_makes(tmp_path, table, elsewhere, monkeypatch, shared):
    monkeypatch.setattr(locks, "_shared", shared)
    seen = []
    found = open_pictures(tmp_path / "a", table, WHOLE, block=2, on_progress=lambda *done: seen.append(done))
    assert len(elsewhere.tasks) > 1
    assert seen[-1] == (len(table), len(table))
    fill_by(None)
    here = open_pictures(tmp_path / "b", table, WHOLE)
    assert same_pictures(found, here, table)
    assert found.faults == here.faults
    assert len(found.faults) == 1


def test_a_fault_that_is_not_remembered_comes_back_from_a_task(tmp_path, table, elsewhere):
    gone = table.assign(path=table.path + ".gone")
    assert len(open_pictures(tmp_path, gone, WHOLE).faults) == len(table)
    assert not arrays.load_array(next(tmp_path.glob("pictures-*[0-9a-f]"))).faults


def test_tasks_find_lungs_and_crop_by_them(tmp_path, table, elsewhere):
    good = table[table.image_id != "broken"]

    def decode(cache):
        source = open_source("builtin", None, good, cache)
        cropped = Preparation(32, "squash", "lungs", 0.1, source.identity)
        return decode_images(
            good, cropped, cache, skip_unreadable=False, on_progress=print, on_wait=print, source=source
        )

    found = decode(tmp_path / "a")
    assert {type(task.options.making).__name__ for task in elsewhere.tasks} == {"FoundByAtlas", "CroppedPicture"}
    fill_by(None)
    here = decode(tmp_path / "b")
    assert same_pictures(found.pictures, here.pictures, good)
    assert all(found.lungs.of(path).box == here.lungs.of(path).box for path in good.path)


def test_few_rows_stay_in_this_process(tmp_path, table, elsewhere, monkeypatch):
    monkeypatch.setattr(store, "FEW", len(table) + 1)
    open_pictures(tmp_path, table, WHOLE)
    assert elsewhere.tasks == []
