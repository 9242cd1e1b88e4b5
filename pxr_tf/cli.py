"""The command line: ``pxr cv``, ``pxr data``, ``pxr phantom``. Heavy imports stay inside the commands."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pxr_tf.errors import PxrError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Networks that tell chest X-rays apart, cross-validated. Research use, not a medical device.",
)

PAPER = "bozickovic2021"
PHANTOM = "phantom"


def main() -> None:
    """Run the command line; a `PxrError` becomes one line and exit code 2."""
    from pxr_tf.runs import explain_os_error

    try:
        app()
    except PxrError as error:
        _fail(str(error))
    except OSError as error:
        message = explain_os_error(error)
        if message is None:
            raise
        _fail(message)
    except KeyboardInterrupt:
        print("\nStopped. The same command continues from here.", file=sys.stderr)
        sys.exit(130)


def _fail(message: str) -> None:
    print(f"pxr: {message}", file=sys.stderr)
    sys.exit(2)


@app.command()
def cv(
    model: Annotated[str | None, typer.Option(help="Backbone, e.g. xception, resnet50, mobilenet_025.")] = None,
    strategy: Annotated[
        int | None, typer.Option(help="1: all layers; 2: head, then all; 3: as 2, with dropout.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Folders or CSV files, comma-separated. Default: phantoms.")] = None,
    weights: Annotated[str | None, typer.Option(help="imagenet, none, or a weights file.")] = None,
    config: Annotated[
        str | None,
        typer.Option(help=f"Experiment: a name in configs/ or a YAML file. [default: {PAPER}; {PHANTOM} without data]"),
    ] = None,
    folds: Annotated[int | None, typer.Option(help="Number of folds.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder for runs and caches.")] = Path("runs"),
    epochs: Annotated[
        str | None, typer.Option(help="Epochs, fixed: one number for all phases, or one per phase (5,12).")
    ] = None,
    test_rows: Annotated[str | None, typer.Option(help="Which held-out images count: balanced or all.")] = None,
    nested: Annotated[bool, typer.Option("--nested", help="Early stopping inside each fold, no hold-out.")] = False,
    skip_unreadable: Annotated[bool, typer.Option("--skip-unreadable", help="Go on without damaged images.")] = False,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Any other key: training.batch_size=16.")] = None,
) -> None:
    """Cross-validate a backbone under a strategy and print the table beside the paper's."""
    from rich.console import Console

    from pxr_tf.report.progress import Display
    from pxr_tf.report.results import is_written, print_results, write_results
    from pxr_tf.training.cross_validate import cross_validate

    console = Console(highlight=False)
    given = {
        "model.backbone": model,
        "strategy": strategy,
        "model.weights": weights,
        "splits.folds": folds,
        "seed": seed,
        "splits.test_rows": test_rows,
        "splits.nested": nested or None,
    }
    experiment = _load(config or (PAPER if data else PHANTOM), given, epochs, overrides or [])
    sources = _split_paths(data) if data is not None else [*_own_phantoms(runs, console)]
    console.print(
        f"[bold]{experiment.name}[/bold]: {experiment.model.backbone}, strategy {experiment.strategy}, "
        f"{experiment.splits.folds} folds, weights {experiment.model.weights}, seed {experiment.seed}"
    )
    with Display(experiment, console) as display:
        folder = cross_validate(
            experiment,
            sources,
            runs,
            skip_unreadable=skip_unreadable,
            command=shlex.join(["pxr", *sys.argv[1:]]),
            on_event=display.show,
        )
    if is_written(folder):
        console.print(f"Nothing to do: {folder} is finished.")
    else:
        write_results(folder)
    print_results(folder, console)


@app.command()
def data(
    paths: Annotated[str, typer.Argument(help="Folders or CSV files, comma-separated.", metavar="DATA")],
) -> None:
    """Describe data: images, patients, encodings, duplicates, and what a network could cheat with."""
    from rich.console import Console

    from pxr_tf.data.sources import read_sources
    from pxr_tf.data.survey import survey
    from pxr_tf.report.data_tables import print_survey

    table, notes = read_sources(_split_paths(paths))
    console = Console(highlight=False)
    for note in notes:
        console.print(note, markup=False)
    print_survey(console, survey(table))


@app.command()
def phantom(
    out: Annotated[Path, typer.Argument(help="Folder to make; it must not exist, or be empty.")],
    patients: Annotated[int, typer.Option(help="Patients per class, with one to three images each.")] = 60,
    size: Annotated[int, typer.Option(help="Pixels, both sides.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed; the same one gives the same bytes.")] = 0,
    shortcuts: Annotated[
        str,
        typer.Option(
            help="What to plant per class: marker, quality, border. E.g. covid19:marker,normal:border+quality."
        ),
    ] = "",
) -> None:
    """Write synthetic chest X-rays in the public layouts, with exact lung masks."""
    from pxr_tf.data.phantom import CLASSES, COVID_SET, parse_shortcuts, write_phantoms

    planted = parse_shortcuts(shortcuts)
    write_phantoms(out, patients=dict.fromkeys(CLASSES, patients), size=size, seed=seed, shortcuts=planted)
    print(f"Wrote synthetic chest X-rays of {patients} patients per class. To use them: ")
    print(f"make cv CONFIG=phantom DATA={out / 'chest_xray'},{out / COVID_SET}")


def _load(config: str, given: dict[str, Any], epochs: str | None, overrides: list[str]) -> Any:
    """Return the experiment with what the command line gave put in; raise `PxrError`."""
    from pxr_tf.config import load_experiment, parse_override
    from pxr_tf.data.augment import check_preset
    from pxr_tf.models.backbones import check_image_size, find_backbone

    if given["model.backbone"] is not None:
        find_backbone(given["model.backbone"])
    values = {key: value for key, value in given.items() if value is not None}
    values |= dict(parse_override(text) for text in overrides)
    experiment = load_experiment(config, values)
    if epochs is not None:
        experiment = load_experiment(config, values | _fixed_epochs(experiment, epochs))
    check_image_size(experiment.model.backbone, experiment.image.size)
    check_preset(experiment.augmentation.copies)
    check_preset(experiment.augmentation.epochs)
    return experiment


def _fixed_epochs(experiment: Any, text: str) -> dict[str, Any]:
    """Return the overrides that make the chosen strategy's phases run so many epochs, no more and no fewer."""
    numbers = [part.strip() for part in text.split(",")]
    count = len(experiment.phases)
    if not all(part.isdigit() and int(part) > 0 for part in numbers) or len(numbers) not in (1, count):
        raise PxrError(f"--epochs received {text!r}; accepted: one whole number, or {count} of them, one per phase.")
    numbers = numbers * count if len(numbers) == 1 else numbers
    place = f"strategies.{experiment.strategy}.phases"
    fixed: dict[str, Any] = {}
    for phase, number in enumerate(numbers):
        fixed |= {f"{place}.{phase}.max_epochs": int(number), f"{place}.{phase}.patience": None}
    return fixed


def _split_paths(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _own_phantoms(runs: Path, console: Any) -> list[Path]:
    """Return the folders of the phantoms that stand in where no data are given; they are drawn once."""
    from pxr_tf.data.phantom import default_phantoms

    console.print(
        "No DATA given: using synthetic chest X-rays (phantoms). Every figure below is about these, not about patients."
    )
    return default_phantoms(runs / "cache")


if __name__ == "__main__":
    main()
