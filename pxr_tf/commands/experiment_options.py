"""The options that the commands of experiments share, and the experiments that they make of them."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.commands.command_options import OptionValues
from pxr_tf.commands.no_data import PHANTOM_VALIDATION, find_data, phantom_words, validates_number
from pxr_tf.commands.option_meanings import fixed_epochs, parse_classes
from pxr_tf.errors import PxrError, nearest, shown

PAPER, PHANTOM = "bozickovic2021", "phantom"  # the recipes that are meant where none is named

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.config import Experiment
    from pxr_tf.experiments.request import Request


@dataclass(frozen=True)
class ExperimentOptions:
    """The options of an experiment that give no key of its recipe: where its data and recipe are, and how it is run."""

    data: str | None
    config: str | None
    runs: Path
    classes: str | None = None
    epochs: str | None = None
    overrides: Sequence[str] | None = None
    skip_unreadable: bool = False
    mix_environments: bool = False

    @classmethod
    def of(cls, options: OptionValues) -> "ExperimentOptions":
        """Return those among the options of a command; what it does not take has its default."""
        names = [field.name for field in fields(cls) if field.name in options.by_name]
        return cls(**{name: options.by_name[name] for name in names})

    @property
    def config_name(self) -> str:
        """The recipe's name or file: the one that was given, or the one for these data."""
        if self.config is not None:
            return self.config
        return PAPER if self.data is not None else PHANTOM

    def recipe(self, variant: str | None) -> "Experiment":
        """Return the experiment as the recipe has it; raise `PxrError`."""
        from pxr_tf.config import load_experiment

        return load_experiment(self.config_name, variant=variant)

    def experiment(
        self, given: Mapping[str, Any], variant: str | None, point: Mapping[str, Any] | None = None
    ) -> "Experiment":
        """Return the experiment with all that was given put in; raise `PxrError`.

        `given` is dotted key -> value, None where an option was not given; `point`, of a tuning's grid, comes last.
        """
        from pxr_tf.commands.model_option import fit_kind
        from pxr_tf.config import load_experiment, parse_override

        recipe = self.config_name
        values = {key: value for key, value in given.items() if value is not None}
        set_here = dict(parse_override(text) for text in self.overrides or [])
        check_given_once({**values, "classes": self.classes}, set_here)
        set_here |= point or {}
        values = fit_kind(recipe, values, set_here, variant) | set_here
        if self.classes is not None:
            values = parse_classes(self.classes, self.recipe(variant)) | values
        experiment = load_experiment(recipe, values, variant=variant)
        more = {} if self.epochs is None else fixed_epochs(experiment, self.epochs)
        if self.data is None and not {"splits", "splits.validation"} & values.keys() and validates_number(experiment):
            more["splits.validation"] = PHANTOM_VALIDATION
        experiment = load_experiment(recipe, values | more, variant=variant) if more else experiment
        check_names(experiment)
        return experiment

    def requests(self, experiments: Sequence["Experiment"], console: "Console") -> list["Request"]:
        """Return what is to be run; without data the phantoms are drawn now."""
        from pxr_tf.experiments.request import Request

        official = any(experiment.splits.scheme == "official" for experiment in experiments)
        if self.data is None:
            console.print(phantom_words([(experiment, self.recipe(experiment.variant)) for experiment in experiments]))
        data = find_data(self.data, self.runs, official=official)
        rest = (data, self.runs, self.skip_unreadable, self.mix_environments, command_line())
        return [Request(experiment, *rest) for experiment in experiments]


def command_line() -> str:
    """Return what was typed, for the record."""
    return shlex.join(["pxr", *sys.argv[1:]])


def check_given_once(given: Mapping[str, Any], set_here: Mapping[str, Any]) -> None:
    """Raise `PxrError` where ``--set`` names a key, or all of its mapping, that the command or an option gives."""
    for key, value in given.items():
        for other in set_here:
            if value is not None and (key == other or key.startswith(f"{other}.")):
                raise PxrError(
                    f"Received --set {other}={shown(set_here[other])}, but this command or one of its options gives "
                    f"{key}={shown(value)}. Leave one of them out."
                )


def check_names(experiment: "Experiment") -> None:
    """Raise `PxrError` where the experiment names a backbone, network, file, preset, paper or scheme in vain."""
    from pxr_tf.data.schemes import check_own_options
    from pxr_tf.evaluation.published import comparable_papers
    from pxr_tf.models.backbones import check_image_size, check_library, check_weights, find_backbone
    from pxr_tf.models.networks import all_sizes, check_kernels
    from pxr_tf.pictures.augment import find_movement
    from pxr_tf.vocabulary.model import Scratch

    check_own_options(experiment.splits.scheme, experiment.splits.options)
    for how in (experiment.augmentation.copies, experiment.augmentation.epochs):
        if isinstance(how, str):
            find_movement(how)
    if experiment.image.crop != "none":
        from pxr_tf.pictures.lung_source import check_places

        check_places(experiment.image.atlas, experiment.image.masks)
    papers = comparable_papers()
    if experiment.published is not None and experiment.published not in papers:
        accepted = f"null, or a paper whose table is known: {', '.join(papers)}"
        close = nearest(experiment.published, papers)
        raise PxrError(f"published received {shown(experiment.published)}; accepted: {accepted}.{close}")
    if experiment.backbone:
        check_image_size(experiment.backbone, experiment.image.size)
        check_library(find_backbone(experiment.backbone))
        check_weights(experiment.model.weights)
    if isinstance(experiment.model, Scratch):
        name, sizes = experiment.model.network, all_sizes(experiment.model.network, experiment.model.sizes)
        check_kernels(name, sizes.get("kernel_sizes", ()), experiment.image.size)
