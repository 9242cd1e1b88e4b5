"""What the tables say of a run: its model, classes, split, origin, and what makes its numbers doubtful."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pxr_tf import files, rundir
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.runs.environment import describe_mix

LEAKY = "leaky split"
CROPS = {"lungs": "cropped to the lungs", "lungs_only": "lungs only", "without_lungs": "without the lungs"}


class RunInfo(NamedTuple):
    """What the tables say of a run, or of one that is still to be done."""

    name: str  # of the recipe
    model: str  # the backbone, the paper's own network, or the learner
    variant: str
    classes: tuple[str, ...]
    test_rows: str  # the reading that metrics.csv counts: balanced or all
    published: str | None  # the paper to compare with
    scheme: str = "folds"  # how training and test were split
    unit: str = "patient"  # what the scheme random split: patient or image
    crop: str = "none"  # what pictures show
    permuted: bool = False  # whether it learned permuted labels
    origin: str = "real"  # real or synthetic
    warnings: tuple[RunWarning, ...] = ()

    @property
    def leaky(self) -> bool:
        """Whether a patient, or a picture, is on both sides of a split."""
        return any(warning.what == "leak" for warning in self.warnings)

    @property
    def title(self) -> str:
        """Model and variant, and what must stand beside every figure of this run."""
        split = "" if self.scheme == "folds" else f", {self.scheme} split"
        names = dict.fromkeys((self.model, self.variant))  # a paper's own network may be all of its variant
        crop = f", {CROPS[self.crop]}" if self.crop in CROPS else ""
        return f"{', '.join(names)}{split}{crop}{', permuted labels' * self.permuted}{f', {LEAKY}' * self.leaky}"


def describe_run(folder: Path) -> RunInfo:
    """Return what its files say of a run; the environments of its folds may be one more warning."""
    experiment = yaml.safe_load((folder / rundir.EXPERIMENT).read_text(encoding="utf-8"))
    provenance = files.read_json(folder / rundir.PROVENANCE)
    warnings = [
        RunWarning(what=warning.get("what", ""), text=warning["text"])  # all that is compared between two seeds
        for warning in files.read_json(folder / rundir.WARNINGS) or []
    ]
    mix = describe_mix(folder)
    return info_of(experiment)._replace(
        origin="synthetic" if provenance["origin"].startswith("synthetic") else "real",
        warnings=(*warnings, *([RunWarning(what="environments", text=mix)] if mix else [])),
    )


def info_of(experiment: Mapping[str, Any]) -> RunInfo:
    """Return what an experiment, as plain data, says of its run."""
    model, permuted = experiment["model"], experiment.get("permute_labels", False)
    return RunInfo(
        name=experiment["name"],
        model=model.get("backbone") or model.get("network") or model["kind"],
        variant=experiment["variant"],
        classes=tuple(experiment["classes"]),
        test_rows=experiment["splits"]["test_rows"],
        published=None if permuted else experiment.get("published"),  # no paper printed such figures
        scheme=experiment["splits"].get("scheme", "folds"),
        unit=experiment["splits"].get("unit", "patient"),
        crop=experiment.get("image", {}).get("crop", "none"),
        permuted=permuted,
    )


def worth(info: RunInfo) -> dict[str, str]:
    """Return the columns that say in every table what its figures are worth."""
    return {"origin": info.origin, "split": LEAKY if info.leaky else "by patient"}
