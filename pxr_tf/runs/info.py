"""What the tables say about a run: its model, classes, split, origin and warnings."""

from typing import NamedTuple

from pxr_tf.config import Experiment
from pxr_tf.data.run_warnings import RunWarning

LEAKY = "leaky split"
CROPS = {"lungs": "cropped to the lungs", "lungs_only": "lungs only", "without_lungs": "without the lungs"}


class RunInfo(NamedTuple):
    """What the tables say about a run, or about a run that is still to be done."""

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
        """Whether a patient or a picture is on both sides of a split."""
        return any(warning.what == "leak" for warning in self.warnings)

    @property
    def title(self) -> str:
        """Model and variant, and what must accompany every figure of this run."""
        split = "" if self.scheme == "folds" else f", {self.scheme} split"
        names = dict.fromkeys((self.model, self.variant))  # a paper's own network may have the variant's name
        crop = f", {CROPS[self.crop]}" if self.crop in CROPS else ""
        return f"{', '.join(names)}{split}{crop}{', permuted labels' * self.permuted}{f', {LEAKY}' * self.leaky}"


def info_of(experiment: Experiment) -> RunInfo:
    """Return what an experiment says about its run; origin and warnings are known once it is prepared."""
    splits, permuted = experiment.splits, experiment.permute_labels
    return RunInfo(
        name=experiment.name,
        model=experiment.model.name,
        variant=experiment.variant,
        classes=experiment.classes,
        test_rows=splits.test_rows,
        published=None if permuted else experiment.published,  # papers print no such figures
        scheme=splits.scheme,
        unit=splits.unit,
        crop=experiment.image.crop,
        permuted=permuted,
    )


def origin_and_split(info: RunInfo) -> dict[str, str]:
    """Return the columns that qualify the figures of every table: origin and kind of split."""
    return {"origin": info.origin, "split": LEAKY if info.leaky else "by patient"}
