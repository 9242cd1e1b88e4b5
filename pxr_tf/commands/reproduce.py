"""``pxr reproduce``: everything that a paper ran."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pxr_tf.commands.comma_lists import split_words
from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import ExperimentOptions
from pxr_tf.commands.option_meanings import seeds_of
from pxr_tf.commands.running import make_console, run_study
from pxr_tf.errors import MissingLibraryError, PxrError, count_words, nearest

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.config import Experiment
    from pxr_tf.config.protocol import Protocol
    from pxr_tf.experiments.request import Request
    from pxr_tf.studies.paper_runs import PaperRun
    from pxr_tf.studies.run_all import Outcome

    Experiments = dict[tuple[str, int], Experiment]  # of a variant: (setting, seed) -> experiment


@takes_options
def reproduce(options: OptionValues) -> None:
    """Run all that a paper ran, each variant with each seed, and print the table beside the paper's."""
    from pxr_tf.config.protocol import load_protocol

    console = make_console()
    asked = ExperimentOptions.of(options)
    protocol = load_protocol(options.config)
    variants, backbone = _choose(protocol, options.model)
    numbers = protocol.seeds if options.seeds is None else seeds_of(None, options.seeds)
    given = {"model.backbone": backbone, **options.keys_given()}
    _check_not_compared(protocol, given)
    experiments, lacking = _make_experiments(asked, protocol, variants, numbers, given)
    planned = [
        (variant, setting, seed) for seed in numbers for setting in protocol.settings for variant in experiments
    ]  # one run of each variant first: what is wrong with all of them is told by two
    chosen = [experiments[variant][setting, seed] for variant, setting, seed in planned]
    _check_folders(planned, chosen, options.runs)
    requests = asked.requests(chosen, console)
    console.print(f"{chosen[0].name}: {count_words(len(requests), 'run')}, of {', '.join(experiments)}.")
    for variant, why in lacking.items():
        console.print(f"{variant} failed: {why}", markup=False)
    _run_all(planned, requests, _failures(lacking, protocol, numbers), console)


def _failures(lacking: Mapping[str, str], protocol: "Protocol", seeds: Sequence[int]) -> "list[PaperRun]":
    """Return the runs of the variants whose library is missing, as failed ones."""
    from pxr_tf.studies.paper_runs import PaperRun

    return [
        PaperRun(variant, setting, seed, variant, failure=why)
        for variant, why in lacking.items()
        for setting in protocol.settings
        for seed in seeds
    ]


def _choose(protocol: "Protocol", model: str | None) -> tuple[list[str], str | None]:
    """Return (the variants to run, the backbone that they run with or None for their own), as asked for.

    A name of both kinds means the variant. Raises `PxrError` for one that is neither, and for a second backbone.
    """
    from pxr_tf.models.backbones import BACKBONES

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


def _check_not_compared(protocol: "Protocol", given: Mapping[str, str | None]) -> None:
    """Raise `PxrError` where an option gives a key that the recipe's settings differ in: they would be one."""
    for setting in protocol.compare.values():
        for key, value in given.items():
            if value is not None and key in setting:
                raise PxrError(
                    f"Received {key}={value}, but the recipe compares settings of {key} (reproduce.compare). Leave it "
                    "out, or use make train."
                )


def _make_experiments(
    asked: ExperimentOptions,
    protocol: "Protocol",
    variants: Sequence[str],
    seeds: Sequence[int],
    asked_for: Mapping[str, str | None],
) -> tuple[dict[str, "Experiments"], dict[str, str]]:
    """Return (variant -> its experiments, variant -> why its library is missing); raise `PxrError`.

    First stages come before those on their features. A missing library is an error where no variant is left.
    ``--epochs`` and ``--weights`` are for the variants that have a use for them, and an error where none has;
    `asked_for` is dotted key -> value, None where an option was not given.
    """
    recipes = {variant: asked.recipe(variant) for variant in variants}
    recipes = dict(sorted(recipes.items(), key=lambda item: item[1].needs_stage_one))  # stable: False before True
    _check_backbones(asked, recipes, asked_for["model.backbone"], asked_for["model.weights"])
    trained = [variant for variant, recipe in recipes.items() if recipe.phases] or variants
    experiments: dict[str, Experiments] = {}
    lacking: dict[str, MissingLibraryError] = {}
    for variant, recipe in recipes.items():
        own = asked if variant in trained else replace(asked, epochs=None)
        given = {name: _of_use(asked_for, recipe, protocol, name) for name in protocol.settings}
        try:
            experiments[variant] = {
                (setting, seed): own.experiment({**values, **given[setting], "seed": seed}, variant)
                for setting, values in protocol.settings.items()
                for seed in seeds
            }
        except MissingLibraryError as error:
            lacking[variant] = error
    if not experiments:
        raise next(iter(lacking.values()))
    return experiments, {variant: str(error) for variant, error in lacking.items()}


def _of_use(
    asked_for: Mapping[str, str | None], recipe: "Experiment", protocol: "Protocol", setting: str
) -> dict[str, str]:
    """Return the options that were given and that a variant has a use for under a setting.

    Weights are for variants with a backbone. Where a cropped setting is compared with a whole one, the atlas is for the
    first alone.
    """
    crops = {
        name: values.get("image.crop", asked_for["image.crop"] or recipe.image.crop)
        for name, values in protocol.settings.items()
    }
    idle = set() if recipe.backbone else {"model.weights"}
    if crops[setting] == "none" and any(crop != "none" for crop in crops.values()):
        idle.add("image.atlas")
    return {key: value for key, value in asked_for.items() if value is not None and key not in idle}


def _check_backbones(
    asked: ExperimentOptions, recipes: "Mapping[str, Experiment]", backbone: str | None, weights: str | None
) -> None:
    """Raise `PxrError` where a backbone is given and not all variants have one, or weights and none has."""
    without = [name for name, recipe in recipes.items() if not (recipe.backbone or recipe.needs_stage_one)]
    if backbone is not None and without:
        raise PxrError(
            f"--model received {backbone!r}, but {', '.join(without)} of {asked.config_name} has no backbone. "
            f"Accepted: {', '.join(recipes)}, comma-separated."
        )
    if weights is not None and not any(recipe.backbone for recipe in recipes.values()):
        raise PxrError(
            f"--weights received {weights!r}, but {', '.join(recipes)} of {asked.config_name} has no backbone. Leave "
            "--weights out."
        )


def _check_folders(planned: Sequence[tuple[str, str, int]], experiments: "Sequence[Experiment]", runs: Path) -> None:
    """Raise `PxrError` where two runs would have one run directory."""
    from pxr_tf.experiments.request import Request

    taken: dict[Path, str] = {}
    for (_, setting, _), experiment in zip(planned, experiments, strict=True):
        folder = Request(experiment, (), runs).folder
        if folder in taken:
            raise PxrError(
                f"reproduce.compare received {taken[folder]!r} and {setting!r}, whose runs would both be {folder}; "
                "accepted: settings with run directories of their own. Add the key tag, a name, to one of them."
            )
        taken[folder] = setting


def _run_all(
    planned: Sequence[tuple[str, str, int]],
    requests: "Sequence[Request]",
    failed: "Sequence[PaperRun]",
    console: "Console",
) -> None:
    """Run the runs, print the paper's table; exit with 1 if one failed, or has `failed` before."""
    from pxr_tf.report.reproduced import print_paper, print_run
    from pxr_tf.studies.paper_runs import PaperRun
    from pxr_tf.studies.paper_tables import write_paper

    runs = {
        request.folder: PaperRun(*which, request.experiment.model.name)
        for which, request in zip(planned, requests, strict=True)
    }

    def show(outcome: "Outcome") -> None:
        folder = outcome.request.folder
        runs[folder] = runs[folder]._replace(run=outcome.run, failure=outcome.failure)
        print_run(runs[folder], console)
        console.print()

    run_study(requests, console, on_outcome=show)
    done = [*runs.values(), *failed]
    written = write_paper(requests[0].runs / requests[0].experiment.name, done)
    print_paper(done, console)
    if written.files:
        console.print(f"Tables: {', '.join(map(str, written.files))}", markup=False, soft_wrap=True)
    if written.kept:
        console.print(f"Rows that stand on more seeds than these were left as they are: {written.kept}.")
    if any(run.failure for run in done):
        sys.exit(1)
