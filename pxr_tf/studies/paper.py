"""Plan all runs of a paper: its variants, settings and seeds, and what cannot be run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pxr_tf.config import Experiment
from pxr_tf.config.comma_lists import split_words
from pxr_tf.config.protocol import Protocol, load_protocol
from pxr_tf.errors import MissingLibraryError, PxrError, nearest
from pxr_tf.experiments.request import Request
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.studies.experiments import ExperimentOptions
from pxr_tf.studies.paper_runs import PaperRun

Given = Mapping[str, Any]  # dotted key -> value, None if an option was not given


class PaperPlan(NamedTuple):
    """What is to be run of a paper."""

    runs: list[PaperRun]
    experiments: list[Experiment]  # of the runs, in their order
    lacking: list[PaperRun]  # runs that failed before they began: the library of their variant is missing


def plan_paper(asked: ExperimentOptions, given: Given, model: str | None, seeds: Sequence[int] | None) -> PaperPlan:
    """Return the runs of a recipe's protocol, with its own seeds unless there are `seeds`; raise `PxrError`.

    `model` names variants, or a backbone that replaces theirs, comma-separated. Stage one comes before stage two.
    ``--epochs`` and ``--weights`` apply to the variants that use them; it is an error if none does. A missing library
    is an error if no variant is left.
    """
    protocol = load_protocol(asked.recipe_name)
    seeds, settings = seeds or protocol.seeds, list(protocol.settings)
    variants, backbone = _choose(protocol, model)
    given = {"model.backbone": backbone, **given}
    _check_not_compared(protocol, given)
    recipes = {variant: asked.recipe(variant) for variant in variants}
    recipes = dict(sorted(recipes.items(), key=lambda item: item[1].needs_stage_one))  # stable: False before True
    _check_backbones(asked, recipes, given)
    trained = [variant for variant, recipe in recipes.items() if recipe.phases] or variants
    each = [(setting, seed) for setting in settings for seed in seeds]
    planned: list[tuple[PaperRun, Experiment]] = []
    lacking: list[PaperRun] = []
    for variant, recipe in recipes.items():
        own = asked if variant in trained else replace(asked, epochs=None)
        by_setting = {name: _of_use(given, recipe, protocol, name) for name in settings}
        try:
            planned += [_plan_run(own, by_setting, variant, *which) for which in each]
        except MissingLibraryError as why:
            lacking += [PaperRun(variant, *which, variant, failure=str(why)) for which in each]
    if not planned:
        raise PxrError(lacking[0].failure)
    # One run of each variant first, so that the table soon has a row for each.
    planned.sort(key=lambda item: (seeds.index(item[0].seed), settings.index(item[0].setting)))
    _check_folders(planned, asked.runs)
    return PaperPlan([run for run, _ in planned], [experiment for _, experiment in planned], lacking)


def _plan_run(
    asked: ExperimentOptions, given: Mapping[str, Given], variant: str, setting: str, seed: int
) -> tuple[PaperRun, Experiment]:
    """Return a run and its experiment; `given` is by setting and includes the setting's own keys. Raises `PxrError`."""
    experiment = asked.experiment({**given[setting], "seed": seed}, variant)
    return PaperRun(variant, setting, seed, experiment.model.name), experiment


def _choose(protocol: Protocol, model: str | None) -> tuple[list[str], str | None]:
    """Return (the variants to run, the backbone that replaces theirs or None), as asked for.

    A name of both kinds means the variant. Raises `PxrError` for a name of neither kind, and for a second backbone.
    """
    names = list(dict.fromkeys(split_words(model or "")))
    variants = [name for name in names if name in protocol.variants]
    backbones = [name for name in names if name not in protocol.variants and name in BACKBONES]
    unknown = [name for name in names if name not in (*variants, *backbones)] or ([] if names else [model])
    if model is not None and (unknown or len(backbones) > 1):
        name = (unknown or backbones[1:])[0]
        raise PxrError(
            f"--model received {name!r}; accepted: {', '.join(protocol.variants)}, comma-separated."
            f"{nearest(name, protocol.variants)}"
        )
    return variants or list(protocol.variants), backbones[0] if backbones else None


def _check_not_compared(protocol: Protocol, given: Given) -> None:
    """Raise `PxrError` if an option gives a key in which the recipe's settings differ: they would be the same."""
    for setting in protocol.compare.values():
        for key, value in given.items():
            if value is not None and key in setting:
                raise PxrError(
                    f"Received {key}={value}, but the recipe compares settings of {key} (reproduce.compare). Leave it "
                    "out, or use pxr train."
                )


def _of_use(given: Given, recipe: Experiment, protocol: Protocol, setting: str) -> dict[str, Any]:
    """Return the keys of a setting, and the given keys that a variant uses under it.

    Only variants with a backbone use weights. If a cropped setting is compared with an uncropped one, only the cropped
    setting uses the atlas.
    """
    crops = {
        name: values.get("image.crop", given["image.crop"] or recipe.image.crop)
        for name, values in protocol.settings.items()
    }
    idle = set() if recipe.backbone else {"model.weights"}
    if crops[setting] == "none" and any(crop != "none" for crop in crops.values()):
        idle.add("image.atlas")
    of_use = {key: value for key, value in given.items() if value is not None and key not in idle}
    return protocol.settings[setting] | of_use


def _check_backbones(asked: ExperimentOptions, recipes: Mapping[str, Experiment], given: Given) -> None:
    """Raise `PxrError` if a backbone is given but a variant has none, or weights are given but none has one."""
    backbone, weights = given["model.backbone"], given["model.weights"]
    without = [name for name, recipe in recipes.items() if not (recipe.backbone or recipe.needs_stage_one)]
    if backbone is not None and without:
        raise PxrError(
            f"--model received {backbone!r}, but {', '.join(without)} of {asked.recipe_name} has no backbone. "
            f"Accepted: {', '.join(recipes)}, comma-separated."
        )
    if weights is not None and not any(recipe.backbone for recipe in recipes.values()):
        raise PxrError(
            f"--weights received {weights!r}, but {', '.join(recipes)} of {asked.recipe_name} has no backbone. Leave "
            "--weights out."
        )


def _check_folders(planned: Sequence[tuple[PaperRun, Experiment]], runs: Path) -> None:
    """Raise `PxrError` if two runs would have the same run directory."""
    taken: dict[Path, str] = {}
    for run, experiment in planned:
        folder = Request(experiment, (), runs).folder
        if folder in taken:
            raise PxrError(
                f"reproduce.compare received {taken[folder]!r} and {run.setting!r}, which would share {folder}; "
                "accepted: settings with their own run directories. Add the key tag, a name, to one of them."
            )
        taken[folder] = run.setting
