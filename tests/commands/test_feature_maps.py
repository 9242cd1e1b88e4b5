"""``pxr feature-maps``: its drawings, and its refusals."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import MISSING, UNKNOWN, UNREADABLE, any_of, assert_says, matching, nearest
from PIL import Image
from tiny import SIZE

from pxr_tf.models.model_file import load_classifier, save_classifier
from pxr_tf.models.scratch import build_linear

REFUSED = [
    (["nowhere"], ["'nowhere'", any_of("run directory"), matching("experiment.yaml|not exist"), "runs/<recipe>"]),
    (
        ["begun"],
        ["'begun'", "finished", "predictions.csv", any_of("continue", "continues", "resume", "resumes")],
    ),
    (["RUN", "--fold", "2"], ["--fold", "'2'", "fold-0, fold-1"]),
    (["RUN", "--image", "nowhere.png"], ["--image", "'nowhere.png'", any_of("image"), any_of("file")]),
    (["RUN", "--image", "NEAR"], ["ID"]),
    (["RUN", "--image", ""], ["--image", "''"]),
    (["RUN", "--image", "x" * 5000], ["--image", "File name too long"]),
    (
        ["RUN", "--image", "notes.png"],
        ["notes.png", UNREADABLE, "JPEG", "PNG"],
    ),
    (["RUN", "--image", "folder"], [any_of("image"), any_of("file")]),
    (["RUN", "--layer", "convolutoin"], [UNKNOWN, "layer", "'convolutoin'", nearest("'convolution'")]),
]


@pytest.fixture
def image_id(finished_run) -> str:
    return pd.read_csv(finished_run / "manifest.csv").image_id[0]


def check_refusal(result: tuple[int, str, str], *expected: str) -> None:
    code, out, said = result
    assert (code, out, said.count("\n")) == (2, "", 1), said
    assert said.startswith("pxr: ")
    assert_says(said, *expected)


@pytest.mark.parametrize(("words", "expected"), REFUSED, ids=[" ".join(words)[:40] for words, _ in REFUSED])
def test_bad_input_gets_one_line_and_leaves_no_files(pxr, finished_run, image_id, words, expected):
    Path("notes.png").write_text("no picture")
    Path("folder").mkdir()
    Path("begun").mkdir()
    shutil.copy(finished_run / "experiment.yaml", "begun")
    before = sorted(finished_run.rglob("*"))
    words = [{"RUN": finished_run, "NEAR": image_id[:-1]}.get(word, word) for word in words]
    check_refusal(
        pxr("feature-maps", *words), *(nearest(repr(image_id)) if text == "ID" else text for text in expected)
    )
    assert sorted(finished_run.rglob("*")) == before


def test_models_without_feature_maps_and_changed_models_are_refused(pxr, own_copy):
    path = own_copy / "fold-0" / "model.keras"
    card = load_classifier(path)[1]
    save_classifier(build_linear(np.zeros((4, SIZE * SIZE)), np.zeros(4), SIZE), path, card)
    check_refusal(
        pxr("feature-maps", own_copy), "linear", any_of("feature maps"), any_of("coefficient", "coefficients"), "show="
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    check_refusal(pxr("feature-maps", own_copy), matching("fold-0/model.keras"))
    path.unlink()
    check_refusal(pxr("feature-maps", own_copy), matching("fold-0/model.keras"), MISSING, any_of("delete"))


def test_an_image_of_each_class_and_any_file_are_drawn(pxr, own_copy):
    code, said, wrong = pxr("feature-maps", own_copy, "--layer", "normalization", "--fold", "fold-1")
    assert (code, wrong) == (0, "")
    files = [Path(line) for line in said.splitlines()]
    assert {file.parent for file in files} == {own_copy / "fold-1"}
    splits = pd.read_csv(own_copy / "splits.csv", dtype=str)
    tested = set(splits.image_id[(splits.fold == "1") & (splits.role != "train")].str.replace("/", "_"))
    names = {file.name.removeprefix("feature_maps-").removesuffix("-normalization.png") for file in files}
    assert len(names) == 4
    assert names <= tested
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)).save("mine.png")
    mine = own_copy / "fold-0" / "feature_maps-mine.png.png"
    assert pxr("feature-maps", own_copy, "--image", "mine.png") == (0, f"{mine}\n", "")
    for file in (*files, mine):
        with Image.open(file) as picture:
            assert picture.format == "PNG"
    assert len(list((own_copy / "fold-0").glob("events.*"))) == 1
