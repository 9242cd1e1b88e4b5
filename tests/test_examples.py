"""The notebooks in ``examples/`` run from top to bottom as scripts, with small settings, in a folder of their own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ["train_and_doubt", "predict_my_xrays", "compare_two_runs"]  # the second opens the first one's run
SETTINGS = re.compile(r"^MODEL, FOLDS, EPOCHS = .*$", re.MULTILINE)
SMALL = 'MODEL, FOLDS, EPOCHS = "mobilenet_025", 2, (1, 1)'


def test_every_example_is_run_here():
    assert {file.stem for file in EXAMPLES.glob("*.py")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_notebook_with_a_title_whose_code_is_short(name):
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n# # ") and len(SETTINGS.findall(text)) == 1
    cells = [cell for cell in re.split(r"^# %%", text, flags=re.MULTILINE) if cell and "[markdown]" not in cell[:12]]
    assert max(len(cell.strip().splitlines()) for cell in cells) <= 8
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.slow
def test_the_examples_run_in_order(tmp_path):
    for name in NAMES:
        script = tmp_path / f"{name}.py"
        script.write_text(SETTINGS.sub(SMALL, (EXAMPLES / script.name).read_text(encoding="utf-8")), encoding="utf-8")
        ended = subprocess.run(
            [sys.executable, "-W", "error::FutureWarning", script], cwd=tmp_path, capture_output=True, text=True
        )
        assert ended.returncode == 0, f"{name}\n{ended.stdout}\n{ended.stderr}"
    assert (tmp_path / "answers.csv").is_file()
