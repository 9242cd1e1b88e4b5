"""The model card of a bundle, ``README.md`` in the format of Hugging Face, and its licences and citation."""

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from pxr_tf import files
from pxr_tf.errors import count_words
from pxr_tf.evidence.calibrated import read_calibration
from pxr_tf.evidence.evaluations import read_evaluations
from pxr_tf.evidence.files import read_metrics_table
from pxr_tf.inference.gate import read_gate
from pxr_tf.inference.predict import class_order
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.sets.licences import IMAGENET, Licence, licence_of

CARD, CITATION, LICENCES = "README.md", "CITATION.cff", "licences.json"
_POOLED = "pooled"  # rows about all held-out images
_FIGURES = {
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "auc": "AUC", "log_loss": "log loss",
}  # fmt: skip
_OF_THE_HUB = {"auc": "roc_auc"}  # metrics that the hub names otherwise
_CITATION = """cff-version: 1.2.0
message: If you use these models, please cite pxr_tf, the data sets that they learned from (README.md), and the paper.
title: "{title}"
type: software
authors:
  - name: The contributors of pxr_tf
version: {version}
"""


def write_card(run: FinishedRun, packed: FinishedRun) -> None:
    """Write the card, the citation and the licences of a run into the folder of its bundle."""
    text = Path(__file__).with_name("card.md.jinja").read_text(encoding="utf-8")
    template = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True).from_string(text)
    licences = _licences(run)
    title = f"{run.info.name}, {run.info.title}"
    files.write_text(packed.folder / CARD, template.render(**_facts(run, packed), title=title, licences=licences))
    files.write_json(packed.folder / LICENCES, [licence._asdict() for licence in licences])
    files.write_text(packed.folder / CITATION, _CITATION.format(title=title, version=metadata.version("pxr_tf")))


def _licences(run: FinishedRun) -> list[Licence]:
    found = [licence_of(source) for source in sorted(run.manifest.source.unique())]
    weights = getattr(run.recipe.model, "weights", None)
    return [*found, *([IMAGENET] if weights not in (None, "none") else [])]


def _facts(run: FinishedRun, packed: FinishedRun) -> dict[str, Any]:
    calibration, image = read_calibration(run), run.recipe.image
    crop = "" if image.crop == "none" else f", cropped: {image.crop} (lungs found by {run.lung_identity})"
    table = read_metrics_table(run)
    return {
        "name": run.place.replace("/", "-"),
        "run": run.place,
        "version": metadata.version("pxr_tf"),
        "origin": run.info.origin,
        "critical": [finding for finding in run.findings if finding.grade == "critical"],
        "audited": bool(run.findings),
        "warnings": [warning.text for warning in run.warnings if warning.what != "audit"],
        "models": count_words(len(packed.folds), "model").capitalize(),
        "architecture": run.info.model,
        "classes": class_order(run),
        "temperature": f"{calibration.calibration['temperature']:.3f}" if calibration else "",
        "data": packed.provenance["data"],
        "images": f"{len(run.manifest):,}",
        "patients": f"{run.manifest.patient_id.nunique():,}",
        "preparation": f"a grey X-ray, resized to {image.size} x {image.size} pixels ({image.resize}){crop}",
        "gate": _describe_gate(packed),
        "metrics": list(_overall(table)),
        "classes_figures": list(_by_class(table, class_order(run))),
        "controls": list(_controls(run)),
    }


def _describe_gate(packed: FinishedRun) -> str:
    """Return what the gate of a bundle does with held-out films; "" without a gate."""
    gate = read_gate(packed)
    if gate is None:
        return ""
    films = gate.about["held_out"].items()
    accepted = ", ".join(
        f"{name} {100 * one['accepted'] / one['films']:.1f} % of {one['films']:,}" for name, one in films
    )
    return f"Held-out frontal films that it accepts: {accepted}."


def _overall(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    rows = _pooled(table)
    for row in rows[(rows["class"] == "all") & rows.metric.isin(_FIGURES)].itertuples():
        scale, mark = (1, "") if row.metric == "log_loss" else (100, " %")
        yield {
            "metric": _OF_THE_HUB.get(row.metric, row.metric),
            "words": _FIGURES[row.metric],
            "value": round(row.value, 4),
            "shown": f"{scale * row.value:.{1 if scale > 1 else 3}f}{mark}",
            "interval": _interval(row, scale),
        }


def _by_class(table: pd.DataFrame, classes: tuple[str, ...]) -> Iterator[dict[str, str]]:
    rows = _pooled(table)
    for name in classes:
        found = {row.metric: row for row in rows[rows["class"] == name].itertuples()}
        shown = {
            metric: f"{100 * found[metric].value:.1f} % ({_interval(found[metric], 100)})"
            for metric in ("sensitivity", "specificity")
            if metric in found
        }
        yield {"name": name, "sensitivity": "", "specificity": ""} | shown


def _controls(run: FinishedRun) -> Iterator[dict[str, str]]:
    """Yield, for each group of images of other data, the wrong class that most of them were called."""
    for evaluation in read_evaluations(run):
        rows = evaluation.called
        wrong = rows[(rows.label != rows["class"]) & (rows.source != "") & (rows.images > 0)]
        most = wrong.sort_values("share", ascending=False, kind="stable").drop_duplicates(["source", "group"])
        for row in most.sort_index().itertuples():
            yield {
                "data": f"{row.source}: {row.group}",
                "images": f"{int(row.images):,}",
                "called": row[rows.columns.get_loc("class") + 1],
                "share": f"{100 * row.share:.1f} % ({_interval(row, 100)})",
            }


def _pooled(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table.fold == _POOLED]
    return rows if len(rows) else table[table.fold == table.fold.iloc[0]]


def _interval(row: Any, scale: float) -> str:
    digits = 1 if scale > 1 else 3
    return "no interval" if pd.isna(row.low) else f"{scale * row.low:.{digits}f} to {scale * row.high:.{digits}f}"
