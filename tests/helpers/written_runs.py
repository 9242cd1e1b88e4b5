"""Finished runs, written as files without training, for the tests of tables and figures."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from pxr_tf import files
from pxr_tf.config import dump_experiment, load_experiment
from pxr_tf.models.networks import NETWORKS
from pxr_tf.report.results import print_results, write_results
from pxr_tf.runs.finished import open_run

IMAGES = {"real": "real X-rays", "synthetic": "synthetic phantoms, not patients"}
COUNT = 40
ONE_PHASE = {"name": "all", "train": "all", "learning_rate": 0.01, "max_epochs": 1}
PROVENANCE = {"weights": "random-0", "data": ["phantoms"], "data_digest": "0", "duplicates": "drop", "files": {}}
CLASSES = ("bacterial", "covid19", "normal", "viral")
LEAK = {"what": "leak", "text": "3 patients are in training and test of one fold."}
SOURCES = {"what": "source", "text": "Class covid19 can be recognised by its source alone."}


def write_run(
    folder: Path,
    images: str = "real",
    *,
    model: str = "xception",
    classes: tuple[str, ...] = CLASSES,
    folds: int = 2,
    wrong_every: int = 4,
    warnings: tuple[dict, ...] = (),
    **more: object,
) -> Path:
    """Write the files of a finished run; every fourth prediction is wrong, but none of a balanced row."""
    rows = np.arange(COUNT)
    truth = rows // 2 % len(classes)
    wrong = rows % wrong_every == wrong_every - 1
    predicted = (truth + wrong) % len(classes)
    table = pd.DataFrame({"image_id": [f"i{row:02}" for row in rows], "fold": rows % folds})
    table["label"], table["predicted"] = np.array(classes)[truth], np.array(classes)[predicted]
    for number, name in enumerate(classes):
        table[f"p_{name}"] = np.where(predicted == number, 0.7, 0.3 / (len(classes) - 1))
    files.write_csv(folder / "predictions.csv", table)
    listed = table[["image_id", "label"]].assign(path="", patient_id=table.image_id, source="s", official_split="")
    files.write_csv(folder / "manifest.csv", listed.assign(content="c"))
    roles = np.where(wrong, "test", more.get("role", "test_balanced"))
    files.write_csv(folder / "splits.csv", table[["image_id", "fold"]].assign(role=roles))
    files.write_json(folder / "provenance.json", PROVENANCE | {"origin": IMAGES[images]})
    own = {"model": {"kind": "scratch", "network": model}, "phases": [ONE_PHASE]}
    values = (own if model in NETWORKS else {"model.backbone": model}) | {
        "classes": list(classes),
        "balance.oversample": "all",
        "merge": {},
        "splits.test_rows": more.get("test_rows", "balanced"),
        "splits.scheme": more.get("scheme", "folds"),
        "splits.unit": more.get("unit", "patient"),
    }
    named = {"variant": more.get("variant", "strategy2"), "published": more.get("published", "bozickovic2021")}
    experiment = load_experiment("bozickovic2021", values).model_copy(update=named)
    files.write_text(folder / "experiment.yaml", dump_experiment(experiment))
    if warnings:
        files.write_json(folder / "warnings.json", list(warnings))
    return folder


def print_to_text(folder: Path, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_results(open_run(folder), console)
    return console.file.getvalue()


def rows_of_table(text: str, number: int = 0) -> dict[str, list[str]]:
    """Return the rows of the first table, or of a later one: first word -> the other words."""
    found: dict[str, list[list[str]]] = {}
    for words in filter(None, map(str.split, text.splitlines())):
        if words[0] in ("%", "bacterial", "covid19", "normal", "viral", "pneumonia"):
            found.setdefault(words[0], []).append(words[1:])
    return {name: rows[number] for name, rows in found.items() if len(rows) > number}


def write_validated(folder, classes=("normal", "pneumonia"), seed=0, **options):
    """Write a finished run with as many validation rows as test rows, and probabilities drawn with the seed."""
    write_run(folder, classes=classes, test_rows="all", scheme="official", **options)
    random = np.random.default_rng(seed)
    test = pd.read_csv(folder / "predictions.csv").assign(role="test")
    table = pd.concat([test, test.assign(role="val", image_id="v" + test.image_id)])
    actual = (table.label.to_numpy()[:, None] == np.array(classes)) * 1.0
    probabilities = random.dirichlet(np.ones(len(classes)), len(table)) + actual / 2
    table[[f"p_{name}" for name in classes]] = probabilities / probabilities.sum(1, keepdims=True)
    table["predicted"] = np.array(classes)[probabilities.argmax(1)]
    files.write_csv(folder / "predictions.csv", table)
    write_results(open_run(folder))
    return folder
