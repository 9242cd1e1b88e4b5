"""Options that several commands share, and what they make of an experiment."""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pxr_tf.commands.no_data import PHANTOM_VALIDATION, phantom_words, validates_number
from pxr_tf.errors import PxrError, nearest, shown

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.config import Experiment
    from pxr_tf.experiments.request import Request

PAPER = "bozickovic2021"
PHANTOM = "phantom"

ModelName = Annotated[str | None, typer.Option("--model", help="Backbone, e.g. xception, resnet50, mobilenet_025.")]
Strategy = Annotated[
    int | None,
    typer.Option(
        help="Short for a variant: 2 means strategy2 (1: all layers; 2: head, then all; 3: as 2, with dropout)."
    ),
]
Variant = Annotated[str | None, typer.Option(help="One of the recipe's variants, by name.")]
DATA_HELP = "Folders or CSV files, comma-separated; a path that exists may have commas itself."
Data = Annotated[str | None, typer.Option(help=f"{DATA_HELP} Default: phantoms.")]
Weights = Annotated[str | None, typer.Option(help="imagenet, none, or a weights file.")]
Config = Annotated[
    str | None, typer.Option(help=f"A name in configs/ or a YAML file. Default: {PAPER}; {PHANTOM} without data.")
]
Classes = Annotated[
    str | None,
    typer.Option(help="Comma-separated; labels can be merged into a class: normal,pneumonia=bacterial+viral."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]
Seeds = Annotated[
    str | None, typer.Option(help="Several seeds, comma-separated: one run each, then mean ± sd over seeds.")
]
Folds = Annotated[int | None, typer.Option(help="Number of folds.")]
Runs = Annotated[Path, typer.Option(help="Folder for runs and caches.")]
Epochs = Annotated[str | None, typer.Option(help="A fixed number of epochs for all phases, or one per phase (5,12).")]
TestRows = Annotated[str | None, typer.Option(help="Which held-out images count: balanced or all.")]
Nested = Annotated[bool, typer.Option("--nested", help="Early stopping inside each fold, no hold-out.")]
Duplicates = Annotated[
    str | None,
    typer.Option(help="Copies of a picture: drop all but one, drop those with the same bytes only (exact), or keep."),
]
Crop = Annotated[
    str | None,
    typer.Option(
        help="What a network sees: the box of the lungs (lungs), the lungs alone (lungs_only), all but them "
        "(without_lungs), or the whole picture (none)."
    ),
]
Atlas = Annotated[
    str | None,
    typer.Option(help="What a crop finds lungs by: builtin, a folder of pairs, or a file of `pxr lungs train`."),
]
MovedAtlas = Annotated[
    str | None, typer.Option(help="Where the atlas lies now that the run found lungs by. Default: where it was.")
]
SkipUnreadable = Annotated[bool, typer.Option("--skip-unreadable", help="Go on without damaged images.")]
MixEnvironments = Annotated[
    bool,
    typer.Option(
        "--mix-environments", help="Continue a run under other versions or on another machine; its tables then say so."
    ),
]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Any other key: training.batch_size=16.")]


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line, beside the keys of an experiment."""

    data: str | None
    config: str | None
    runs: Path
    classes: str | None = None
    epochs: str | None = None
    overrides: Sequence[str] | None = None
    skip_unreadable: bool = False
    mix_environments: bool = False

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
    from pxr_tf.config.model import Scratch
    from pxr_tf.data.schemes import check_own_options
    from pxr_tf.evaluation.published import comparable_papers
    from pxr_tf.models.backbones import check_image_size, check_library, check_weights, find_backbone
    from pxr_tf.models.networks import all_sizes, check_kernels
    from pxr_tf.pictures.augment import find_movement

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


def parse_classes(text: str, recipe: "Experiment") -> dict[str, Any]:
    """Return the overrides that ``normal,pneumonia=bacterial+viral`` stands for; raise `PxrError`.

    What the recipe merges into a class that is named without parts stays so, as do those of its oversampled classes
    that are still there.
    """
    classes, taken, merge = [], [], {}
    for part in split_words(text):
        name, equals, labels = (piece.strip() for piece in part.partition("="))
        parts = [label.strip() for label in labels.split("+") if label.strip()] or list(recipe.merge.get(name, ()))
        if not name or (equals and not parts):
            raise PxrError(f"--classes received {text!r}; accepted: names, or name=label+label, comma-separated.")
        classes.append(name)
        if parts:
            merge[name] = parts
        taken += parts or [name]
    twice = [name for names in (classes, taken) for name in names if names.count(name) > 1]
    if twice:
        raise PxrError(f"--classes received {text!r}, which uses {twice[0]} twice; accepted: each label in one class.")
    oversample = recipe.balance.oversample
    kept = oversample if isinstance(oversample, str) else [name for name in oversample if name in classes]
    return {"classes": classes, "merge": merge, "tag": "-".join(classes), "balance.oversample": kept}


def fixed_epochs(experiment: "Experiment", text: str) -> dict[str, Any]:
    """Return the overrides that make the phases run so many epochs, no more and no fewer; raise `PxrError`."""
    numbers = whole_numbers(text)
    count = len(experiment.phases)
    if not count:
        raise PxrError(
            f"--epochs received {text!r}, but the learner {experiment.model.kind!r} has no epochs. Leave it out."
        )
    if not all(numbers) or len(numbers) not in (1, count):
        accepted = "one whole number above 0" + (f", or {count} of them, one per phase" if count > 1 else "")
        raise PxrError(f"--epochs received {shown(text)}; accepted: {accepted}.")
    numbers = numbers * count if len(numbers) == 1 else numbers
    fixed: dict[str, Any] = {}
    for phase, number in enumerate(numbers):
        fixed |= {f"phases.{phase}.max_epochs": number, f"phases.{phase}.patience": None, f"phases.{phase}.keep": None}
    return fixed


def variant_of(strategy: int | None, variant: str | None) -> str | None:
    """Return the variant's name; ``--strategy 2`` means ``strategy2``. Raises `PxrError` where both are given."""
    if strategy is not None and variant is not None:
        raise PxrError(f"Received --strategy {strategy} and --variant {variant}; accepted: one of the two.")
    return variant if strategy is None else f"strategy{strategy}"


def seeds_of(seed: int | None, seeds: str | None) -> list[int | None]:
    """Return the seeds to run, ``[None]`` for the recipe's own. Raises `PxrError`."""
    if seeds is None:
        return [seed]
    if seed is not None:
        raise PxrError(f"Received --seed {seed} and --seeds {seeds}; accepted: one of the two.")
    numbers = whole_numbers(seeds)
    if not numbers:
        raise PxrError(f"--seeds received {shown(seeds)}; accepted: whole numbers, comma-separated, e.g. 0,1,2.")
    return list(dict.fromkeys(numbers))


def whole_numbers(text: str) -> list[int]:
    """Return the whole numbers between commas; none where any of the parts is something else."""
    from pxr_tf.config.plain_yaml import MAX_DIGITS

    parts = split_words(text)
    plain = all(part.isascii() and part.isdigit() and len(part) <= MAX_DIGITS for part in parts)
    return [int(part) for part in parts] if plain else []


def split_words(text: str) -> list[str]:
    """Return what stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def split_paths(text: str) -> list[str]:
    """Return the files and folders between commas.

    A name may have commas itself: pieces that exist only together are one path. Where each exists, they are several.
    """
    pieces = text.split(",")
    best: dict[int, tuple[int, int, list[str]]] = {len(pieces): (0, 0, [])}  # from here on: missing, -number, paths
    for start in reversed(range(len(pieces))):
        readings = []
        for end in range(start + 1, len(pieces) + 1):
            path, exists = _find_path(",".join(pieces[start:end]))
            if exists or end == start + 1:  # what is missing is told piece by piece
                missing, number, rest = best[end]
                readings.append((missing + (not exists), number - 1, [path, *rest]) if path else best[end])
        best[start] = min(readings)
    return best[0][2]


def _find_path(text: str) -> tuple[str, bool]:
    """Return the path as it stands if it exists, else without the space around it; and whether it exists."""
    path = text if os.path.exists(os.path.expanduser(text)) else text.strip()
    return path, os.path.exists(os.path.expanduser(path))


def find_data(data: str | None, runs: Path, *, official: bool = False) -> tuple[str, ...]:
    """Return the data sets: those given, or else phantoms, which are drawn once.

    With `official`, only the phantoms that have an official test part.
    """
    if data is not None:
        return tuple(split_paths(data))
    from pxr_tf.phantoms.sets import default_phantoms

    folders = default_phantoms(runs / "cache")
    return tuple(str(path) for path in folders[: 1 if official else None])
