"""``pxr predict``: the models of a finished run on the run's own pictures, on copies of them, and on others."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from messages import UNREADABLE, any_of, assert_tells
from PIL import Image
from predicted import SHARES, model_shares, own_rows, roles_in
from tiny import CLASSES, run_here, tiny_experiment

from pxr_tf.evaluation.calibration import apply_temperature
from pxr_tf.evidence.calibrated import CalibrationTables
from pxr_tf.inference import predict as prediction
from pxr_tf.runs.finished import open_run


def test_one_fold_predicts_its_test_rows_as_the_run_did_and_tells_roles(predict, own_copy, data):
    for fold in ("0", "1"):
        found, rows = predict(own_copy, data, "--fold", fold), own_rows(own_copy, fold)
        assert len(found) > len(rows)
        np.testing.assert_allclose(found.loc[rows.index, SHARES], rows[SHARES], atol=1e-6)
        assert list(found.predicted[rows.index]) == list(rows.predicted)
        roles = roles_in(own_copy, fold)
        assert list(found.known[roles.index]) == list(roles)
        assert set(found.models) == {1} and set(found.agreement) == {1}


def test_a_runs_own_pictures_are_predicted_only_by_models_that_did_not_train_on_them(predict, own_copy, data):
    found = predict(own_copy, data)
    rows = pd.read_csv(own_copy / "predictions.csv").set_index("image_id")
    assert set(found.index) >= set(rows.index) and set(found.known[rows.index]) == {"test"}
    np.testing.assert_allclose(found.loc[rows.index, SHARES], rows[SHARES], atol=1e-6)
    assert set(found.models[rows.index]) == {1}


def test_an_external_picture_gets_the_mean_of_all_folds_and_their_agreement(predict, own_copy, others):
    each = model_shares(own_copy, others)
    found = predict(own_copy, *others)
    np.testing.assert_allclose(found[SHARES], each.mean(1), atol=1e-6)
    assert list(found.predicted) == [CLASSES[place] for place in each.mean(1).argmax(1)]
    agree = (each.argmax(2) == each.mean(1).argmax(1)[:, None]).mean(1)
    np.testing.assert_allclose(found.agreement, agree)
    assert set(found.models) == {2} and set(found.known) == {""} and set(found.fault) == {""}
    assert list(found.path) == [str(path) for path in others]


def test_probabilities_are_calibrated_if_the_run_has_a_temperature(predict, pxr, own_copy, others, monkeypatch):
    each = model_shares(own_copy, others).astype(float)
    assert_tells(pxr("predict", own_copy, *others)[1], any_of("not calibrated"), "pxr calibrate")
    tables = dict.fromkeys(CalibrationTables._fields[1:], pd.DataFrame(columns=["promised", "class", "cutoff"]))
    monkeypatch.setattr(prediction, "read_calibration", lambda run: CalibrationTables({"temperature": 2.5}, **tables))
    found = predict(own_copy, *others)
    by_hand = np.mean([apply_temperature(each[:, fold], 2.5) for fold in (0, 1)], axis=0)
    np.testing.assert_allclose(found[SHARES], by_hand, atol=1e-6)
    pxr("predict", own_copy, *others, "--out", "out.json")
    assert json.loads(Path("out.json").read_text())["temperature"] == 2.5
    assert_tells(pxr("predict", own_copy, *others)[1], any_of("calibrated"))


def test_a_calibrated_run_gives_the_classes_that_cannot_be_ruled_out(predict, pxr, own_copy, others, monkeypatch):
    given = model_shares(own_copy, others).astype(float).mean(axis=1)
    ends = np.quantile(given, [0.2, 0.4, 0.6, 0.8], axis=0).diagonal()  # a cutoff inside the range of each class
    rows = pd.DataFrame({"promised": 0.9, "class": CLASSES, "cutoff": ends})
    tables = dict.fromkeys(CalibrationTables._fields[1:], rows)
    monkeypatch.setattr(prediction, "read_calibration", lambda run: CalibrationTables({"temperature": 2.5}, **tables))
    found = predict(own_copy, *others)
    expected = [[name for name, share, end in zip(CLASSES, row, ends, strict=True) if share >= end] for row in given]
    assert list(found.set_90) == [f"{{{', '.join(names)}}}" for names in expected]
    pxr("predict", own_copy, *others, "--out", "out.jsonl")
    read = [json.loads(line)["set_90"] for line in Path("out.jsonl").read_text().splitlines()]
    assert read == expected
    assert any(len(names) != 1 for names in read)


def test_a_runs_picture_is_recognised_in_another_encoding_and_size(predict, own_copy, others):
    run = open_run(own_copy)
    roles = roles_in(own_copy, "0")
    chosen = {role: roles.index[roles == role][0] for role in ("test", "training")}
    paths = run.manifest.set_index("image_id").path
    with Image.open(paths[chosen["test"]]) as picture:
        picture.save("encoded.jpg", quality=70)
    with Image.open(paths[chosen["training"]]) as picture:
        picture.resize((64, 64)).save("larger.png")
    (Path("longer.jpeg")).write_bytes(Path(paths[chosen["test"]]).read_bytes() + b"after the end")
    found = predict(own_copy, "encoded.jpg", "larger.png", "longer.jpeg", others[0], "--fold", "0")
    assert list(found.known) == ["test", "training", "test", ""]


def test_unreadable_files_keep_their_row_with_a_reason_in_every_format(predict, pxr, own_copy, others):
    Path("broken.png").write_text("no picture")
    Path("empty.jpg").touch()
    Path("cut.jpeg").write_bytes(others[0].read_bytes()[:300])
    words = ("broken.png", others[0], "empty.jpg", "cut.jpeg", others[1])
    found = predict(own_copy, *words)
    assert list(found.index) == [Path(word).name for word in words]
    bad = found.loc[["broken.png", "empty.jpg", "cut.jpeg"]]
    assert (bad.fault != "").all() and (bad[[*SHARES, "predicted", "agreement", "models", "known"]] == "").all(
        axis=None
    )
    assert (found.fault.drop(bad.index) == "").all() and (found.predicted.drop(bad.index) != "").all()
    _, said, _ = pxr("predict", own_copy, *words, "--out", "out.json")
    assert_tells(said, "3 pictures", UNREADABLE, "broken.png")
    records = json.loads(Path("out.json").read_text())["predictions"]
    assert [bool(record["fault"]) for record in records] == [True, False, True, True, False]
    for record in records:
        if record["fault"]:
            empty = ("predicted", "probabilities", "agreement", "models", "known")
            assert [record[name] for name in empty] == [None] * 5


def test_a_parquet_file_has_the_rows_of_the_csv_file(predict, pxr, own_copy, others):
    Path("broken.png").write_text("no picture")
    words = (own_copy, others[0], "broken.png")
    table = predict(*words).reset_index()
    assert pxr("predict", *words, "--out", "out.parquet")[0] == 0
    found = pd.read_parquet("out.parquet")
    assert list(found) == list(table)
    assert list(found.image_id) == list(table.image_id)
    good = found.fault == ""
    np.testing.assert_allclose(found.loc[good, SHARES], table.loc[good, SHARES].astype(float), rtol=1e-6)
    assert found.loc[~good, [*SHARES, "models"]].isna().all(axis=None)


def test_csv_json_and_json_lines_hold_the_same(predict, pxr, own_copy, data, others):
    Path("broken.png").write_text("no picture")
    words = (own_copy, data.partition(",")[0], others[0], "broken.png")
    table = predict(*words).reset_index()
    for name in ("out.json", "out.jsonl"):
        assert pxr("predict", *words, "--out", name)[0] == 0
    whole = json.loads(Path("out.json").read_text())
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert lines == whole["predictions"]
    flat = [
        {
            **{
                name: record[name]
                for name in ("image_id", "path", "predicted", "agreement", "models", "known", "fault")
            },
            **dict(zip(SHARES, (record["probabilities"] or {}).values(), strict=False)),
        }
        for record in lines
    ]
    other = pd.DataFrame(flat, dtype=object)[list(table)].astype(object)
    as_text = other.where(other.notna(), "")
    for name in table:
        numbers = name in (*SHARES, "agreement", "models")
        mine, theirs = (
            pd.to_numeric(column, errors="coerce") if numbers else column for column in (table[name], as_text[name])
        )
        assert mine.astype(float).equals(theirs.astype(float)) if numbers else list(mine) == list(theirs), name
    assert (whole["run"], whole["folds"]) == ("phantom/strategy2-two_layers/folds/seed-0", ["0", "1"])
    assert whole["classes"] == list(CLASSES) and whole["temperature"] is None
    assert_tells(whole["notice"], any_of("research use only"))


def test_a_sigmoid_output_gives_two_probabilities(predict, phantoms, data, two_layers, tmp_path):
    merged = {"classes": ["normal", "ill"], "merge": {"ill": ["bacterial", "viral"]}, "balance__oversample": []}
    head = {"name": "head", "train": "head", "learning_rate": 0.05, "max_epochs": 1}
    experiment = tiny_experiment(**merged, model__head__output="sigmoid", phases=[head])
    run = run_here(experiment, phantoms, tmp_path / "runs")
    found, rows = predict(run, data, "--fold", "1"), own_rows(run, "1")
    shares = ["p_normal", "p_ill"]
    np.testing.assert_allclose(found.loc[rows.index, shares], rows[shares], atol=1e-6)
    np.testing.assert_allclose(found[shares].sum(axis=1), 1, atol=1e-6)


def test_pictures_are_cropped_as_in_training_and_the_table_says_which_are_not(
    predict, pxr, phantoms, two_layers, tmp_path
):
    data = shutil.copytree(phantoms[0].parent, tmp_path / "phantoms")
    masks = str(data / "masks")
    experiment = tiny_experiment(image__crop="lungs", image__masks=masks, phases__0__max_epochs=1)
    run = run_here(experiment, [data / folder.name for folder in phantoms], tmp_path / "runs")
    rows = own_rows(run, "0")
    folders = ",".join(str(data / folder.name) for folder in phantoms)
    found = predict(run, folders, "--fold", "0")
    np.testing.assert_allclose(found.loc[rows.index, SHARES], rows[SHARES], atol=1e-6)
    assert set(found.whole) == {""}
    empty = next(Path(masks).rglob("person*.png"))
    Image.fromarray(np.zeros_like(np.asarray(Image.open(empty)))).save(empty)
    assert_tells(pxr("predict", run, folders, "--fold", "0")[1], "1 picture", any_of("no lungs"), any_of("whole"))
    found = predict(run, folders, "--fold", "0")
    assert list(found.whole[found.whole != ""]) == ["no lungs"]
    assert found.index[found.whole != ""][0].endswith(f"{empty.stem}.jpeg")
