"""``pxr explain``: galleries of finished runs, and refusals."""

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import EITHER, UNKNOWN, any_of, assert_says, assert_tells, matching, nearest
from PIL import Image
from tiny import CLASSES, RUN_DEPTH, SIZE, Never, Stopped, stopped

from pxr_tf.executors.inline import Inline
from pxr_tf.explain.method_table import METHODS
from pxr_tf.galleries.request import GalleryRequest
from pxr_tf.galleries.run import Explained, explain_run, prepare_gallery
from pxr_tf.galleries.write import write_gallery
from pxr_tf.models.model_file import load_classifier, save_classifier
from pxr_tf.models.scratch import build_linear
from pxr_tf.runs.finished import FinishedRun, open_run

MODEL = matching("fold-0/model.keras")
REFUSED = [
    (["nowhere"], ["'nowhere'", any_of("run directory"), matching("experiment.yaml|not exist")]),
    (["begun"], ["'begun'", "finished", "predictions.csv"]),
    (["RUN", "nowhere.png"], ["IMAGES", "'nowhere.png'", "image", "file", "folder"]),
    (["RUN", "notes.png", "--out", "gallery"], ["1 of 1 image", "notes.png", "JPEG", "PNG"]),
    (["RUN", "--methods", "grad_cm"], [UNKNOWN, "method", "'grad_cm'", nearest("'grad_cam'")]),
    (["RUN", "--methods", "grad_cam", "--layer", "normalisation"], ["normalisation", nearest("'normalization'")]),
    (["RUN", "--methods", "grad_cam", "--layer", "logits"], ["'logits'", any_of("spatial")]),
    (["RUN", "--layer", "scaling"], ["'scaling'", any_of("before"), any_of("convolution")]),
    (
        ["RUN", "--methods", "saliency", "--layer", "normalization"],
        ["saliency", "layer", any_of("leave", "remove", "omit")],
    ),
    (["RUN", "--class", "virl"], ["--class", "'virl'", "predicted", "true", nearest("'viral'")]),
    (["RUN", "mine.png", "--class", "true"], ["1 of 1", any_of("true label"), "mine.png"]),
    (["RUN", "--fold", "2"], ["--fold", "'2'", "fold-0, fold-1"]),
    (["RUN", "--masks", "folder"], ["MASKS", "folder", "mask", any_of("folder"), any_of("masks")]),
    (["RUN", "--masks", "folder", "--atlas", "folder"], ["--atlas", "folder", "--masks", EITHER]),
    (
        ["RUN", "mine.png", "--number", "3"],
        ["--number", "3", any_of("images", "image"), any_of("leave", "remove", "omit")],
    ),
    (["RUN", "--no-checks", "--check-pictures", "3"], ["--check-pictures", any_of("checks"), "--no-checks"]),
    (["RUN", "--no-checks", "--atlas", "folder"], ["--atlas", any_of("checks"), "--no-checks"]),
    (["edited"], [matching("edited'"), any_of("version"), any_of("edited", "changed"), "no_such_key"]),
    (["RUN", "--out", "folder"], ["--out", "'folder'", any_of("gallery")]),
    (["RUN", "--out", "mine.png"], ["--out", "'mine.png'", "mine.png", "file", any_of("new folder", "empty folder")]),
    (["RUN", "--out", "mine.png/in"], ["--out", "'mine.png/in'", "mine.png", "file"]),
    (["RUN", "--out", "/"], ["--out", "'/'", any_of("root")]),
    (["RUN", "--out", "edited"], ["--out", "'edited'", any_of("run directory")]),
]


@pytest.fixture
def scene():
    """Files that are not a run, a picture or a gallery, and an external picture."""
    Path("notes.png").write_text("no picture")
    Path("folder").mkdir()
    Path("folder/index.html").write_text("mine")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70), np.uint8)).save("mine.png")


def check_refusal(result: tuple[int, str, str], *expected: str) -> None:
    code, _, said = result
    assert (code, said.count("\n")) == (2, 1), said
    assert said.startswith("pxr: ")
    assert_says(said, *expected)


@pytest.fixture(scope="module")
def edited(finished_run, tmp_path_factory) -> Path:
    """A run with a recipe of another version, and an unfinished run."""
    folder = tmp_path_factory.mktemp("edited")
    (folder / "begun").mkdir()
    shutil.copy(finished_run / "experiment.yaml", folder / "begun")
    shutil.copytree(finished_run, folder / "edited", ignore=shutil.ignore_patterns("fold-*"))
    with open(folder / "edited/experiment.yaml", "a") as file:
        file.write("no_such_key: 1\n")
    return folder


@pytest.mark.parametrize(("words", "expected"), REFUSED, ids=[" ".join(words)[:40] for words, _ in REFUSED])
def test_bad_input_gets_one_line_and_leaves_no_files(pxr, finished_run, edited, scene, monkeypatch, words, expected):
    for name in ("begun", "edited"):
        Path(name).symlink_to(edited / name)
    monkeypatch.setattr("pxr_tf.executors.choose.LocalProcess", Never)  # refused before TensorFlow is loaded
    before = set(finished_run.rglob("*"))
    words = [{"RUN": finished_run}.get(word, word) for word in words]
    checks = [] if "--masks" in words else ["--no-checks"]  # with checks, the atlas is built first, which takes seconds
    check_refusal(pxr("explain", *words, *checks, "--runs", "runs"), *expected)
    assert set(finished_run.rglob("*")) == before


def test_runs_without_models_and_linear_models_are_refused_in_one_line(pxr, own_copy, tmp_path):
    path = own_copy / "fold-0" / "model.keras"  # for the first task: nothing is explained before it fails
    content, card = path.read_bytes(), load_classifier(path)[1]
    path.unlink()
    check_refusal(pxr("explain", own_copy, "--no-checks"), any_of("no model", "missing"), MODEL, any_of("explain"))
    path.write_bytes(b"PK not ours")
    check_refusal(pxr("explain", own_copy, "--no-checks"), MODEL, any_of("pxr"), any_of("classifier"))
    path.write_bytes(content)
    save_classifier(build_linear(np.zeros((4, SIZE * SIZE)), np.zeros(4), SIZE), path, card)
    check_refusal(pxr("explain", own_copy, "--no-checks"), any_of("no feature maps"), "saliency")
    assert not (own_copy / "explained").exists()


def add_twin(run: Path) -> Path:
    """Copy the run to the place of its twin on permuted labels; return the copy."""
    twin = run.parent.with_name("folds-permuted-labels") / run.name
    shutil.copytree(run, twin)
    with open(twin / "experiment.yaml", "a") as file:
        file.write("permute_labels: true\n")
    return twin


class Page(HTMLParser):
    """Collects a page's links, pictures and words, and checks that its tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.pictures, self.open = [], [], []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "a":
            self.links.append(values["href"])
        if tag == "img":
            assert values["alt"]
            self.pictures.append(values["src"])
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += " " + data.strip()


@pytest.fixture(scope="module")
def asked(finished_run, phantoms, tmp_path_factory) -> GalleryRequest:
    """A request for the tiny run's gallery with Grad-CAM and checks; its twin learned the same labels."""
    folder, masks = tmp_path_factory.mktemp("gallery"), str(phantoms[0].parent / "masks")
    shutil.copytree(finished_run.parents[RUN_DEPTH - 1], folder / "runs")
    run = folder / "runs" / finished_run.relative_to(finished_run.parents[RUN_DEPTH - 1])
    add_twin(run)
    return GalleryRequest(
        open_run(run), methods=("grad_cam",), number=1, out=folder / "g", masks=masks, check_pictures=2
    )


@pytest.fixture(scope="module")
def gallery(asked):
    """The gallery's folder."""
    return make_gallery(asked)


UNCHECKED = {"checks": False, "masks": None, "check_pictures": None}


class Killed(Inline):
    """An executor whose process dies when its first task starts."""

    def run(self, batches, on_event):
        raise Stopped


def explain_here(asked: GalleryRequest) -> Explained | None:
    return explain_run(prepare_gallery(asked), Inline())


def make_gallery(asked: GalleryRequest) -> Path:
    write_gallery(asked.run, explain_here(asked), lambda done, total: None)
    assert explain_here(asked) is None
    return asked.folder


def test_every_class_has_pictures_out_of_fold(gallery, finished_run):
    table = pd.read_csv(gallery / "explained.csv", dtype={"fold": str}, keep_default_na=False)
    assert list(dict.fromkeys(table.label)) == list(json.loads((gallery / "gallery.json").read_text())["classes"])
    assert set(table.role) == {"test"}
    predictions = pd.read_csv(finished_run / "predictions.csv", dtype={"fold": str})
    tested = predictions[predictions.role == "test"].set_index("image_id")
    for row in table.itertuples():
        assert (row.fold, row.predicted) == tuple(tested.loc[row.image_id, ["fold", "predicted"]])
        assert row.p_predicted == pytest.approx(tested.loc[row.image_id, f"p_{row.predicted}"], abs=1e-5)
        assert row.explained == row.predicted
    right = table[table.group == "right"]
    assert (right.label == right.predicted).all()


def test_raw_maps_sheets_and_thumbnails_are_written_whole(gallery):
    table = pd.read_csv(gallery / "explained.csv")
    for row in table.itertuples():
        with np.load(gallery / row.maps) as file:
            assert file["grad_cam"].shape == (7, 7)
            assert file["grad_cam_at_picture_size"].shape == file["picture"].shape == (SIZE, SIZE)
            about = json.loads(str(file["about"]))
            assert about["layers"] == {"grad_cam": row.layer}
        with Image.open(gallery / row.sheet) as sheet, Image.open(gallery / row.thumbnail) as small:
            assert sheet.format == "PNG" and small.format == "JPEG"
    assert not list(gallery.rglob("*.partial"))
    assert len(list(gallery.glob("sheets/*"))) == len(table)


def test_the_page_links_existing_files_and_has_its_caveats(gallery):
    page = Page((gallery / "index.html").read_text())
    for name in (*page.links, *page.pictures):
        assert (gallery / name).is_file()
    assert not re.search(r"https?://|<script|@import|url\(", (gallery / "index.html").read_text())
    table = pd.read_csv(gallery / "explained.csv")
    assert len(page.pictures) == table.image_id.nunique()
    for words in ("Synthetic phantoms, not patients", "Research use only, not a medical device.", "2 folds"):
        assert words in page.words, words
    for name in CLASSES:
        assert f"True class: {name}" in page.words


def test_the_checks_are_computed_from_the_measurements(gallery):
    checks = pd.read_csv(gallery / "checks.csv", keep_default_na=False, na_values={"value": "", "low": "", "high": ""})
    measured = pd.read_csv(next((gallery / "measured").glob("*.csv")))
    assert len(measured[(measured.check == "deletion") & (measured.method == "random")]) == 4  # two of each fold
    for check in ("deletion", "insertion"):
        for method in ("grad_cam", "random", "centre"):
            own = measured[(measured.check == check) & (measured.method == method)].value.mean()
            row = checks[(checks.check == check) & (checks.method == method)]
            assert row.value.item() == pytest.approx(own)
    table = pd.read_csv(gallery / "explained.csv")
    share = checks[(checks.check == "share in the lungs") & (checks["class"] == "all")].value.item()
    assert share == pytest.approx(table.in_lungs.mean(), abs=1e-6)
    assert measured.value[measured.check == "labels"].tolist() == pytest.approx([1] * 4)
    assert list(checks.state[checks.check == "labels"]) == ["undecided", ""]  # two folds have two networks
    assert not measured[measured.check == "folds"].empty


@pytest.mark.slow
def test_external_pictures_and_folders_are_explained_and_marked(pxr, own_copy, scene):
    folder = Path("pictures")
    folder.mkdir()
    shutil.copy("mine.png", folder / "other.png")
    known = pd.read_csv(own_copy / "manifest.csv", dtype=str).image_id[0]
    options = ("--methods", "saliency", "--class", "viral", "--no-checks")
    code, said, wrong = pxr("explain", own_copy, f"mine.png,{folder}", known, *options)
    assert (code, wrong) == (0, "")
    page = next(own_copy.glob("explained-images-*")) / "index.html"
    assert str(page) in said
    table = pd.read_csv(page.parent / "explained.csv", keep_default_na=False, dtype={"fold": str})
    assert list(table.role) == ["", "", "test"]
    assert list(table.fold[:2]) == ["0", "0"]
    assert set(table.explained) == {"viral"}
    assert set(table.lungs) == {"not looked for"}
    words = Page(page.read_text()).words
    assert_tells(words, "2 pictures", UNKNOWN, "model", "fold-0")
    assert_tells(words, any_of("maps"), any_of("worth", "checked"))
    assert_tells(pxr("explain", own_copy, f"mine.png,{folder}", known, *options)[1], any_of("nothing to do"))
    named = (f"mine.png,{folder}", known)
    pxr("explain", own_copy, *named, *options, "--fold", "1" if table.fold[2] == "0" else "0")  # replaces it
    assert_tells(Page(page.read_text()).words, any_of("model"), any_of("trained"))


def test_a_gallery_that_another_command_began_to_replace_is_written_again_from_its_maps(asked, gallery, tmp_path):
    again = replace(asked, out=shutil.copytree(gallery, tmp_path / "g"))
    assert explain_here(again) is None
    with stopped():
        explain_run(prepare_gallery(replace(again, methods=("saliency",), **UNCHECKED)), Killed())
    maps = sorted((again.folder / "maps").iterdir())
    times = {file: file.stat().st_mtime_ns for file in maps}
    maps[0].write_bytes(maps[0].read_bytes()[:100])
    make_gallery(again)
    assert [file for file in maps if file.stat().st_mtime_ns != times[file]] == [maps[0]]
    (again.folder / "index.html").unlink()
    assert explain_here(again) is not None


def test_the_help_lists_every_method(pxr):
    code, said, _ = pxr("explain", "--help")
    assert code == 0
    assert set(METHODS) <= set(re.findall(r"\w+", said))


def test_other_images_get_another_gallery(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.png").touch()
    Path("in").mkdir()
    Path("link").symlink_to("in")
    run = FinishedRun(Path("run"), Path("cache"))
    first, second = (GalleryRequest(run, images=(name,)).folder for name in ("a.png", "b.png"))
    assert first != second
    assert first.parent == second.parent == Path("run")
    assert GalleryRequest(run, images=("link/../a.png",)).folder == first  # a link is only another spelling
    monkeypatch.chdir("in")
    assert GalleryRequest(run, images=("../a.png",)).folder == first
    assert GalleryRequest(run).folder == Path("run/explained")


def test_a_command_says_which_process_it_waits_for(pxr, asked, gallery, monkeypatch):
    said = []

    @contextmanager
    def held(lock, on_wait):
        on_wait("process 1 on elsewhere")
        said.append(lock)
        yield

    monkeypatch.setattr("pxr_tf.locks.hold", held)
    monkeypatch.chdir(gallery)
    words = ("--methods", "grad_cam", "--number", 1, "--masks", asked.masks, "--check-pictures", 2, "--out", ".")
    code, out, _ = pxr("explain", asked.run.folder, *words)
    assert (code, said) == (0, [gallery.parent / ".g.lock"])
    assert_tells(out, any_of("waiting"), "process 1", "elsewhere")
    assert_tells(out, any_of("nothing to do", "up to date"), "index.html")


def test_a_gallerys_key_does_not_depend_on_the_path_of_its_run(own_copy, phantoms, tmp_path):
    options = {"methods": ("grad_cam",), "number": 1, "masks": str(phantoms[0].parent / "masks")}
    runs = own_copy.parents[RUN_DEPTH - 1]
    moved = shutil.copytree(runs, tmp_path / "moved") / own_copy.relative_to(runs)
    (tmp_path / "link").symlink_to(own_copy)
    paths = (own_copy, tmp_path / "link", own_copy.parent / ".." / own_copy.parent.name / own_copy.name, moved)
    assert len({prepare_gallery(GalleryRequest(open_run(path), **options)).key for path in paths}) == 1
