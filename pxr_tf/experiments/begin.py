"""Begin a run: compare, choose, split and decode its images, check its weights, write its directory."""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment
from pxr_tf.data import labels
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.data.splits import unused_rows, without_tests
from pxr_tf.errors import count_words
from pxr_tf.events import OnEvent, emit_elapsed, emit_note, emit_progress, emit_wait
from pxr_tf.experiments import check_run, stage_one, weights, write_run
from pxr_tf.experiments.plan import OfRecipe
from pxr_tf.experiments.request import Request
from pxr_tf.pictures import gather
from pxr_tf.runs import crop
from pxr_tf.tasks import Executor, Task, run_or_raise
from pxr_tf.training.learners import check_learner

_built: set[tuple[object, ...]] = set()  # networks that this process's executors could build, with weights that exist


class Sources(NamedTuple):
    """What a run is made from: its images, not yet decoded, and stage one if the run is a stage two."""

    gathered: gather.Gathered
    stage_one: stage_one.StageOne | None


def find_sources(
    request: Request, on_event: OnEvent, known: dict[tuple[object, ...], gather.Gathered] | None = None
) -> Sources:
    """Return what a run is made from; raise `PxrError` before any file is written. `known` keeps images for reuse."""
    experiment = request.experiment
    check_learner(experiment.model.kind)
    weights.identity(experiment)  # a file that does not exist is reported at once
    stage = stage_one.find_stage_one(request)
    known = {} if known is None else known
    key = (request.data, experiment.classes, str(experiment.merge), experiment.other_findings)
    if key not in known:
        say = partial(emit_note, on_event)
        known[key] = gather.gather_images(
            request.data,
            experiment.classes,
            experiment.merge,
            say,
            partial(emit_progress, on_event, "reading files"),
            others=experiment.other_findings,
        )
    gathered = known[key]
    gathered = gathered._replace(lungs=crop.open_lung_source(experiment.image, gathered.table, request.cache))
    stage_one.check_images(stage, gathered)
    return Sources(gathered, stage)


def begin_run(request: Request, sources: Sources, executor: Executor, on_event: OnEvent) -> pd.DataFrame:
    """Prepare the images, check the weights, write the run directory; return its splits.

    Weights that must be downloaded come first: comparing and decoding take minutes, and would be in vain without them.
    """
    gathered, stage = sources
    check_run.check_unused(request.folder)
    check = partial(_check_weights, request, executor, on_event)
    downloaded = check() if weights.identity(request.experiment) is None else ""
    with ThreadPoolExecutor(1) as pool:  # the executor works while this process compares and decodes
        identity = pool.submit(lambda: downloaded or check())
        chosen = stage_one.known_rows(choose_rows(request, gathered, on_event), stage, partial(emit_note, on_event))
        table, splits = _split(request, chosen, stage, on_event)  # before any picture is decoded
        decoded = decode(request, gathered, table, on_event, identity)
        if len(decoded.skipped):
            words = count_words(len(decoded.skipped), "unreadable image")
            emit_note(on_event, f"{words} skipped, listed in:\n{request.folder / rundir.SKIPPED}")
            splits = stage_one.split_rows(decoded.table, request.experiment, stage)
        stage_one.check_roles(splits, stage)
        tables, warnings, provenance = _compose(request, gathered, decoded, splits, on_event)
        with emit_elapsed(on_event, "checking the weights"):
            provenance["weights"] = identity.result()
        provenance |= stage_one.describe_stage_one(stage, request.folder)
    write_run.write_run(request.folder, request.experiment, tables, warnings, provenance)
    _mention_random_features(request.experiment, on_event)
    _mention_other_backbone(request.experiment, on_event)
    return splits


def _split(
    request: Request, table: pd.DataFrame, stage: stage_one.StageOne | None, on_event: OnEvent
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (the rows to decode, their splits). A tuning point has no test rows.

    Decoding finds unreadable images; the other rows are then split again. Tuning does not decode test rows, so it
    leaves out here all images that could not be compared. They are the same images: comparing decodes the file, too.
    """
    if request.tuning is None:
        return table, stage_one.split_rows(table, request.experiment, stage)
    if request.skip_unreadable and not table.compared.all():
        emit_note(on_event, f"{count_words((~table.compared).sum(), 'unreadable image')} skipped.")
        table = table[table.compared].reset_index(drop=True)
    return without_tests(table, stage_one.split_rows(table, request.experiment, stage))


def choose_rows(request: Request, gathered: gather.Gathered, on_event: OnEvent) -> pd.DataFrame:
    """Return the experiment's manifest rows; patients who share a picture are merged. Raises `PxrError`."""
    experiment = request.experiment
    table = gather.compare_images(
        gathered.table,
        request.cache,
        partial(emit_progress, on_event, "comparing images"),
        partial(emit_wait, on_event),
    )
    return gather.choose_images(
        table, experiment.classes, experiment.merge, experiment.duplicates, partial(emit_note, on_event)
    )


def decode(
    request: Request,
    gathered: gather.Gathered,
    table: pd.DataFrame,
    on_event: OnEvent,
    parallel: "Future[str] | None" = None,
) -> gather.DecodedImages:
    """Decode the missing pictures; stop early if the `parallel` work fails."""
    source = gathered.lungs

    def report(what: str, done: int, total: int) -> None:
        if parallel is not None and parallel.done():
            parallel.result()
        emit_progress(on_event, what, done, total)

    return gather.decode_images(
        table,
        crop.preparation_of(request.experiment.image, source and source.identity),
        request.cache,
        source=source,
        skip_unreadable=request.skip_unreadable and request.tuning is None,  # `_split` left them out
        on_progress=report,
        on_wait=partial(emit_wait, on_event),
    )


def _compose(
    request: Request, gathered: gather.Gathered, decoded: gather.DecodedImages, splits: pd.DataFrame, on_event: OnEvent
) -> tuple[dict[str, pd.DataFrame], list[RunWarning], dict[str, Any]]:
    """Return what a new run directory will hold: tables by file name, warnings, provenance."""
    experiment, (table, skipped, pictures, found) = request.experiment, decoded
    labels.keep_classes(table, experiment.classes)  # skipping may have removed a whole class
    unused = len(unused_rows(table, splits))
    if unused:
        emit_note(on_event, f"{count_words(unused, 'image')} unused by the split {experiment.splits.scheme!r}.")
    tables = write_run.make_tables(experiment, table, skipped, splits)
    warnings = write_run.find_warnings(table, splits, experiment)
    if found is not None:
        lungs = crop.describe_lungs(table, found, gathered.lungs)
        emit_note(on_event, crop.count_whole(lungs, request.folder / rundir.LUNGS))
        tables[rundir.LUNGS] = lungs
        warnings += crop.lung_warnings(table, lungs)
    provenance = write_run.make_provenance(experiment, gathered, pictures, request.data, request.command)
    return tables, warnings, provenance


def _check_weights(request: Request, executor: Executor, on_event: OnEvent) -> str:
    """Download the weights if missing, build the network with them, return their identity; raise `PxrError`.

    Runs of a study that start from the same network are checked once.
    """
    experiment, logs = request.experiment, early_logs(request)
    known = weights.identity(experiment)
    built = experiment.model.model_dump_json(), experiment.image.size, len(experiment.classes), known
    if not experiment.backbone or experiment.model.weights == "none" or built in _built:
        return known
    emit_note(on_event, f"Checking the weights of {experiment.backbone} ({experiment.model.weights}) ...")
    options = OfRecipe(experiment.model_dump_json(), logs / "weights.json")
    place = {"run": str(request.folder), "cache": str(request.cache), "logs": str(logs)}
    run_or_raise(executor, [Task("weights", "weights", options=options, **place)], on_event)
    identity = files.read_json(options.to)["identity"]
    _built.add((*built[:-1], identity))
    return identity


def _mention_random_features(experiment: Experiment, on_event: OnEvent) -> None:
    """Emit a note on the loss of a head on random features, so that users do not take it for a fault.

    On phantoms the loss stayed at 1.384 for 60 epochs with xception, mobilenet_025 and mobilenet_v2. The random
    features of resnet50 are larger, and a head learns a little from them: 0.93.
    """
    names = [phase.name for phase in experiment.phases if phase.train == "head"]
    if not names or not experiment.backbone or experiment.model.weights != "none":
        return
    count = len(experiment.classes)
    emit_note(
        on_event,
        f"The backbone starts with random weights, so its features say little about a picture. Expect a loss near "
        f"{math.log(count):.2f} in phase {names[0]!r}: the loss of guessing among {count} classes.",
    )


def _mention_other_backbone(experiment: Experiment, on_event: OnEvent) -> None:
    """Emit a note if the phantom recipe, whose few epochs are set for xception, trains another backbone."""
    other = experiment.backbone and experiment.backbone != "xception" and experiment.model.weights == "none"
    if experiment.name == "phantom" and other:
        emit_note(
            on_event,
            "The epochs of the recipe phantom are set for xception, which gets more than 60 % right. "
            f"{experiment.backbone} may learn nothing in so few: mobilenet_025 stays near chance.",
        )


def early_logs(request: Request) -> Path:
    """Return the folder of logs from before the run directory exists."""
    return request.cache / "logs" / files.digest(request.folder.absolute())
