"""Options besides a recipe, and the experiments and requests made from both. No TensorFlow here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pxr_tf.config import Experiment, load_experiment, parse_override, read_values
from pxr_tf.config.comma_lists import choose_words, split_paths, split_words, whole_numbers
from pxr_tf.data.schemes import check_own_options, options_of
from pxr_tf.errors import PxrError, nearest, shown
from pxr_tf.evaluation.published import comparable_papers
from pxr_tf.experiments.request import Request
from pxr_tf.models.backbones import check_image_size, check_library, check_weights, find_backbone
from pxr_tf.models.networks import all_sizes, check_kernels
from pxr_tf.pictures.augment import find_movement
from pxr_tf.training.learners import check_learner
from pxr_tf.vocabulary.model import Scratch

PAPER, PHANTOM = "bozickovic2021", "phantom"  # the default recipes, with data and without
FORMATS = ("png", "pdf", "svg")  # of figures; the first is always written
PHANTOM_VALIDATION = 0.15  # replaces a number of images: one paper's 800 are more than all phantoms


@dataclass(frozen=True)
class ExperimentOptions:
    """The options of an experiment that are not keys of its recipe: where data and recipe are, and how to run it."""

    data: str | None
    config: str | None
    runs: Path
    classes: str | None = None
    epochs: str | None = None
    overrides: Sequence[str] | None = None
    skip_unreadable: bool = False
    mix_environments: bool = False
    figures: str = FORMATS[0]  # formats, comma-separated
    command: str = ""  # for the record

    @property
    def recipe_name(self) -> str:
        """The name or file of the recipe: as given, or the default for these data."""
        if self.config is not None:
            return self.config
        return PAPER if self.data is not None else PHANTOM

    @property
    def set_here(self) -> dict[str, Any]:
        """Dotted key -> value of what ``--set`` gives; raises `PxrError`."""
        return dict(parse_override(text) for text in self.overrides or [])

    def recipe(self, variant: str | None) -> Experiment:
        """Return the recipe's experiment, without any option; raise `PxrError`."""
        return load_experiment(self.recipe_name, variant=variant)

    def experiment(
        self, given: Mapping[str, Any], variant: str | None, point: Mapping[str, Any] | None = None
    ) -> Experiment:
        """Return the experiment with all given options; raise `PxrError`.

        `given` is dotted key -> value, None if an option was not given. `point`, of a tuning's grid, is applied last.
        """
        recipe = self.recipe_name
        values = {key: value for key, value in given.items() if value is not None}
        set_here = self.set_here
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

    def requests(self, experiments: Sequence[Experiment], say: Callable[[str], None]) -> list[Request]:
        """Return what is to be run; without data, draw the phantoms now. Raises `PxrError`."""
        figures = figure_formats(self.figures)
        if self.data is None:
            say(phantom_words([(experiment, self.recipe(experiment.variant)) for experiment in experiments]))
            official = any(experiment.splits.scheme == "official" for experiment in experiments)
            data = find_phantoms(self.runs, official=official)
        else:
            data = tuple(split_paths(self.data))
        rest = (data, self.runs, self.skip_unreadable, self.mix_environments, self.command)
        return [Request(experiment, *rest, figures=figures) for experiment in experiments]


def figure_formats(text: str) -> tuple[str, ...]:
    """Return the formats of figures that ``--figures`` names, and PNG; raise `PxrError`."""
    chosen = choose_words(text, "--figures", FORMATS)
    return tuple(kind for kind in FORMATS if kind in chosen or kind == FORMATS[0])


def check_given_once(given: Mapping[str, Any], set_here: Mapping[str, Any]) -> None:
    """Raise `PxrError` if ``--set`` gives a key, or its whole mapping, that the command or an option gives."""
    for key, value in given.items():
        for other in set_here:
            if value is not None and (key == other or key.startswith(f"{other}.")):
                raise PxrError(
                    f"Received --set {other}={shown(set_here[other])}, but this command or one of its options gives "
                    f"{key}={shown(value)}. Leave one of them out."
                )


def check_names(experiment: Experiment) -> None:
    """Raise `PxrError` if the experiment names an unknown backbone, network, file, preset, paper or scheme."""
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


def fit_kind(recipe: str, given: Mapping[str, Any], set_here: Mapping[str, Any], variant: str | None) -> dict[str, Any]:
    """Return what was given, with ``--model`` and ``--weights`` as the kind of the recipe's model needs them.

    A backbone replaces a paper's own network (`with_backbone`). Raises `PxrError` if the learner does not exist, or
    does not use the options. Call this before the experiment is validated: with a misspelt learner, everything else
    looks wrong.
    """
    model = read_values(recipe, set_here, variant=variant)[0].get("model")
    kind = model.get("kind", "transfer") if isinstance(model, dict) else "transfer"
    if not isinstance(kind, str) or check_learner(kind) == "transfer":
        return dict(given)
    if kind == "scratch" and "model.backbone" in given and "model.kind" not in set_here:
        return with_backbone(given, model.get("output", "softmax"))
    for option, key, noun in (("--model", "model.backbone", "backbone"), ("--weights", "model.weights", "weights")):
        if key in given and (kind, option) != ("on_features", "--model"):  # there it selects stage one
            raise PxrError(
                f"{option} received {given[key]!r}, but the learner {kind!r} (model.kind) has no {noun}. Leave "
                f"{option} out, or use model.kind=transfer."
            )
    return dict(given)


def with_backbone(given: Mapping[str, Any], output: str) -> dict[str, Any]:
    """Return what was given, with its backbone and one output layer as the model; the recipe's phases stay."""
    rest = dict(given)
    backbone, weights = rest.pop("model.backbone"), rest.pop("model.weights", "imagenet")
    head = {"hidden_units": [], "output": output}
    return {"model": {"kind": "transfer", "backbone": backbone, "weights": weights, "head": head}, **rest}


def parse_classes(text: str, recipe: Experiment) -> dict[str, Any]:
    """Return the overrides for classes such as ``normal,pneumonia=bacterial+viral``; raise `PxrError`.

    A class that is named without parts keeps the parts that the recipe merges. Oversampled classes of the recipe stay
    if they are still in the list.
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


def fixed_epochs(experiment: Experiment, text: str) -> dict[str, Any]:
    """Return the overrides that make the phases run exactly so many epochs; raise `PxrError`."""
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


def validates_number(experiment: Experiment) -> bool:
    """Return whether the recipe gives validation as a number of images, not as a share."""
    splits = experiment.splits
    return isinstance(splits.validation, int) and "validation" in options_of(splits.scheme)


def phantom_words(experiments: Sequence[tuple[Experiment, Experiment]]) -> str:
    """Return the note if no data are given; `experiments` has each with its recipe's unchanged experiment."""
    said = "No DATA given: using synthetic chest X-rays (phantoms). All figures are about these, not patients."
    for experiment, recipe in experiments:
        if validates_number(recipe) and experiment.splits.validation == PHANTOM_VALIDATION:
            share = f"{100 * PHANTOM_VALIDATION:g} %"
            return f"{said} {share} of them validate: the recipe's number, {recipe.splits.validation}, is too large."
    return said


def find_phantoms(runs: Path, *, official: bool) -> tuple[str, ...]:
    """Return the phantom data sets, drawn once; with `official`, only the set with a test part."""
    from pxr_tf.phantoms.sets import default_phantoms  # OpenCV takes a moment to load

    return tuple(map(str, default_phantoms(runs / "cache")[: 1 if official else None]))
