"""The gate of a run: is a picture one upright frontal chest X-ray? It is asked before any probability is given.

A gate is three small networks of one hidden layer on hand-made features (`gate_features`), each with the distance to
the frontal films that it was fitted on (`gate_fit`). It needs NumPy alone, and one file beside the run's models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pxr_tf.inference.archives import read_archive, write_archive
from pxr_tf.inference.distances import Distance
from pxr_tf.inference.gate_features import NUMBERS, SIDE, describe
from pxr_tf.pictures.decode import resize_grey
from pxr_tf.pictures.tones import count_levels
from pxr_tf.runs.directory import RunDirectory

GATE = "gate.npz"  # in the run directory
FORMAT = 1  # of the file; raise it when the same picture would get other features
FRONTAL, UNUSABLE = "frontal", "unusable"
# Kind of picture -> why it is refused. A kind that somebody gave has its own name.
REASONS = {
    "inverted": "looks inverted: air is bright",
    "turned": "looks turned by a quarter",
    "upside down": "looks upside down",
    "part": "looks like a part of a chest X-ray",
    "several": "looks like several pictures in one",
    "other": "is not like a frontal chest X-ray",
}
SMALLEST = 64  # pixels of the shorter side: less shows no detail of a lung
LONGEST = 2.5  # times the shorter side; the longest of 5,856 published films of children has 2.0
BLANK_LEVELS = 12  # `count_levels` of an empty picture with noise; the emptiest public films have 60


class Verdict(NamedTuple):
    """What a gate says about a picture."""

    accepted: bool
    reason: str  # why it is refused, after the words "The picture"; "" if it is accepted
    kind: str  # "frontal", "unusable" (too small, too long, blank), or what it looks like instead
    frontal: float  # 0 to 1; of pictures that are too small or blank, 0


class Judge(NamedTuple):
    """One of a gate's networks, and its distance to frontal films; F features, H hidden units, D directions."""

    hidden: np.ndarray  # float32 [F, H]
    hidden_bias: np.ndarray  # [H]
    output: np.ndarray  # [H, kinds]
    output_bias: np.ndarray  # [kinds]
    middle: np.ndarray  # the rest is the distance to frontal films: see `Distance`
    directions: np.ndarray
    spread: np.ndarray
    weight: np.ndarray

    def say(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (probabilities [n, kinds], distances [n]) of float32 [n, F] features."""
        logits = np.maximum(features @ self.hidden + self.hidden_bias, 0) @ self.output + self.output_bias
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True), Distance(*self[-len(Distance._fields) :]).of(features)


@dataclass(frozen=True)
class Gate:
    """The gate of a run."""

    kinds: tuple[str, ...]  # "frontal", those of `REASONS`, and those that somebody gave
    judges: tuple[Judge, ...]
    least: float  # P(frontal) of an accepted picture
    most: float  # distance of an accepted picture
    about: Mapping[str, Any]  # how it was fitted, and what it does with held-out films

    def judge(self, picture: np.ndarray, says: Sequence[str] = ()) -> Verdict:
        """Return the verdict on a picture, uint8 [height, width], as decoded, before any crop.

        `says` is what its DICOM file says against a frontal chest X-ray (`pictures.dicom.contradictions`).
        """
        height, width = picture.shape
        return self.judge_thumbnails([(height, width)], resize_grey(picture, SIDE, "average")[None], [says])[0]

    def judge_thumbnails(
        self, sizes: Sequence[tuple[int, int]], thumbnails: np.ndarray, says: Sequence[Sequence[str]]
    ) -> list[Verdict]:
        """Return verdicts on n pictures of these (height, width), of which only thumbnails, [n, 32, 32], are there."""
        faults = map(_find_fault, sizes, thumbnails)
        return [
            Verdict(False, fault, UNUSABLE, 0.0) if fault else _object(self._decide(share, float(distance)), words)
            for fault, share, distance, words in zip(faults, *self.measure(thumbnails), says, strict=True)
        ]

    def measure(self, thumbnails: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (probabilities of the kinds [n, kinds], distances [n]): means over the judges."""
        features = describe(thumbnails)
        said = [judge.say(features) for judge in self.judges]
        return np.mean([shares for shares, _ in said], axis=0), np.mean([distances for _, distances in said], axis=0)

    def _decide(self, shares: np.ndarray, distance: float) -> Verdict:
        frontal = float(shares[0])
        if frontal >= self.least and distance <= self.most:
            return Verdict(True, "", FRONTAL, frontal)
        kind = self.kinds[1 + int(shares[1:].argmax())] if frontal < self.least else "other"
        return Verdict(False, REASONS.get(kind, f"looks like a kind of picture that is refused: {kind}"), kind, frontal)


def _object(verdict: Verdict, says: Sequence[str]) -> Verdict:
    """Return the verdict, with what its DICOM file says against the picture; a file that does is refused."""
    if not says:
        return verdict
    words = f"is of a DICOM file that {' and '.join(says)}"
    return Verdict(False, f"{verdict.reason}, and {words}" if verdict.reason else words, verdict.kind, verdict.frontal)


def _find_fault(size: tuple[int, int], thumbnail: np.ndarray) -> str:
    """Return why no network needs to look at a picture, "" if one does."""
    short, long = sorted(size)
    if short < SMALLEST:
        return f"is too small: {size[1]} x {size[0]} pixels, and at least {SMALLEST} are needed on each side"
    if long > LONGEST * short:
        return f"is too long for a chest X-ray: {size[1]} x {size[0]} pixels"
    return "is blank" if count_levels(thumbnail) <= BLANK_LEVELS else ""


def read_gate(run: RunDirectory) -> Gate | None:
    """Return the gate of a run, None if it has none; raise `PxrError` for a damaged file."""
    return read_archive(run, GATE, FORMAT, _make)


def write_gate(path: Path, gate: Gate) -> None:
    """Write a gate, whole or not at all."""
    words = {"format": FORMAT, "kinds": gate.kinds, "least": gate.least, "most": gate.most, "about": dict(gate.about)}
    write_archive(path, words, {name: np.stack([getattr(one, name) for one in gate.judges]) for name in Judge._fields})


def _make(words: dict[str, Any], arrays: dict[str, np.ndarray]) -> Gate:
    judges = tuple(Judge(*values) for values in zip(*(arrays[name] for name in Judge._fields), strict=True))
    gate = Gate(tuple(words["kinds"]), judges, float(words["least"]), float(words["most"]), words["about"])
    shares, _ = gate.measure(np.zeros((1, SIDE, SIDE), np.uint8))
    if not judges or shares.shape != (1, len(gate.kinds)):
        raise ValueError(f"its arrays do not fit {NUMBERS} features")
    return gate
