"""``pxr predict --engine``: exported files answer like the run's own models, without TensorFlow."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from messages import ACCEPTED, any_of, assert_tells, nearest
from predicted import SHARES

from pxr_tf import arrays
from pxr_tf.inference.engines import ENGINES
from pxr_tf.inference.exported import find_exported
from pxr_tf.runs.finished import open_run


@pytest.fixture(params=ENGINES)
def engine(request):
    """An engine whose libraries are installed."""
    for module in (ENGINES[request.param].runs, *ENGINES[request.param].writes):
        pytest.importorskip(module)
    return request.param


def test_an_engine_predicts_what_tensorflow_predicts(engine, predict, own_copy, data, others):
    expected = predict(own_copy, data, *others)
    found = predict(own_copy, data, *others, "--engine", engine)
    np.testing.assert_allclose(found[SHARES], expected[SHARES], atol=1e-6)
    same = [name for name in found if name not in SHARES]
    assert found[same].equals(expected[same])


def test_a_model_is_exported_once_and_again_if_it_changes(engine, pxr, own_copy, others):
    def predict():
        assert pxr("predict", own_copy, *others, "--fold", "0", "--engine", engine)[0] == 0
        return {
            file: file.stat().st_mtime_ns
            for file in (own_copy.parents[3] / "cache" / "exported").glob(f"*{ENGINES[engine].ending}")
        }

    first = predict()
    assert list(first) == [find_exported(open_run(own_copy), "0", engine)]
    assert predict() == first
    (own_copy / "fold-0" / "model.keras").write_bytes((own_copy / "fold-1" / "model.keras").read_bytes())
    second = predict()
    assert len(second) == 2 and first.items() < second.items()


def test_a_damaged_exported_file_is_named(engine, pxr, own_copy, others):
    words = ("predict", own_copy, *others, "--fold", "0", "--engine", engine)
    assert pxr(*words)[0] == 0
    file = find_exported(open_run(own_copy), "0", engine)
    file.write_bytes(b"no model" * 100)
    code, _, said = pxr(*words)
    assert code == 2 and said.count("\n") == 1
    assert_tells(said, str(file), any_of("damaged"), any_of("delete"))
    file.unlink()
    assert pxr(*words)[0] == 0


def test_an_exported_file_in_the_run_directory_is_used(engine, pxr, own_copy, others):
    run, words = open_run(own_copy), ("predict", own_copy, *others, "--fold", "0", "--engine", engine)
    assert pxr(*words)[0] == 0
    kept = find_exported(run, "0", engine)
    inside = own_copy / "exported" / kept.name
    inside.parent.mkdir()
    kept.rename(inside)
    assert pxr(*words)[0] == 0
    assert not kept.exists()


def test_results_of_engines_are_kept_apart(engine, pxr, own_copy, others):
    def count():
        folders = (own_copy.parents[3] / "cache").glob("predictions-*/")
        return sorted(len(arrays.load_array(folder).rows) for folder in folders)

    words = ("predict", own_copy, *others, "--fold", "0")
    assert pxr(*words)[0] == 0
    assert count() == [len(others)]
    assert pxr(*words, "--engine", engine)[0] == 0
    assert count() == [len(others)] * 2


def test_an_unknown_engine_is_refused(pxr, own_copy, others):
    code, _, said = pxr("predict", own_copy, *others, "--engine", "litrt")
    assert code == 2 and said.count("\n") == 1
    assert_tells(said, "litrt", ACCEPTED, "tensorflow", *ENGINES, nearest("litert"))


@pytest.mark.parametrize("lacking", ["onnxruntime", "tf2onnx"])
def test_a_missing_library_of_an_engine_is_named(lacking, pxr, own_copy, others, monkeypatch):
    for module in ("onnxruntime", "onnx"):
        pytest.importorskip(module)
    monkeypatch.setattr(
        "pxr_tf.inference.engines.find_spec", lambda name: None if name == lacking else importlib.util.find_spec(name)
    )
    code, _, said = pxr("predict", own_copy, *others, "--engine", "onnx")
    assert code == 2 and said.count("\n") == 1
    assert_tells(said, lacking, 'pip install "pxr_tf[onnx]"')


ALONE = """
import sys
from pathlib import Path
from pxr_tf.executors.perform import perform
from pxr_tf.tasks import Task
import json
perform(Task.from_json(json.loads(Path(sys.argv[1]).read_text())), lambda event: None)
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""


def test_an_engine_predicts_without_tensorflow(engine, pxr, own_copy, others, monkeypatch, tmp_path):
    import json

    from pxr_tf.executors import inline

    kept = []

    def record(task, emit):
        kept.append(task)
        perform(task, emit)

    perform = inline.perform
    monkeypatch.setattr(inline, "perform", record)
    assert pxr("predict", own_copy, *others, "--engine", engine)[0] == 0
    assert [task.kind for task in kept] == ["export", "export", "predict_exported"]
    for folder in (own_copy.parents[3] / "cache").glob("predictions-*/*"):
        folder.unlink()
    Path("task.json").write_text(json.dumps(kept[-1].as_json()))
    done = subprocess.run([sys.executable, "-c", ALONE, "task.json"], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
    assert pxr("predict", own_copy, *others, "--engine", engine)[0] == 0
    assert len(kept) == 3  # what the other process computed is there


def test_a_bundle_carries_the_exported_files_and_can_be_exported(pxr, own_copy, others, monkeypatch, tmp_path):
    pytest.importorskip("ai_edge_litert")
    words = (*others, "--engine", "litert", "--out")
    assert pxr("predict", own_copy, *words, "before.csv")[0] == 0
    assert pxr("bundle", own_copy, "--out", "bundle")[0] == 0
    assert pxr("predict", own_copy, *words, "run.csv")[0] == 0  # packing has calibrated the run
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr("pxr_tf.inference.exported.check_libraries", lambda *needed: pytest.fail("a model is exported"))
    assert pxr("predict", "bundle", *words, "bundle.csv")[0] == 0
    assert Path("run.csv").read_bytes() == Path("bundle.csv").read_bytes()
    monkeypatch.setattr("pxr_tf.deploy.export.COMPARED", 5)
    code, said, wrong = pxr("export", "bundle", "--to", "litert")
    assert (code, wrong) == (0, "") and said.splitlines()[-1] == "exported/all-folds.tflite"
    assert_tells(said, "phantoms")
