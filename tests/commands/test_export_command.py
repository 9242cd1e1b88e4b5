"""``pxr export``: what it prints, and what it refuses."""

import importlib.util
from pathlib import Path

import pytest
from messages import ACCEPTED, any_of, assert_tells, nearest

from pxr_tf.deploy import export
from pxr_tf.deploy.formats import module_of


def test_the_command_writes_the_file_and_prints_a_row_per_engine(pxr, own_copy, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    monkeypatch.setattr(export, "COMPARED", 5)
    code, said, wrong = pxr("export", own_copy, "--to", "litert", "--fold", "fold-1", "--out", "one.tflite")
    assert (code, wrong) == (0, ""), wrong
    assert said.splitlines()[-1] == "one.tflite" and Path("one.tflite").is_file()
    assert_tells(said, "tensorflow", "litert", any_of("5 test pictures"), any_of("research use only"))


def test_the_command_says_that_an_export_answers_otherwise(pxr, own_copy, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    module = module_of("litert")
    load = module.load
    monkeypatch.setattr(module, "load", lambda path: lambda pictures: load(path)(pictures) * 0.999)
    monkeypatch.setattr(export, "COMPARED", 5)
    words = ("export", own_copy, "--to", "litert", "--fold", "0")
    assert_tells(pxr(*words)[1], any_of("answer otherwise"), "litert.")
    monkeypatch.setattr(module, "load", load)
    assert "otherwise" not in pxr(*words)[1]


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--to", "onx"], ["onx", ACCEPTED, *export.FORMATS, nearest("onnx")]),
        (["--to", ","], ["--to", ACCEPTED, "onnx"]),
        (["--to", "savedmodel,litert", "--out", "x.tflite"], ["x.tflite", "2 formats", "--out"]),
        (["--to", "litert", "--out", "x.onnx"], ["x.onnx", ACCEPTED, ".tflite"]),
        (["--to", "litert", "--fold", "7"], ["7", "fold-0", "fold-1"]),
    ],
)
def test_what_cannot_be_exported_is_refused(words, facts, pxr, own_copy):
    code, _, said = pxr("export", own_copy, *words)
    assert code == 2 and said.startswith("pxr: ") and said.count("\n") == 1
    assert_tells(said, *facts)
    assert not (own_copy / "exported").exists() and list(Path().glob("x.*")) == []


def test_a_missing_library_is_named_with_the_command_that_installs_it(pxr, own_copy, monkeypatch):
    monkeypatch.setattr(
        "pxr_tf.inference.engines.find_spec",
        lambda name: None if name == "openvino" else importlib.util.find_spec(name),
    )
    code, _, said = pxr("export", own_copy, "--to", "openvino")
    assert code == 2 and said.count("\n") == 1
    assert_tells(said, "openvino", 'pip install "pxr_tf[openvino]"')
