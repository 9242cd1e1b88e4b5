"""Exports: each format answers as `pxr predict` does, says what it is, and is written whole or not at all."""

import json
import re
import zipfile
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from messages import ACCEPTED, assert_says
from predicted import model_shares
from tiny import CLASSES, SIZE
from tiny_networks import PICTURES, linear, transfer

from pxr_tf.deploy import export
from pxr_tf.deploy.export import ExportRequest, export_run
from pxr_tf.deploy.export_task import export_file
from pxr_tf.deploy.formats import FORMATS, module_of
from pxr_tf.errors import PxrError
from pxr_tf.evaluation.calibration import apply_temperature
from pxr_tf.evidence.calibrated import CalibrationTables
from pxr_tf.executors.inline import Inline
from pxr_tf.inference.ensemble import ask_models
from pxr_tf.inference.exported import ExportOptions, plan_exports
from pxr_tf.models.classifier import both_columns, predict_pictures
from pxr_tf.models.model_file import save_classifier
from pxr_tf.pictures.decode import UnreadableImageError, load_prepared
from pxr_tf.runs.finished import open_run
from pxr_tf.tasks import Task, run_or_raise

TEMPERATURE = 2.5


@pytest.fixture
def calibrated(monkeypatch):
    """A run has a temperature, and few pictures are compared."""
    empty = dict.fromkeys(CalibrationTables._fields[1:], pd.DataFrame())
    found = CalibrationTables({"temperature": TEMPERATURE}, **empty)
    monkeypatch.setattr(export, "read_calibration", lambda run: found)
    monkeypatch.setattr(export, "COMPARED", 5)


def need(to):
    for module in FORMATS[to].needs:
        pytest.importorskip(module)


def read_about(to, path):
    """Return what a file says of itself, read without this package."""
    match to:
        case "onnx":
            import onnx

            found = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
        case "savedmodel":
            return json.loads((path / "assets.extra/pxr.json").read_text())
        case "litert":
            return json.loads(zipfile.ZipFile(path).read("pxr.json"))
        case "openvino":
            import openvino

            entries = openvino.Core().read_model(path / "model.xml").get_rt_info(["pxr"]).astype(dict)
            found = {name: value.astype(str) for name, value in entries.items()}
    return {name: json.loads(text) if re.match(r'[\[{"\d]', text) else text for name, text in found.items()}


@pytest.mark.parametrize("to", FORMATS)
def test_a_format_answers_like_the_mean_of_the_calibrated_models(to, own_copy, calibrated):
    need(to)
    run = open_run(own_copy)
    found = export_run(ExportRequest(run, (to,)), Inline())
    (path,) = found.files
    assert path.parent == own_copy / "exported" and not list(path.parent.glob("*.partial*"))
    rows = run.tested.merge(run.manifest, on="image_id").path[:7]
    pictures = np.stack([load_prepared(one, run.preparation) for one in rows])[..., None]
    expected = apply_temperature(model_shares(own_copy, rows).reshape(-1, 4).astype(float), TEMPERATURE)
    expected = expected.reshape(7, 2, 4).mean(1)
    ask = module_of(to).load(path)
    np.testing.assert_allclose(ask(pictures), expected, atol=1e-6)
    np.testing.assert_allclose(ask(pictures[:1]), expected[:1], atol=1e-6)  # another number of pictures
    said = read_about(to, path)
    assert said["classes"] == list(CLASSES) and said["temperature"] == TEMPERATURE and said["run"] == run.place
    assert said["preparation"] == {"size": SIZE, "resize": run.recipe.image.resize}
    assert "Research use only" in said["notice"] and said["origin"] == "synthetic"


def test_an_export_is_compared_with_the_runs_own_models(own_copy, calibrated):
    need("onnx")
    found = export_run(ExportRequest(open_run(own_copy), ("onnx",), fold="1"), Inline())
    assert (found.what, found.pictures) == ("test pictures", 5)
    assert list(found.table.engine) == ["tensorflow", "onnx"] and list(found.table.changed) == [0, 0]
    assert found.table.difference[1] < 1e-6
    assert found.table.bytes[1] == (own_copy / "exported" / "fold-1.onnx").stat().st_size


def test_an_export_that_answers_otherwise_is_found(own_copy, calibrated, monkeypatch):
    need("onnx")
    module = module_of("onnx")
    load = module.load
    monkeypatch.setattr(module, "load", lambda path: lambda pictures: load(path)(pictures)[:, ::-1])
    table = export_run(ExportRequest(open_run(own_copy), ("onnx",)), Inline()).table
    assert table.difference[1] > 1e-3 and table.changed[1] > 0


def test_phantoms_are_compared_if_the_test_pictures_are_not_here(own_copy, calibrated, monkeypatch):
    need("onnx")

    def refuse(path, preparation):
        raise UnreadableImageError("no such file")

    monkeypatch.setattr(export, "load_prepared", refuse)
    found = export_run(ExportRequest(open_run(own_copy), ("onnx",)), Inline())
    assert (found.what, found.pictures) == ("phantoms", 5)
    assert found.table.difference[1] < 1e-6


@pytest.mark.parametrize("to", ["litert", "savedmodel"])  # a file, a folder
def test_an_export_that_fails_leaves_the_earlier_one(to, own_copy, monkeypatch):
    path = own_copy / "exported" / f"all{FORMATS[to].ending}"
    place = {"run": str(own_copy), "cache": str(open_run(own_copy).cache)}
    options, said, stopping = ExportOptions(to, str(path), ("0",), None, {}), ["first", "second"], False

    def write(model, about, path):
        if to == "savedmodel":
            path.mkdir()
        (path / "text" if to == "savedmodel" else path).write_text(said[stopping])
        if stopping:
            raise OSError("the disk is full")

    def read():
        return (path / "text" if to == "savedmodel" else path).read_text()

    monkeypatch.setattr(module_of(to), "write", write)
    export_file(Task("export", "export", **place), options, lambda event: None)
    stopping = True
    with pytest.raises(OSError):
        export_file(Task("export", "export", **place), options, lambda event: None)
    assert read() == "first"
    stopping, said[0] = False, "third"
    export_file(Task("export", "export", **place), options, lambda event: None)  # over what was left
    assert read() == "third" and [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("build", [transfer, lambda: transfer("sigmoid"), linear])
def test_the_graph_computes_what_predict_computes(build, mirror):
    from pxr_tf.deploy.graph import build_answer

    models = {"0": build(), "1": build()}
    models["1"].set_weights([weight * 1.1 for weight in models["1"].get_weights()])
    card = {"mirror_predictions": mirror}
    run = SimpleNamespace(load_model=lambda fold: (models[fold], card))
    rows = np.arange(len(PICTURES))
    each = [both_columns(predict_pictures(model, PICTURES, rows, mirror=mirror)) for model in models.values()]
    said = np.stack(each, axis=1)
    for folds, temperature in (("01", 0.7), ("01", None), ("1", 3.0)):
        chosen = said[:, [int(fold) for fold in folds]]
        expected = ask_models(chosen, np.ones(chosen.shape[:2], bool), temperature).probabilities
        answer = np.asarray(build_answer(run, folds, temperature).predict_on_batch(PICTURES[..., None]))
        np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_models_of_half_precision_are_exported_in_float32_but_no_engine_takes_them(own_copy, calibrated):
    need("litert")
    run, card = open_run(own_copy), {"classes": list(CLASSES), "image": {"size": SIZE, "resize": "squash"}}
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        half = transfer(classes=4)
    finally:
        keras.config.set_dtype_policy(policy)
    save_classifier(half, run.model_file("0"), card)
    (path,) = export_run(ExportRequest(run, ("litert",), "0"), Inline()).files
    full = transfer(classes=4)
    full.set_weights(half.get_weights())
    expected = apply_temperature(np.asarray(full(PICTURES[..., None])), TEMPERATURE)
    np.testing.assert_allclose(module_of("litert").load(path)(PICTURES[..., None]), expected, atol=1e-6)
    with pytest.raises(PxrError) as refused:
        run_or_raise(Inline(), plan_exports(run, ("0",), "litert"), lambda event: None)
    assert_says(refused.value, "0", "bfloat16", ACCEPTED, "--engine tensorflow")
