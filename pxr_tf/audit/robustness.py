"""The check ``robustness``: how fast do sensitivities fall as pictures get noisier, blurred, darker, turned, cropped?

A loss does not make the run's figures wrong, so no finding is critical.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pxr_tf.audit.degrade import DEGRADATIONS
from pxr_tf.audit.material import Checked, Material
from pxr_tf.audit.predicted import Predicted, predict_changes, without_models
from pxr_tf.audit.versions import UNCHANGED, Change
from pxr_tf.data.findings import Finding
from pxr_tf.data.shortcuts import percent
from pxr_tf.evaluation.losses import CALLED, GAINED, LOST, measure_losses

CHECK = "robustness"
# As much as separates good from mediocre models of one study, and more than the interval of 600 patients is wide.
LOSS = 0.05
TAKEN = 0.2  # the lower end of what a class gains of another: far above what pictures near a boundary give
COLUMNS = ("degradation", "strength", "unit", "mild", "class", "figure", "to", "value", "low", "high", "method")


def find_robustness(material: Material) -> Checked:
    """Return the findings and the table ``robustness``: a row per degradation, strength, class and figure."""
    lacking = without_models(material, CHECK)
    if lacking:
        return lacking
    changes = [Change(kind, strength) for kind, how in DEGRADATIONS.items() for strength in how.strengths]
    predicted = predict_changes(material, [Change(UNCHANGED), *changes], CHECK)
    table = tabulate(predicted, material.classes)
    return Checked([finding for kind in DEGRADATIONS for finding in judge(table, kind)], {CHECK: table})


def tabulate(predicted: Predicted, classes: Sequence[str]) -> pd.DataFrame:
    """Return a row per degradation, strength (0: as they are), class (``all``: over classes) and figure."""
    number = {label: k for k, label in enumerate(classes)}
    truth, patients = predicted.rows.label.map(number).to_numpy(), predicted.rows.patient_id.to_numpy()
    rows = []
    for kind, how in DEGRADATIONS.items():
        strengths = (0.0, *how.strengths)
        changes = [Change(kind, strength) if strength else Change(UNCHANGED) for strength in strengths]
        named = [predicted.probabilities[change].argmax(1) for change in changes]
        for one in measure_losses(truth, np.array(named), patients, len(classes)):
            figure = "sensitivity" if one.figure == CALLED and one.of == one.to else one.figure
            mild = "yes" if strengths[one.level] == how.mild else "no"
            label, to = ("all" if k is None else classes[k] for k in (one.of, one.to))
            to = "" if figure not in (CALLED, GAINED) else to
            rows.append((kind, strengths[one.level], how.unit, mild, label, figure, to, one.value, *one.ends))
    return pd.DataFrame(rows, columns=COLUMNS)


def judge(table: pd.DataFrame, kind: str) -> Iterator[Finding]:
    """Yield the findings of a degradation: the loss at its mild strength; a class that takes over another."""
    own = table[table.degradation == kind]
    yield _lost(own[(own.mild == "yes") & (own.figure == LOST)].to_dict("records")[0])
    taken = own[(own.figure == GAINED) & (own["class"] != own.to) & (own.low >= TAKEN)]
    if len(taken):
        first = taken.sort_values(["strength", "value"], ascending=[True, False]).to_dict("records")[0]
        before = own[(own["class"] == first["class"]) & (own.to == first["to"]) & (own.figure == CALLED)]
        yield _taken(first, float(before.value[before.strength == 0].iloc[0]))


def _lost(row: Mapping[str, Any]) -> Finding:
    kind, low, high = row["degradation"], row["low"], row["high"]
    grade = "warning" if low > 0 and row["value"] >= LOSS else "passed" if high < LOSS else "note"
    text = (
        f"With {_describe(row)} ({DEGRADATIONS[kind].reason}), the balanced accuracy changes by "
        f"{_points(row['value'])} points ({_points(high)} to {_points(low)})."
    )
    remedy = f"Add {kind} to the augmentation, or expect this loss in use." if low > 0 else "Test more patients."
    remedy = "" if grade == "passed" else remedy
    return Finding(CHECK, grade, kind, "balanced accuracy lost", row["value"], low, high, text, remedy)


def _taken(row: Mapping[str, Any], before: float) -> Finding:
    kind, label, to = row["degradation"], row["class"], row["to"]
    text = (
        f"With {_describe(row)}, {percent(before + row['value'])} of the {label} pictures are called {to}; as they "
        f"are, {percent(before)}. {to} may only mean that a picture is unusual."
    )
    remedy = f"Compare {kind} between the classes' pictures; vary it in training."
    figure = f"share called {to}, more than as they are"
    return Finding(CHECK, "warning", f"{label}, {kind}", figure, row["value"], row["low"], row["high"], text, remedy)


def _points(lost: float) -> str:
    """Return a loss as a change in points: ``-2.8``."""
    return f"{0 - 100 * lost:+.1f}"


def _describe(row: Mapping[str, Any]) -> str:
    return f"{row['degradation']} of {row['strength']:g} {row['unit']}"
