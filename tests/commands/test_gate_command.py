"""``pxr gate``, and what a gate changes in ``pxr predict`` and ``pxr evaluate``."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from gates import draw_films, phantom_gate
from messages import assert_says, assert_tells
from predicted import SHARES

from pxr_tf import files
from pxr_tf.inference import gate_fit, likeness
from pxr_tf.inference.gate import GATE, read_gate, write_gate
from pxr_tf.inference.resident import Resident
from pxr_tf.inference.uploads import Preparer
from pxr_tf.runs.finished import open_run


@pytest.fixture
def gated(own_copy) -> Path:
    """A finished run with a gate."""
    write_gate(own_copy / GATE, phantom_gate())
    return own_copy


@pytest.fixture
def mixed(tmp_path) -> Path:
    """A folder with two frontal phantoms, one of them inverted, another turned, and a file that is no picture."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    films = draw_films(2000, 4)
    for name, picture in {
        "a": films[0],
        "b": films[1],
        "inverted": 255 - films[2],
        "turned": np.rot90(films[3]),
    }.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    (folder / "broken.png").write_text("no picture")
    return folder


def test_refused_pictures_get_no_probability_and_a_reason(predict, gated, mixed):
    found = predict(gated, mixed)
    rows = found.set_axis([Path(path).stem for path in found.path])
    assert set(rows.predicted[["inverted", "turned", "broken"]]) == {""}
    assert (rows.loc[["inverted", "turned", "broken"], SHARES] == "").all(axis=None)
    assert_says(rows.refused["inverted"], "inverted")
    assert_says(rows.refused["turned"], "turned")
    assert set(rows.refused[["a", "b", "broken"]]) == {""} and rows.fault["broken"]
    assert np.allclose(rows.loc[["a", "b"], SHARES].astype(float).sum(axis=1), 1, atol=1e-5)


def test_strict_exits_with_3_if_a_picture_has_no_prediction(pxr, gated, mixed):
    code, said, _ = pxr("predict", gated, mixed, "--strict", "--out", "out.json")
    assert code == 3
    assert_tells(said, "inverted.png", "turned.png", "broken.png", "looks inverted")
    records = {record["image_id"]: record for record in json.loads(Path("out.json").read_text())["predictions"]}
    refused = next(record for name, record in records.items() if "inverted" in name)
    assert refused["probabilities"] is None and refused["models"] is None and "inverted" in refused["refused"]
    assert pxr("predict", gated, mixed / "a.png", "--strict")[0] == 0


def test_a_folder_of_which_every_picture_is_refused_is_predicted_without_a_model(predict, gated, mixed):
    for name in ("a", "b"):
        (mixed / f"{name}.png").unlink()
    found = predict(gated, mixed)
    assert set(found.predicted) == {""} and (found[SHARES] == "").all(axis=None)


def test_a_run_without_a_gate_has_no_column_of_reasons(predict, own_copy, mixed):
    found = predict(own_copy, mixed)
    assert "refused" not in found and (found.predicted != "").sum() == 4


def test_refused_pictures_are_left_out_of_an_evaluation_and_counted(pxr, gated, mixed):
    (mixed / "normal").mkdir()
    for file in mixed.glob("*.png"):
        file.rename(mixed / "normal" / file.name)
    code, said, wrong = pxr("evaluate", gated, mixed, "--out", "out")
    assert (code, wrong) == (0, ""), wrong
    about = json.loads(Path("out/evaluation.json").read_text())
    assert about["images"] == 2 and about["left_out"] == {"refused": 2, "unreadable": 1}
    left_out = pd.read_csv("out/left_out.csv").set_index("image_id").reason
    assert_says(left_out[next(name for name in left_out.index if "inverted" in name)], "refused", "looks inverted")
    shutil.rmtree("out")
    for name in ("a", "b"):
        (mixed / "normal" / f"{name}.png").unlink()
    code, _, said = pxr("evaluate", gated, mixed, "--out", "out")
    assert (code, said.count("\n")) == (2, 1)
    assert_says(said, "refuses every picture", "looks")
    assert not Path("out").exists()


def test_a_gate_is_fitted_on_the_runs_pictures_and_on_what_is_to_be_refused(pxr, own_copy, mixed, monkeypatch):
    monkeypatch.setattr(gate_fit, "PHANTOMS", 60)
    monkeypatch.setattr(gate_fit, "EXAMPLES", 240)
    monkeypatch.setattr(gate_fit, "GIVEN", 30)
    code, _, said = pxr("gate", own_copy, "--refuse", mixed)
    assert (code, said.count("\n")) == (2, 1)
    assert_says(said, "--refuse", "broken.png")
    assert not (own_copy / GATE).exists()
    (mixed / "broken.png").unlink()
    code, said, wrong = pxr("gate", own_copy, "--refuse", mixed)
    assert (code, wrong) == (0, ""), wrong
    assert_tells(said, gate_fit.DRAWN, "mixed (4)", str(own_copy / GATE))
    fitted = read_gate(open_run(own_copy))
    films = {name: one["films"] for name, one in fitted.about["held_out"].items()}
    run = open_run(own_copy).manifest
    assert films == {**run.drop_duplicates("content").source.value_counts(), gate_fit.DRAWN: 60}
    assert str(own_copy) not in json.dumps(fitted.about)


def test_predictions_say_how_unlike_a_picture_is_and_stay_the_same(predict, pxr, own_copy, data, mixed, monkeypatch):
    before = predict(own_copy, data, mixed / "a.png")
    fitted = phantom_gate()
    monkeypatch.setattr(gate_fit, "fit_gate", lambda *options: fitted)
    monkeypatch.setattr(likeness, "FEWEST", 4)
    code, said, wrong = pxr("gate", own_copy)
    assert (code, wrong) == (0, ""), wrong
    assert_tells(said, str(own_copy / likeness.LIKENESS), "97th percentile")
    (own_copy / GATE).unlink()
    found = predict(own_copy, data, mixed / "a.png")
    np.testing.assert_allclose(found[SHARES].astype(float), before[SHARES].astype(float), atol=1e-6)
    unlike = found.unlike.astype(float)
    assert unlike.between(0, 100).all() and unlike.nunique() > 5 and "unlike" not in before
    pxr("predict", own_copy, mixed, "--out", "out.json")
    records = json.loads(Path("out.json").read_text())["predictions"]
    assert {type(record["unlike"]) for record in records} == {float, type(None)}
    run = open_run(own_copy)
    answer = Resident(run).answer(Preparer(run).prepare((mixed / "a.png").read_bytes()))
    assert answer.unlike == pytest.approx(unlike[found.path == str(mixed / "a.png")].item(), abs=0.11)
    model = own_copy / "fold-0" / "model.keras"
    model.write_bytes((own_copy / "fold-1" / "model.keras").read_bytes())  # trained again: the fit is of another model
    assert "unlike" not in predict(own_copy, mixed / "a.png", "--fold", "0")


def test_a_gate_is_fitted_without_a_likeness_if_too_few_pictures_are_held_out(pxr, own_copy, monkeypatch):
    fitted = phantom_gate()
    monkeypatch.setattr(gate_fit, "fit_gate", lambda *options: fitted)
    monkeypatch.setattr(likeness, "FEWEST", 1000)
    code, said, wrong = pxr("gate", own_copy)
    assert (code, wrong) == (0, ""), wrong
    assert_tells(said, "held-out picture", str(own_copy / GATE))
    assert (own_copy / GATE).exists() and not (own_copy / likeness.LIKENESS).exists()


def test_a_gate_needs_pictures_of_the_run(pxr, own_copy):
    manifest = pd.read_csv(own_copy / "manifest.csv")
    files.write_csv(own_copy / "manifest.csv", manifest.assign(path="/gone/" + manifest.image_id))
    code, _, said = pxr("gate", own_copy)
    assert (code, said.count("\n")) == (2, 1)
    assert_says(said, "No picture", "/gone/")
