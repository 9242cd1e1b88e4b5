"""The check ``robustness``: how fast do sensitivities fall as pictures get noisier, blurred, darker, turned, cropped?

A loss does not make the run's figures wrong, so no finding is critical.
"""

from collections.abc import Sequence

import pandas as pd

from pxr_tf.audit.degrade import DEGRADATIONS
from pxr_tf.audit.material import Checked, Material
from pxr_tf.audit.predicted import Predicted, predict_changes, without_models
from pxr_tf.audit.versions import UNCHANGED, Change
from pxr_tf.data.findings import Finding
from pxr_tf.evaluation.losses import LOST, measure_losses

CHECK = "robustness"
# As much as separates good from mediocre models of one study, and more than the interval of 600 patients is wide.
LOSS = 0.05
COLUMNS = ("degradation", "strength", "unit", "class", "figure", "value", "low", "high", "method")


def find_robustness(material: Material) -> Checked:
    """Return the findings and the table ``robustness``: a row per degradation, strength, class and figure."""
    lacking = without_models(material, CHECK)
    if lacking:
        return lacking
    changes = [Change(kind, strength) for kind, how in DEGRADATIONS.items() for strength in how.strengths]
    predicted = predict_changes(material, [Change(UNCHANGED), *changes], CHECK)
    table = tabulate(predicted, material.classes)
    return Checked([judge(table, kind) for kind in DEGRADATIONS], {CHECK: table})


def tabulate(predicted: Predicted, classes: Sequence[str]) -> pd.DataFrame:
    """Return a row per degradation, strength (0: as they are), class (``all``: over classes) and figure."""
    number = {label: k for k, label in enumerate(classes)}
    truth, patients = predicted.rows.label.map(number).to_numpy(), predicted.rows.patient_id.to_numpy()
    rows = []
    for kind, how in DEGRADATIONS.items():
        strengths = (0.0, *how.strengths)
        changes = [Change(kind, strength) if strength else Change(UNCHANGED) for strength in strengths]
        named = [predicted.probabilities[change].argmax(1) for change in changes]
        for one in measure_losses(truth, pd.DataFrame(named).to_numpy(), patients, len(classes)):
            label = "all" if one.of is None else classes[one.of]
            rows.append((kind, strengths[one.level], how.unit, label, one.figure, one.value, *one.ends))
    return pd.DataFrame(rows, columns=COLUMNS)


def judge(table: pd.DataFrame, kind: str) -> Finding:
    """Return the finding of a degradation, at its mild strength."""
    how = DEGRADATIONS[kind]
    own = table[(table.degradation == kind) & (table.strength == how.mild) & (table.figure == LOST)]
    row = next(own.itertuples(index=False))
    grade = "warning" if row.low >= 0 and row.value >= LOSS else "passed" if row.high < LOSS else "note"
    text = (
        f"With {kind} of {how.mild:g} {how.unit} ({how.reason}), the balanced accuracy changes by "
        f"{-100 * row.value:+.1f} points ({-100 * row.high:+.1f} to {-100 * row.low:+.1f})."
    )
    remedy = "" if grade == "passed" else f"Add {kind} to the augmentation, or expect this loss in use."
    return Finding(CHECK, grade, kind, "balanced accuracy lost", row.value, row.low, row.high, text, remedy)
