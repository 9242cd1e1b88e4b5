"""The command line: ``pxr cv``, ``grid``, ``data``, ``phantom``. Heavy imports stay inside the commands."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
INTERRUPTED = 130  # the exit code that Typer gives for Ctrl-C
PAPER_BACKBONES = "resnet50,inception_v3,inception_resnet_v2,xception"

# Options that several commands share.
Data = Annotated[str | None, typer.Option(help="Folders or CSV files, comma-separated. Default: phantoms.")]
Weights = Annotated[str | None, typer.Option(help="imagenet, none, or a weights file.")]
Config = Annotated[
    str | None, typer.Option(help=f"A name in configs/ or a YAML file. Default: {PAPER}; {PHANTOM} without data.")
]
Folds = Annotated[int | None, typer.Option(help="Number of folds.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]
Runs = Annotated[Path, typer.Option(help="Folder for runs and caches.")]
Epochs = Annotated[str | None, typer.Option(help="Fixed epochs: a number for all phases, or one per phase (5,12).")]
TestRows = Annotated[str | None, typer.Option(help="Which held-out images count: balanced or all.")]
Nested = Annotated[bool, typer.Option("--nested", help="Early stopping inside each fold, no hold-out.")]
KeepDuplicates = Annotated[bool, typer.Option("--keep-duplicates", help="Keep byte-identical copies of an image.")]
SkipUnreadable = Annotated[bool, typer.Option("--skip-unreadable", help="Go on without damaged images.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Any other key: training.batch_size=16.")]


def main() -> None:
    """Run the command line; a `PxrError` becomes one line and exit code 2."""
    try:
        with _one_line_errors():
            app()
    except SystemExit as stopped:
        if stopped.code == INTERRUPTED:
            print("\nStopped. The same command continues from here.", file=sys.stderr)
        raise


@app.command()
def cv(
    model: Annotated[str | None, typer.Option(help="Backbone, e.g. xception, resnet50, mobilenet_025.")] = None,
    strategy: Annotated[
        int | None, typer.Option(help="1: all layers; 2: head, then all; 3: as 2, with dropout.")
    ] = None,
    data: Data = None,
    weights: Weights = None,
    config: Config = None,
    folds: Folds = None,
    seed: Seed = None,
    runs: Runs = Path("runs"),
    epochs: Epochs = None,
    test_rows: TestRows = None,
    nested: Nested = False,
    skip_unreadable: SkipUnreadable = False,
    keep_duplicates: KeepDuplicates = False,
    overrides: Overrides = None,
) -> None:
    """Cross-validate a backbone under a strategy and print the table beside the paper's."""
    from rich.console import Console

    from pxr_tf.report.results import print_results

    console = Console(highlight=False)
    given = _given(weights, folds, seed, test_rows, nested)
    recipe = config or (PAPER if data is not None else PHANTOM)
    experiment = _load(recipe, given | {"model.backbone": model, "strategy": strategy}, epochs, overrides)
    options = {"skip_unreadable": skip_unreadable, "keep_duplicates": keep_duplicates}
    folder = _run_cell(experiment, _sources(data, runs, console), runs, options, console)
    print_results(folder, console)


@app.command()
def grid(
    models: Annotated[str, typer.Option(help="Backbones, comma-separated.")] = PAPER_BACKBONES,
    strategies: Annotated[str, typer.Option(help="Strategies, comma-separated.")] = "1,2,3",
    data: Data = None,
    weights: Weights = None,
    config: Config = None,
    folds: Folds = None,
    seed: Seed = None,
    runs: Runs = Path("runs"),
    epochs: Epochs = None,
    test_rows: TestRows = None,
    nested: Nested = False,
    skip_unreadable: SkipUnreadable = False,
    keep_duplicates: KeepDuplicates = False,
    overrides: Overrides = None,
) -> None:
    """Cross-validate all backbones under all strategies: says first what it will cost, runs what is missing."""
    from rich.console import Console

    from pxr_tf.report.grid import Cell, print_cells

    console = Console(highlight=False)
    given = _given(weights, folds, seed, test_rows, nested)
    recipe = config or (PAPER if data is not None else PHANTOM)
    cells = [
        Cell(_load(recipe, given | {"model.backbone": model, "strategy": strategy}, epochs, overrides))
        for model in _split(models)
        for strategy in _split_numbers(strategies)
    ]
    if not cells:
        raise PxrError(f"--models received {models!r}; accepted: backbones, comma-separated, e.g. xception,resnet50.")
    sources = _sources(data, runs, console)
    options = {"skip_unreadable": skip_unreadable, "keep_duplicates": keep_duplicates}
    _announce([cell.experiment for cell in cells], sources, runs, console)
    for number, cell in enumerate(cells):
        try:
            folder = _run_cell(cell.experiment, sources, runs, options, console)
            cells[number] = cell._replace(folder=folder)
        except PxrError as error:
            cells[number] = cell._replace(failure=str(error))
        except Exception as error:  # one bad cell must not cost the others
            cells[number] = cell._replace(failure=f"{type(error).__name__}: {error}")
        print_cells(console, cells)
    if any(cell.failure for cell in cells):
        sys.exit(1)


@app.command()
def data(
    paths: Annotated[str, typer.Argument(help="Folders or CSV files, comma-separated.", metavar="DATA")],
) -> None:
    """Describe data: images, patients, encodings, duplicates, and what a network could cheat with."""
    from rich.console import Console

    from pxr_tf.pictures.survey import survey
    from pxr_tf.report.data_tables import print_survey
    from pxr_tf.sets.find import read_sources

    table, notes = read_sources(_split(paths))
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
        str, typer.Option(help="Planted per class: marker, quality, border. E.g. covid19:marker,normal:border+quality.")
    ] = "",
) -> None:
    """Write synthetic chest X-rays in the public layouts, with exact lung masks."""
    from pxr_tf.phantoms.sets import CLASSES, COVID_SET, parse_shortcuts, write_phantoms

    planted = parse_shortcuts(shortcuts)
    write_phantoms(out, patients=dict.fromkeys(CLASSES, patients), size=size, seed=seed, shortcuts=planted)
    print(f"Wrote synthetic chest X-rays of {patients} patients per class to {out}. To train on them:")
    print(f"make cv CONFIG=phantom DATA={out / 'chest_xray'},{out / COVID_SET}")


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Tell a person's mistake, a full disk or a place without permission in one line; exit with code 2."""
    from pxr_tf.files import explain_os_error

    try:
        yield
    except (PxrError, OSError) as error:
        message = str(error) if isinstance(error, PxrError) else explain_os_error(error)
        if message is None:
            raise
        print(f"pxr: {message}", file=sys.stderr)
        sys.exit(2)


def _run_cell(experiment: Any, sources: list[str], runs: Path, options: dict[str, bool], console: Any) -> Path:
    """Cross-validate one experiment and write its results; return its run directory."""
    from pxr_tf.experiments.run import cross_validate
    from pxr_tf.locks import hold, lock_of
    from pxr_tf.report.progress import Display
    from pxr_tf.report.results import is_written, write_results

    with Display(experiment, console) as display:
        folder = cross_validate(
            experiment,
            sources,
            runs,
            **options,
            command=shlex.join(["pxr", *sys.argv[1:]]),
            on_event=display.show,
        )
    with hold(lock_of(folder)):
        if is_written(folder):
            console.print(f"Nothing to do: {folder} is finished.", markup=False)
        else:
            write_results(folder)
    return folder


def _announce(experiments: list[Any], sources: list[str], runs: Path, console: Any) -> None:
    """Print about how long the cells that are missing will take, from a few real steps of each backbone."""
    from pxr_tf.experiments.estimate import estimate_grid
    from pxr_tf.report.grid import print_estimates

    estimates = estimate_grid(experiments, sources, runs, lambda text: console.print(text, markup=False))
    if estimates:
        print_estimates(console, estimates)


def _given(weights: str | None, folds: int | None, seed: int | None, rows: str | None, nested: bool) -> dict[str, Any]:
    return {
        "model.weights": weights,
        "splits.folds": folds,
        "seed": seed,
        "splits.test_rows": rows,
        "splits.nested": nested or None,
    }


def _load(config: str, given: dict[str, Any], epochs: str | None, overrides: list[str] | None) -> Any:
    """Return the experiment with what the command line gave put in; raise `PxrError`."""
    from pxr_tf.config import load_experiment, parse_override
    from pxr_tf.models.backbones import check_image_size, check_weights, find_backbone
    from pxr_tf.pictures.augment import check_preset

    values = {key: value for key, value in given.items() if value is not None}
    values |= dict(parse_override(text) for text in overrides or [])
    experiment = load_experiment(config, values)
    if epochs is not None:
        experiment = load_experiment(config, values | _fixed_epochs(experiment, epochs))
    find_backbone(experiment.model.backbone)
    check_weights(experiment.model.weights)
    check_image_size(experiment.model.backbone, experiment.image.size)
    check_preset(experiment.augmentation.copies)
    check_preset(experiment.augmentation.epochs)
    return experiment


def _fixed_epochs(experiment: Any, text: str) -> dict[str, Any]:
    """Return the overrides that make the chosen strategy's phases run so many epochs, no more and no fewer."""
    numbers = _split(text)
    count = len(experiment.phases)
    if not all(part.isdigit() and int(part) > 0 for part in numbers) or len(numbers) not in (1, count):
        raise PxrError(f"--epochs received {text!r}; accepted: one whole number, or {count} of them, one per phase.")
    numbers = numbers * count if len(numbers) == 1 else numbers
    place = f"strategies.{experiment.strategy}.phases"
    fixed: dict[str, Any] = {}
    for phase, number in enumerate(numbers):
        fixed |= {f"{place}.{phase}.max_epochs": int(number), f"{place}.{phase}.patience": None}
    return fixed


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _split_numbers(text: str) -> list[int]:
    parts = _split(text)
    if not parts or not all(part.isdigit() for part in parts):
        raise PxrError(f"--strategies received {text!r}; accepted: whole numbers, comma-separated, e.g. 1,2,3.")
    return [int(part) for part in parts]


def _sources(data: str | None, runs: Path, console: Any) -> list[str]:
    """Return the data sets: those given, or else phantoms, which are drawn once."""
    if data is not None:
        return _split(data)
    from pxr_tf.phantoms.sets import default_phantoms

    console.print("No DATA given: using synthetic chest X-rays (phantoms). All figures are about these, not patients.")
    return [str(path) for path in default_phantoms(runs / "cache")]


if __name__ == "__main__":
    main()
