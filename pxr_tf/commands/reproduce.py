"""``pxr reproduce``: everything that a paper ran."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pxr_tf.commands import options as o
from pxr_tf.commands.running import make_console, run_request
from pxr_tf.errors import PxrError, count_words, nearest

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.config.protocol import Protocol
    from pxr_tf.experiments.run import Request


def reproduce(
    config: Annotated[str, typer.Argument(help="A recipe with what its paper ran: a name in configs/, or a file.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Variants, comma-separated. Default: all that the recipe names.")
    ] = None,
    data: o.Data = None,
    weights: o.Weights = None,
    seeds: o.Seeds = None,
    runs: o.Runs = Path("runs"),
    epochs: o.Epochs = None,
    skip_unreadable: o.SkipUnreadable = False,
    duplicates: o.Duplicates = None,
    mix_environments: o.MixEnvironments = False,
    overrides: o.Overrides = None,
) -> None:
    """Run all that a paper ran, each variant with each seed, and print the table beside the paper's."""
    from pxr_tf.config.protocol import load_protocol

    console = make_console()
    beside = (skip_unreadable, mix_environments)
    asked = o.Asked(data, config, runs, None, epochs, overrides, *beside)
    protocol = load_protocol(config)
    variants = _choose(protocol, model)
    numbers = protocol.seeds if seeds is None else o.seeds_of(None, seeds)
    planned = [(variant, setting, seed) for variant in variants for setting in protocol.settings for seed in numbers]
    experiments = [
        asked.experiment(
            {
                **protocol.settings[setting],
                "model.weights": weights if asked.recipe(variant).backbone else None,
                "seed": seed,
                "duplicates": duplicates,
            },
            variant,
        )
        for variant, setting, seed in planned
    ]
    requests = asked.requests(experiments, console)
    console.print(f"{experiments[0].name}: {count_words(len(requests), 'run')}, of {', '.join(variants)}.")
    _run_all(planned, requests, console)


def _choose(protocol: "Protocol", model: str | None) -> list[str]:
    """Return the variants to run, as asked for; raise `PxrError` for one that the paper does not have."""
    if model is None:
        return list(protocol.variants)
    names = list(dict.fromkeys(o.split_words(model)))
    for name in names or [model]:
        if name not in protocol.variants:
            raise PxrError(
                f"--model received {name!r}; accepted: {', '.join(protocol.variants)}, comma-separated."
                f"{nearest(name, protocol.variants)}"
            )
    return names


def _run_all(planned: Sequence[tuple[str, str, int]], requests: "Sequence[Request]", console: "Console") -> None:
    """Run the runs one after another, print the paper's table; exit with 1 where one failed."""
    from pxr_tf.report.paper_runs import PaperRun
    from pxr_tf.report.reproduced import print_paper, print_run, write_paper

    done: list[PaperRun] = []
    for (variant, setting, seed), request in zip(planned, requests, strict=True):
        run = PaperRun(variant, setting, seed, request.experiment.model.name)
        console.print()
        try:
            run = run._replace(folder=run_request(request, console))
        except PxrError as error:
            run = run._replace(failure=str(error))
        except Exception as error:  # one bad run must not cost the others
            run = run._replace(failure=f"{type(error).__name__}: {error}")
        done.append(run)
        print_run(run, console)
    written = write_paper(requests[0].runs / requests[0].experiment.name, done)
    print_paper(done, console)
    if written:
        console.print(f"Tables: {', '.join(map(str, written))}", markup=False, soft_wrap=True)
    if any(run.failure for run in done):
        sys.exit(1)
