"""The gate of a run: is a picture one upright frontal chest X-ray? It is asked before any probability is given.

A gate is three small networks of one hidden layer on hand-made features (`gate_features`), each with the distance to
the frontal films that it was fitted on (`gate_fit`). It needs NumPy alone, and one file beside the run's models.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pxr_tf import files
from pxr_tf.errors import PxrError
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
LARGEST = 50_000_000  # bytes of all arrays; a gate has 2 million
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)


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
    middle: np.ndarray  # [F], of frontal films
    directions: np.ndarray  # [F, D], orthonormal: most of what differs between frontal films
    spread: np.ndarray  # [D, D]: its product with itself is the inverse of their covariance
    rest: np.ndarray  # [1], the mean square of what the directions leave of a frontal film

    def say(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (probabilities [n, kinds], distances [n]) of float32 [n, F] features.

        A distance is the sum of the squared Mahalanobis distance and what the directions leave, each divided by its
        mean over frontal films.
        """
        logits = np.maximum(features @ self.hidden + self.hidden_bias, 0) @ self.output + self.output_bias
        shares = np.exp(logits - logits.max(1, keepdims=True))
        away = features - self.middle
        along = away @ self.directions
        left = np.maximum((away**2).sum(1) - (along**2).sum(1), 0)
        return shares / shares.sum(1, keepdims=True), ((along @ self.spread) ** 2).mean(1) + left / self.rest


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
        return Verdict(False, REASONS.get(kind, f"looks like what was given to be refused: {kind}"), kind, frontal)


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
    path = run.folder / GATE
    if not path.exists():
        return None
    with files.reading(f"The gate {path}"):
        content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    try:
        return _unpack(content)
    except _DAMAGE as error:
        raise PxrError(
            f"{path} is not a gate of this version of pxr_tf, or it is damaged. `pxr gate {run.folder}` fits it again."
        ) from error


def write_gate(path: Path, gate: Gate) -> None:
    """Write a gate, whole or not at all: a NumPy archive without pickles."""
    words = {"format": FORMAT, "kinds": gate.kinds, "least": gate.least, "most": gate.most, "about": dict(gate.about)}
    text = np.frombuffer(json.dumps(words, sort_keys=True).encode(), np.uint8)
    stacked = {name: np.stack([getattr(judge, name) for judge in gate.judges]) for name in Judge._fields}
    with files.written_whole(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, words=text, **{name: values.astype(np.float32) for name, values in stacked.items()})


def _unpack(content: bytes) -> Gate:
    """Return the gate in the bytes of a file; raise one of `_DAMAGE`."""
    with zipfile.ZipFile(io.BytesIO(content)) as stored:
        if sum(one.file_size for one in stored.infolist()) > LARGEST:
            raise ValueError("too large")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        words = json.loads(arrays["words"].tobytes())
        if words["format"] != FORMAT:
            raise ValueError("another version wrote it")
        stacked = [arrays[name] for name in Judge._fields]
    judges = tuple(Judge(*values) for values in zip(*stacked, strict=True))
    gate = Gate(tuple(words["kinds"]), judges, float(words["least"]), float(words["most"]), words["about"])
    shares, distances = gate.measure(np.zeros((1, SIDE, SIDE), np.uint8))
    if not judges or shares.shape != (1, len(gate.kinds)) or not np.isfinite([*shares[0], distances[0]]).all():
        raise ValueError(f"its arrays do not fit {NUMBERS} features")
    return gate
