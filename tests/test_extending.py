"""The promises of docs/extending.md: its code works as printed, and is short."""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import LEAKS, any_of, assert_tells, refused
from rich.console import Console
from tiny import run_here, tiny_experiment

import pxr_tf.training
from pxr_tf.config import load_experiment
from pxr_tf.data.schemes import SCHEMES, as_rows
from pxr_tf.evaluation.metrics import CLASS_METRICS, OVERALL_METRICS
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.pictures.survey import survey
from pxr_tf.report.results import print_results, write_results
from pxr_tf.runs.finished import open_run
from pxr_tf.sets.find import LAYOUTS, read_sources
from pxr_tf.training.learners import LEARNERS

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
OPTION = "A command-line option"  # its table is a file, which processes read
DIVIDED = "A task that a cluster can divide"  # in words: its files exist already
STORY = "A story over a finished run"  # it is called, and is in no table
TABLES = (BACKBONES, LAYOUTS, OVERALL_METRICS, CLASS_METRICS, SCHEMES, LEARNERS)


def blocks_of(heading: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", SECTIONS[heading], re.MULTILINE | re.DOTALL)


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Follow a section: save a block that names its file, run any other block; restore the tables afterwards."""
    before = [dict(table) for table in TABLES]
    modules = set(sys.modules)
    (tmp_path / "training").mkdir()
    monkeypatch.setattr(pxr_tf.training, "__path__", [*pxr_tf.training.__path__, str(tmp_path / "training")])

    def run(heading: str) -> None:
        for block in blocks_of(heading):
            named = re.match(r"# pxr_tf/(training/\w+)\.py\n", block)
            if named:
                (tmp_path / f"{named[1]}.py").write_text(block)
            else:
                exec(compile(block, f"{PAGE}, {heading}", "exec"), {})

    yield run
    for table, kept in zip(TABLES, before, strict=True):
        table.clear()
        table.update(kept)
    for name in set(sys.modules) - modules:
        if name.startswith("pxr_tf.training."):
            del sys.modules[name]


def test_the_page_has_eight_sections():
    classes = ["A backbone", "A data layout", "A metric", "A split scheme", "A learner"]
    assert list(SECTIONS) == [*classes, OPTION, DIVIDED, STORY]


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_section_is_under_thirty_lines_and_adds_at_most_one_line_to_a_table(heading):
    assert len(SECTIONS[heading].strip().splitlines()) < 30
    entry = r"^\+\[\[option\]\]" if heading == OPTION else r"^[A-Z_]+\[.+\] = "
    assert len(re.findall(entry, SECTIONS[heading], re.MULTILINE)) == (heading not in (DIVIDED, STORY))


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_named_files_exist(heading):
    names = re.findall(r"[Ii]n `(?:pxr_tf/)?([\w/]+\.(?:py|toml))`", SECTIONS[heading])
    assert names
    for name in names:
        assert (PAGE.parents[1] / "pxr_tf" / name).is_file(), name


def test_the_backbone_trains(add, phantoms, tmp_path):
    add("A backbone")
    experiment = tiny_experiment("tiny", splits__scheme="random")
    folder = run_here(experiment, phantoms, tmp_path / "runs")
    assert folder == tmp_path / "runs" / "phantom" / "strategy2-tiny" / "random" / "seed-0"
    history = pd.read_csv(folder / "random" / "history.csv")
    assert list(history.phase.unique()) == ["head", "all"]
    assert (folder / "random" / "model.keras").exists()


def test_the_layout_is_found_read_and_surveyed(add, official_phantoms, tmp_path):
    table, _ = read_sources([official_phantoms])
    flat = tmp_path / "hospital"
    flat.mkdir()
    people = table.groupby("label").patient_id.transform(lambda column: pd.factorize(column)[0])
    for number, row in enumerate(table.assign(who=people).itertuples()):
        (flat / f"{row.label}-{row.label}{row.who}-{number}.jpeg").write_bytes(Path(row.path).read_bytes())
    add("A data layout")
    found, notes = read_sources([flat])
    assert notes == []
    assert set(found.source) == {"flat"}
    assert found.label.value_counts().to_dict() == table.label.value_counts().to_dict()
    patients = found.groupby("label").patient_id.nunique().to_dict()
    assert patients == table.groupby("label").patient_id.nunique().to_dict()
    survey(found)
    assert read_sources([official_phantoms])[0].equals(table)  # other layouts are still recognised


def test_the_metric_appears_in_metrics_csv(add, own_copy):
    add("A metric")
    write_results(open_run(own_copy))
    table = pd.read_csv(own_copy / "metrics.csv", dtype={"fold": str})
    values = table[table.metric == "negative_predictive_value"]
    assert set(values["class"]) == {"bacterial", "covid19", "normal", "viral"}
    assert {"0", "1", "mean", "sd", "pooled"} == set(values.fold)
    predictions = pd.read_csv(own_copy / "predictions.csv").query("role == 'test'")
    others = predictions[predictions.predicted != "normal"]
    expected = (others.label != "normal").mean() if len(others) else np.nan
    found = values[(values.fold == "pooled") & (values["class"] == "normal")].value.iloc[0]
    assert found == pytest.approx(expected, nan_ok=True)


def test_the_story_counts_patients_whose_images_are_predicted_apart(own_copy):
    (block,) = blocks_of(STORY)
    story = {}
    exec(compile(block, f"{PAGE}, {STORY}", "exec"), story)
    rows = pd.read_csv(own_copy / "predictions.csv", dtype=str).query("role == 'test'")
    expected = {}
    for (label, _), images in rows.groupby(["label", "patient_id"]):
        if len(images) > 1:
            expected.setdefault(label, []).append(len(set(images.predicted)) > 1)
    assert expected
    written = story["write_contradictions"](own_copy)
    table = pd.read_csv(own_copy / "contradictions.csv")
    pd.testing.assert_frame_equal(table, written, check_dtype=False)
    assert dict(zip(table["class"], table.patients, strict=True)) == {
        name: len(each) for name, each in expected.items()
    }
    shares = dict(zip(table["class"], table.contradictory, strict=True))
    assert shares == pytest.approx({name: sum(each) / len(each) for name, each in expected.items()})
    assert set(table.origin) == {"synthetic"}
    assert set(table.split) == {"by patient"}


def test_the_scheme_splits_and_is_checked(add, phantoms, two_layers, tmp_path):
    add("A split scheme")
    experiment = tiny_experiment(splits__scheme="repeated", splits__options={"repeats": 3}, variant="strategy1")
    folder = run_here(experiment, phantoms, tmp_path / "runs")
    splits = pd.read_csv(folder / "splits.csv")
    assert list(splits.fold.unique()) == ["repeat-0", "repeat-1", "repeat-2"]
    predictions = pd.read_csv(folder / "predictions.csv")
    assert set(predictions.fold) == set(splits.fold)
    write_results(open_run(folder))
    console = Console(width=100, file=io.StringIO())
    print_results(open_run(folder), console)
    assert_tells(console.file.getvalue(), "confusion_matrix.png", "repeat-0/ … repeat-2/")


def test_a_scheme_that_leaks_is_refused(phantoms, two_layers, tmp_path, monkeypatch):
    def split_leaky(table, *, seed):
        parts = [
            as_rows("leaky", {image: "test" if number % 2 else "train"}) for number, image in enumerate(table.image_id)
        ]
        return pd.concat(parts)

    monkeypatch.setitem(SCHEMES, "leaky", split_leaky)
    with refused("splits.csv", LEAKS, any_of("patient")):
        run_here(tiny_experiment(splits__scheme="leaky"), phantoms, tmp_path / "runs")


def test_the_learner_learns_on_the_official_split(add, official_phantoms, tmp_path):
    add("A learner")
    values = {"model.kind": "neighbours", "model.neighbours": 3, "splits.scheme": "official", "image.size": 32}
    values |= {"classes": ["bacterial", "normal", "viral"], "balance.oversample": "all"}
    events = []
    experiment = load_experiment("phantom", values)
    folder = run_here(experiment, [official_phantoms], tmp_path / "runs", on_event=events.append)
    assert folder == tmp_path / "runs" / "phantom" / "strategy2-neighbours" / "official" / "seed-0"
    assert [event["task"] for event in events if event["event"] == "start"] == ["official"]
    predictions = pd.read_csv(folder / "predictions.csv")
    probabilities = predictions[["p_bacterial", "p_normal", "p_viral"]]
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities * 3).round(4).isin([0, 1, 2, 3]).all(axis=None)  # of three neighbours
    write_results(open_run(folder))
    console = Console(width=100, file=io.StringIO())
    print_results(open_run(folder), console)
    assert_tells(console.file.getvalue(), "neighbours, strategy2", "official", "phantom")
    assert (folder / "metrics.csv").exists()


@pytest.fixture
def copied_project(tmp_path):
    """A copy of the files that the command line needs, with the page's option in its table."""
    root = PAGE.parents[1]
    for name in ("pxr_tf", "configs", "scripts", "docs"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "Makefile", tmp_path)
    (diff,) = re.findall(r"^```diff\n(.*?)^```$", SECTIONS[OPTION], re.MULTILINE | re.DOTALL)
    before = "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] != "+")
    after = "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] != "-")
    table = tmp_path / "pxr_tf" / "commands" / "options.toml"
    text = table.read_text(encoding="utf-8")
    assert text.count(before) == 1
    table.write_text(text.replace(before, after), encoding="utf-8")
    return tmp_path


def test_the_option_is_one_row_and_reaches_recipe_make_and_page(copied_project):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(copied_project)}
        ended = subprocess.run(words, cwd=copied_project, env=environment, capture_output=True, text=True, check=False)
        assert "Traceback" not in ended.stderr
        return ended

    assert run(sys.executable, "scripts/write_option_files.py").returncode == 0
    page = (copied_project / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page.count("| `--batch-size` | Pictures in a batch. | the recipe's | whole number | `BATCH` |") == 6
    refused = run(sys.executable, "-m", "pxr_tf.cli", "cv", "--batch-size", "0", "--data", "nowhere")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "training.batch_size received 0" in refused.stderr
    if shutil.which("make"):
        shown = run("make", "-n", "--old-file=.venv/.ready", "cv", "BATCH=16")
        assert shlex.split(shown.stdout) == [".venv/bin/pxr", "cv", "--batch-size", "16", "--runs", "runs"]
        assert "received BATCH=16" in run("make", "lungs", "BATCH=16").stderr
