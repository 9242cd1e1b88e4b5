"""The check ``counterfactuals``: does a test picture get another class if something changes that is not the disease?

A change is either one for all (a border, a marker, …) or an imitation: the picture takes over one property of a picture
of another class. The control of an imitation is the same with a picture of the own class; the control of the others is
a shift by one pixel. So only what the class of the imitated picture adds counts.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.audit.changes import SIMPLE
from pxr_tf.audit.files_like import BOTH
from pxr_tf.audit.material import Checked, Material
from pxr_tf.audit.predicted import Predicted, predict_changes, without_models
from pxr_tf.audit.versions import CONTRAST, FRAME, IMITATIONS, SHARPNESS, TOGETHER, UNCHANGED, Change
from pxr_tf.data.findings import Finding, Grade
from pxr_tf.data.shortcuts import percent
from pxr_tf.errors import count_words
from pxr_tf.evaluation.flips import CALLED, FLIPPED, MORE_CALLED, MORE_FLIPPED, FlipFigure, measure_flips
from pxr_tf.evaluation.intervals import wilson_interval

CHECK = "counterfactuals"
SHIFT = "shift"  # the control of changes for all
# A shift by one pixel flips up to 4 % of a class of a four-class run on real X-rays: pictures near a boundary.
WARN = 0.05  # the lower end of what a change flips more than its control
# For one picture in five, not the patient decides but the file. With 40 patients per class, chance alone moves a
# difference between two shares by less than that.
CRITICAL = 0.2  # the lower end of what an imitation adds to the flips to the class that it imitates
SAME_SOURCE = 0.5  # share of two classes' pictures that have a source in common
FEW = 10  # patients of a class; its intervals are too wide for a verdict

WORDS = {  # change -> with it, a picture is …
    "black border": "with a black border",
    "white border": "with a white border",
    "marker": "with an R in a corner",
    "mirrored": "mirrored",
    "background": "with a black background outside the body",
    "inverted": "as a negative",
    "encoding": "with the JPEG tables of {}",
    "resolution": "scaled to the size of {}",
    "file": "saved like {} (size and JPEG tables)",
    "contrast": "with the mean histogram of {}",
    "sharpness": "with fine detail as strong as in {}",
    "frame": "in the frame of {} (border and corners)",
    "together": "with size, JPEG tables, fine detail, histogram and frame of {}",
}
SAME_FILES = "Save all pictures at one size with one encoding before training, and audit again."
REMEDIES = {
    "encoding": SAME_FILES,
    "resolution": SAME_FILES,
    "file": SAME_FILES,
    "contrast": "Normalise the intensity of all pictures alike, or vary it in training.",
    "sharpness": "Bring all pictures to one sharpness and noise before training, or vary both in training.",
    "frame": "Crop to the lungs, or blank the borders and corners of all pictures alike.",
    "together": "Make all pictures alike in what can be made alike, and audit again.",
    "inverted": "Do not show the model negatives, or train it with them.",
    "mirrored": "Mirror pictures in training.",
}
OTHER_REMEDY = "Vary it in training, or crop to the lungs."
COLUMNS = ("change", "of", "class", "figure", "to", "value", "low", "high", "method", "images", "patients")


class Tried(NamedTuple):
    """What one change does to one class."""

    change: Change
    label: str
    figures: dict[tuple[str, str], FlipFigure]  # (figure, class or "") -> figure
    images: int
    patients: int

    def figure(self, name: str, to: str = "") -> FlipFigure:
        return self.figures[name, to]

    @property
    def words(self) -> str:
        return WORDS[self.change.kind].format(f"{self.change.of} pictures")


def find_counterfactuals(material: Material) -> Checked:
    """Return the findings and the table ``counterfactuals``: a row per change, class and figure."""
    lacking = without_models(material, CHECK)
    if lacking:
        return lacking
    predicted = predict_changes(material, list_changes(material.classes), CHECK)
    tried = list(try_changes(predicted, material.classes))
    cropped = material.run is not None and material.run.preparation.crop != "none"
    return Checked(judge(tried, predicted.rows, cropped=cropped), {CHECK: tabulate(tried)})


def list_changes(classes: Sequence[str]) -> list[Change]:
    """Return all changes that are tried, the unchanged picture first."""
    return [
        Change(UNCHANGED),
        *(Change(kind) for kind in SIMPLE),
        *(Change(kind, of=label) for kind in IMITATIONS for label in classes),
    ]


def try_changes(predicted: Predicted, classes: Sequence[str]) -> Iterator[Tried]:
    """Yield what each change does to each class, the unchanged picture aside."""
    before = predicted.probabilities[Change(UNCHANGED)]
    for change, after in predicted.probabilities.items():
        if change.kind == UNCHANGED:
            continue
        for label in (label for label in classes if (predicted.rows.label == label).any()):
            own = (predicted.rows.label == label).to_numpy()
            control = predicted.probabilities[control_of(change, label)]
            patients = predicted.rows.patient_id.to_numpy()[own]
            figures = {
                (one.figure, "" if one.to is None else classes[one.to]): one
                for one in measure_flips(before[own], after[own], control[own], patients)
            }
            seen = own & ~np.isnan(after).any(1)
            counts = int(seen.sum()), predicted.rows.patient_id[seen].nunique()
            yield Tried(change, label, figures, *counts)


def control_of(change: Change, label: str) -> Change:
    """Return the change that a change of pictures of a class is compared with; a control's is the unchanged picture."""
    if change.kind == SHIFT or change.of == label:
        return Change(UNCHANGED)
    return Change(change.kind, of=label) if change.of else Change(SHIFT)


def tabulate(tried: Sequence[Tried]) -> pd.DataFrame:
    """Return a row per change, class and figure (`COLUMNS`)."""
    rows = [
        (one.change.kind, one.change.of, one.label, figure, to, found.value, *found.ends, one.images, one.patients)
        for one in tried
        for (figure, to), found in one.figures.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def judge(tried: Sequence[Tried], rows: pd.DataFrame, *, cropped: bool) -> list[Finding]:
    """Return a finding per change and class that flips more than its control, or one per change that flips nothing.

    `rows` has ``label`` and ``source``. In `cropped` pictures, the frame may hold lung.
    """
    findings = [*_count_few(tried), *_count_unread(tried)]
    for kind in WORDS:
        found = []
        of_kind = [one for one in tried if one.change.kind == kind and one.change.of != one.label]
        for label in dict.fromkeys(one.label for one in of_kind):
            own = [one for one in of_kind if one.label == label]
            tied = not (kind in (FRAME, TOGETHER) and cropped)
            found += _judge_class(own, [one for one in own if tied and _is_property(one, rows)])
        findings += found or _not_found(of_kind)
    return findings


def _is_property(one: Tried, rows: pd.DataFrame) -> bool:
    """Return whether a change imitates what the data tie to a class, and no disease can be the reason.

    Disease changes the contrast, too, and perhaps fine detail: they count between classes from different sources.
    """
    if one.change.kind in (CONTRAST, SHARPNESS, TOGETHER):
        return _common_sources(rows, one.label, one.change.of) < SAME_SOURCE
    return one.change.kind in IMITATIONS


def _common_sources(rows: pd.DataFrame, first: str, second: str) -> float:
    shares = [rows.source[rows.label == label].value_counts(normalize=True) for label in (first, second)]
    return float(pd.concat(shares, axis=1).fillna(0).min(axis=1).sum())


def _judge_class(own: Sequence[Tried], tied: Sequence[Tried]) -> list[Finding]:
    """Return the worst finding of a kind of change of a class, if there is one; `tied` may be critical."""
    worst = max(tied, key=lambda one: _low(one, MORE_CALLED, one.change.of), default=None)
    if worst and _low(worst, MORE_CALLED, worst.change.of) >= CRITICAL:
        return [_to_its_class(worst, "critical")]
    worst = max(own, key=lambda one: _low(one, MORE_FLIPPED))
    to_its_class = [one for one in own if one.change.of and _low(one, MORE_CALLED, one.change.of) >= WARN]
    if to_its_class:
        return [_to_its_class(max(to_its_class, key=lambda one: _low(one, MORE_CALLED, one.change.of)), "warning")]
    return [_to_any_class(worst)] if _low(worst, MORE_FLIPPED) >= WARN else []


def _low(one: Tried, figure: str, to: str = "") -> float:
    low = one.figure(figure, to).ends.low
    return -np.inf if np.isnan(low) or one.patients < FEW else low


def _to_its_class(one: Tried, grade: Grade) -> Finding:
    of = one.change.of
    called, more = one.figure(CALLED, of), one.figure(MORE_CALLED, of)
    text = (
        f"{percent(called.value)} of the {one.label} pictures become {of} {one.words}; with pictures of their own "
        f"class, {percent(called.value - more.value)} do."
    )
    return _finding(one, grade, f"share called {of}, more than under the control", more, text)


def _to_any_class(one: Tried) -> Finding:
    flipped, more = one.figure(FLIPPED), one.figure(MORE_FLIPPED)
    most = max((to for figure, to in one.figures if figure == CALLED), key=lambda to: one.figure(CALLED, to).value)
    control = "with pictures of their own class" if one.change.of else "shifted by a pixel"
    text = (
        f"The predicted class of {percent(flipped.value)} of the {one.label} pictures changes {one.words}, most often "
        f"to {most} ({percent(one.figure(CALLED, most).value)}); {control}, of {percent(flipped.value - more.value)}."
    )
    return _finding(one, "warning", "share that flips, more than under the control", more, text)


def _finding(one: Tried, grade: Grade, figure: str, found: FlipFigure, text: str) -> Finding:
    remedy = REMEDIES.get(one.change.kind, OTHER_REMEDY)
    return Finding(CHECK, grade, f"{one.label}, {one.change.kind}", figure, found.value, *found.ends[:2], text, remedy)


def _not_found(of_kind: Sequence[Tried]) -> list[Finding]:
    """Return what is said of a kind of change that flips no class: passed, or a note if many flips are possible."""
    known = [one for one in of_kind if not np.isnan(_reach(one))]
    if not known:
        return []
    most = max(known, key=_reach)
    flipped, more = most.figure(FLIPPED).value, most.figure(MORE_FLIPPED)
    words = WORDS[most.change.kind].format("pictures of another class")
    words = f"{words[0].upper()}{words[1:]}"
    shares = f"{percent(flipped)} against {percent(flipped - more.value)} under the control"
    if _reach(most) < CRITICAL:
        grade, remedy = "passed", ""
        text = f"{words}, no class changes much more often than under the control. Least sure: {most.label}, {shares}."
    else:
        grade, remedy = "note", "Test more patients."
        text = (
            f"{words}, {most.label} may change more often than under the control ({shares}): "
            f"{count_words(most.patients, 'patient')} cannot exclude up to {percent(_reach(most))}."
        )
    figure = "share that flips, more than under the control"
    return [Finding(CHECK, grade, most.change.kind, figure, more.value, *more.ends[:2], text, remedy)]


def _reach(one: Tried) -> float:
    """Return how many flips more than under the control are possible; without any, as many as chance may hide."""
    return max(one.figure(MORE_FLIPPED).ends.high, wilson_interval(0.0, max(1, one.patients))[1])


def _count_few(tried: Sequence[Tried]) -> Iterator[Finding]:
    for label in dict.fromkeys(one.label for one in tried):
        patients = max(one.patients for one in tried if one.label == label)
        if patients < FEW:
            text = (
                f"{label} has test pictures of {count_words(patients, 'patient')}: too few to say what changes flip "
                f"(at least {FEW})."
            )
            yield Finding(CHECK, "note", label, "patients", patients, text=text, remedy="Add patients of this class.")


def _count_unread(tried: Sequence[Tried]) -> Iterator[Finding]:
    """Yield a note if files could not be read again: then changes that begin with files lack their pictures."""
    images = {kind: sum(one.images for one in tried if one.change.kind == kind) for kind in (BOTH, FRAME)}
    lacking = 1 - images[BOTH] / max(1, images[FRAME])
    if lacking > 0:
        text = (
            f"Changes of files lack {percent(lacking)} of the pictures: the files were moved or changed since the run, "
            "or cannot be read."
        )
        remedy = "Put the files back where the manifest says they are."
        yield Finding(CHECK, "note", "changes of files", "share of pictures", lacking, text=text, remedy=remedy)
