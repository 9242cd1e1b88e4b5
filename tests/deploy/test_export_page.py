"""The scripts of docs/export.md run as they are, in a process without this package."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from predicted import model_shares
from tiny import CLASSES

from pxr_tf.deploy.about import describe_export
from pxr_tf.deploy.export import ExportRequest
from pxr_tf.deploy.export_task import export_file
from pxr_tf.deploy.formats import FORMATS
from pxr_tf.inference.exported import ExportOptions
from pxr_tf.inference.predictions_file import NOTICE
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.runs.finished import open_run
from pxr_tf.tasks import Task

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
BLOCK = re.compile(r"^```python\n# (\w+): (.*?)^```", re.MULTILINE | re.DOTALL)
SCRIPTS = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
ALONE = "import sys; sys.modules['pxr_tf'] = None; exec(open('script.py').read())"


def test_every_format_has_a_script():
    assert list(SCRIPTS) == list(FORMATS)


@pytest.mark.parametrize("to", [pytest.param(to, marks=[pytest.mark.slow] * (to == "savedmodel")) for to in FORMATS])
def test_the_script_of_a_format_prints_the_probabilities(to, own_copy, tmp_path, monkeypatch):
    for module in FORMATS[to].needs:
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    run = open_run(own_copy)
    path = tmp_path / ExportRequest(run, (to,)).file(to).name
    options = ExportOptions(to, str(path), run.folds, None, describe_export(run, run.folds, None))
    export_file(Task("export", "export", run=str(own_copy), cache=str(run.cache)), options, lambda event: None)
    paths = list(run.manifest.path[:3])
    np.save("pictures.npy", np.stack([load_prepared(file, run.preparation) for file in paths])[..., None])
    Path("script.py").write_text(f"# {SCRIPTS[to]}")
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and all(line.endswith(NOTICE) for line in lines), done.stderr
    said = [ast.literal_eval(line.removesuffix(NOTICE).strip()) for line in lines]
    expected = model_shares(own_copy, paths).mean(1)
    np.testing.assert_allclose([[one[name] for name in CLASSES] for one in said], expected, atol=1e-3)
