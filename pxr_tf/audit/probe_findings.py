"""What the table of the check ``probes`` says, as findings. All its thresholds are here, each with its reason."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pxr_tf.data.findings import Finding, Grade
from pxr_tf.evaluation.comparisons import ALPHA

CHECK = "probes"
REFERENCE, SHUFFLED, REENCODED, ELSEWHERE = "whole", "shuffled_labels", "reencoded", "hole_elsewhere"
# Views without any lung, and the words for them. Of clean phantoms, whose classes differ in the lungs alone, 0 to 18 %
# of the skill was left in the last three, and 0 to 43 % without the lungs: their outline, and a rim where the search
# missed, still tell a little.
WITHOUT = {
    "without_lungs": "the lungs blacked out",
    "without_box": "the box around the lungs blacked out",
    "outer_tenth": "the outer tenth alone",
}
# Views that still show lungs, coarsely. Of clean phantoms up to 100 % of the skill was left: never more than a note.
COARSE = {"thumbnail": "8 x 8 pixels", "histogram": "the histogram alone"}
KEPT = 0.8  # share of the skill: lungs are needed for less than a fifth of it
HALF = 0.5  # from here on there is a reason to look
# An area's lower end that is well above chance; with less there is no skill of which a share could be left.
ABOVE = 0.6
# Of shuffled labels, the mean over shuffles: less is not worth a finding of the highest grade.
LEARNED = 0.55
CERTAIN = 0.001  # its p for all classes together: with 0.05, every twentieth clean audit would fail
# File facts show no pixel, so their own area counts. At 0.8, a rule gets about three of four images right; clean
# phantoms gave 0.48 to 0.54.
FACTS, FACTS_TELL, FACTS_HINT = "file_facts", 0.8, 0.65
FIX_DATA = "Compare with images of all classes from one source, prepared alike; judge the model on negative controls."
FIX_FILES = "Re-encode all files alike at one size before training, or take all classes from one source."


def judge_probes(skills: pd.DataFrame, classes: tuple[str, ...]) -> list[Finding]:
    """Return the findings of a table of skills (`probes.COLUMNS`). Of two classes, only the second is named."""
    areas = skills[skills.metric == "auc"]
    named = classes[1:] if len(classes) == 2 else classes
    found = [finding for name in named for finding in _judge_class(areas[areas["class"] == name], name)]
    return [*found, _judge_shuffled(areas[areas["class"].isin(named)])]


def _judge_class(areas: pd.DataFrame, name: str) -> Iterator[Finding]:
    whole = areas[areas.view == REFERENCE].iloc[0]
    if not whole.low >= ABOVE:
        text = f"{name}: the probe has too little skill on whole pictures (AUC {_spell(whole)}) to say what is left."
        yield Finding(CHECK, "note", name, "AUC of whole pictures", whole.value, whole.low, whole.high, text)
    else:
        yield _judge_without(areas, name, whole)
        yield from _judge_coarse(areas, name)
        yield from _judge_reencoded(areas, name)
    yield from _judge_facts(areas, name)


def _judge_without(areas: pd.DataFrame, name: str, whole: pd.Series) -> Finding:
    """Return one finding on the view without lungs that keeps the most."""
    known = areas[areas.view.isin(WITHOUT)]
    best = known.loc[known.share_left.idxmax()]
    grade = _grade(best, KEPT, HALF)
    text = (
        f"{name} is told apart with {WITHOUT[best.view]}: AUC {_spell(best)}, whole pictures {_spell(whole)}; "
        f"{_percent(best.share_left)} of the skill is left."
    )
    if grade == "passed":
        text = f"{name}: without lungs, at most {_percent(best.share_left)} of the skill is left (AUC {_spell(best)})."
    elif best.view == "without_lungs":
        own = areas[areas.input == best.input].set_index("view").share_left
        text += (
            f" Blacking out the whole box around them leaves {_percent(own['without_box'])}, a hole of the same size "
            f"elsewhere {_percent(own[ELSEWHERE])}."
        )
    return _share_finding(grade, name, "skill left without lungs", best, text, "" if grade == "passed" else FIX_DATA)


def _judge_coarse(areas: pd.DataFrame, name: str) -> Iterator[Finding]:
    for view, words in COARSE.items():
        rows = areas[areas.view == view]
        best = rows.loc[rows.share_left.idxmax()]
        if _grade(best, KEPT, KEPT) == "critical":
            text = f"{name}: {words} are enough for {_percent(best.share_left)} of the skill; no detail is needed."
            text = text.replace("alone are", "alone is")
            yield _share_finding("note", name, f"skill left in {words}", best, text, "")


def _judge_reencoded(areas: pd.DataFrame, name: str) -> Iterator[Finding]:
    """Yield a finding if one encoding for all pictures takes skill away that is certain to be more than a fifth."""
    row = areas[(areas.view == REENCODED)].iloc[0]
    if row.share_high < KEPT:
        text = f"{name}: only {_percent(row.share_left)} of the skill is left once all pictures are encoded alike."
        yield _share_finding("critical", name, "skill left with one encoding", row, text, FIX_FILES)


def _judge_facts(areas: pd.DataFrame, name: str) -> Iterator[Finding]:
    row = areas[areas.view == FACTS].iloc[0]
    certain = row.low >= ABOVE and row.p_holm < ALPHA
    grade: Grade = "passed"
    if certain and row.value >= FACTS_HINT:
        grade = "critical" if row.value >= FACTS_TELL else "warning"
    text = f"{name}: file facts alone (bytes per pixel, size, mode, JPEG tables) tell it with AUC {_spell(row)}."
    remedy = "" if grade == "passed" else FIX_FILES
    yield Finding(CHECK, grade, name, "AUC of file facts", row.value, row.low, row.high, text, remedy)


def _judge_shuffled(areas: pd.DataFrame) -> Finding:
    """Return whether shuffled labels can be learned: then a patient or a picture is on both sides of a fold."""
    rows = areas[areas.view == SHUFFLED]
    best = rows.loc[rows.p.idxmin()] if rows.p.notna().any() else rows.iloc[0]
    failed = best.p * len(rows) < CERTAIN and best.value >= LEARNED
    text = f"Control: labels shuffled among patients are told with AUC {_spell(best)} ({best['class']}); "
    text += "more than chance, so training and test share patients or pictures." if failed else "chance is 0.5."
    remedy = "Split by patient and drop copies." if failed else ""
    grade: Grade = "critical" if failed else "passed"
    return Finding(CHECK, grade, "shuffled labels", "AUC", best.value, best.low, best.high, text, remedy)


def _grade(row: pd.Series, critical: float, warning: float) -> Grade:
    if not (row.low >= ABOVE and row.p_holm < ALPHA):
        return "passed"
    if row.share_left >= critical:
        return "critical"
    return "warning" if row.share_left >= warning else "passed"


def _share_finding(grade: Grade, name: str, figure: str, row: pd.Series, text: str, remedy: str) -> Finding:
    return Finding(CHECK, grade, name, figure, row.share_left, row.share_low, row.share_high, text, remedy)


def _spell(row: pd.Series) -> str:
    ends = "" if np.isnan(row.low) else f" ({row.low:.2f} to {row.high:.2f})"
    return f"{row.value:.2f}{ends}"


def _percent(share: float) -> str:
    return f"{100 * max(0.0, share):.0f} %"
