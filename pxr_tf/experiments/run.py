"""The whole story of one experiment: images -> run directory -> tasks -> predictions."""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pxr_tf import files, locks, rundir
from pxr_tf.config import Experiment
from pxr_tf.data import labels
from pxr_tf.data.splits import unused_rows, without_tests
from pxr_tf.errors import count_words
from pxr_tf.events import OnEvent, tell_note, tell_progress, tell_wait
from pxr_tf.experiments import prepare, stage_one, weights
from pxr_tf.experiments.finish import join_predictions
from pxr_tf.experiments.plan import plan, plan_model_figures
from pxr_tf.experiments.request import Request
from pxr_tf.pictures import gather
from pxr_tf.runs import crop, environment
from pxr_tf.tasks import Executor, Task
from pxr_tf.training.learners import check_learner

LOCK_PATIENCE = 10.0  # seconds; what a killed run leaves behind ends within one or two


def run_experiment(request: Request, executor: Executor, on_event: OnEvent = lambda event: None) -> Path:
    """Train and predict every fold that is missing; return the run directory, which then holds ``predictions.csv``.

    `on_event` is told what happens, as dicts with a key ``event``: ``note``, ``progress``, ``wait``, ``plan`` (the
    names of the tasks to come), ``start`` and ``end`` of a task, ``weights``, ``device``, ``warning`` (what makes its
    numbers doubtful), ``resume``, ``epoch``, ``step``. Nothing is written to the run directory before images, weights
    and splits have proved to be good. Raises `PxrError`.

    Of a point of a tuning (`Request.tuning`) the rows are split as ever, and the test rows then dropped, before a
    picture is decoded: no file of its directory names one, and ``predictions.csv`` has validation rows only. What comes
    before needs the test part, or the training rows would not be those of the run that tuning is for: copies, and
    images of one patient, are found by the thumbnails of all images, and classes are split one by one.
    """
    experiment, folder = request.experiment, request.folder
    check_learner(experiment.model.kind)
    weights.identity(experiment)  # a file that does not exist is told at once
    _mention_first_house(request, on_event)
    first = _find_first(request)
    gathered = gather.gather_images(request.data, experiment.classes, experiment.merge, partial(tell_note, on_event))
    gathered = gathered._replace(lungs=crop.open_lung_source(experiment.image, gathered.table, request.cache))
    stage_one.check_images(first, gathered)
    with locks.hold(locks.lock_of(folder), LOCK_PATIENCE, partial(tell_wait, on_event)) as descriptor:
        try:
            prepared = prepare.is_prepared(folder)
            trained = prepared and (folder / rundir.PREDICTIONS).exists()
            if not trained:
                # TensorFlow takes four seconds to load: it does so while this process compares, splits and decodes.
                executor.start(_early_logs(request) / "start.log", keep=(descriptor,))
            if prepared:
                splits = _go_on(request, gathered, first, on_event)
            else:
                splits = _begin(request, gathered, first, executor, on_event)
            if not trained:
                tasks = plan(folder, request.cache, experiment, splits, mix_environments=request.mix_environments)
                on_event({"event": "plan", "tasks": [task.name for task in tasks]})
                executor.run(tasks, folder / "logs", on_event)
                join_predictions(folder, splits)
            _look_inside(request, gathered, splits, executor, descriptor, on_event)
        finally:
            executor.close()
    return folder


def _find_first(request: Request) -> stage_one.FirstRun | None:
    """Return the first run that is still needed; a finished second one needs it no more, but must be of its models."""
    if not (request.folder / rundir.PREDICTIONS).exists():
        return stage_one.find_first(request)
    if request.experiment.needs_first_run:
        stage_one.check_unchanged(request.folder)
    return None


def _look_inside(
    request: Request,
    gathered: gather.Gathered,
    splits: pd.DataFrame,
    executor: Executor,
    descriptor: int,
    on_event: OnEvent,
) -> None:
    """Look into the models, once all are trained, for what the recipe shows of them and has not been found yet."""
    experiment, folder = request.experiment, request.folder
    if not experiment.show or request.tuning is not None:  # nobody looks into each point of a grid
        return
    table = labels.merge_labels(gathered.table, experiment.merge)  # the files as they lie now, not as the run began
    tasks = plan_model_figures(folder, request.cache, experiment.show, table, splits)
    if tasks:
        executor.start(folder / "logs" / "start.log", keep=(descriptor,))
        executor.run(tasks, folder / "logs", on_event)


def _go_on(
    request: Request, gathered: gather.Gathered, first: stage_one.FirstRun | None, on_event: OnEvent
) -> pd.DataFrame:
    """Check that a run directory was made with the same things; decode what is missing; return its splits."""
    folder, experiment = request.folder, request.experiment
    prepare.check_same_experiment(folder, experiment, gathered)
    splits = prepare.read_tables(folder, experiment, tests=request.tuning is None)
    stage_one.check_models(first, folder)
    stage_one.check_roles(splits, first)
    _check_environment(request, splits, on_event)
    if not (folder / rundir.PREDICTIONS).exists():
        table = gathered.table[gathered.table.image_id.isin(splits.image_id)]
        _decode(request, gathered, table, on_event)
        prepare.write_experiment(folder, experiment)  # the same one, but its weights may have moved
    return splits


def _begin(
    request: Request,
    gathered: gather.Gathered,
    first: stage_one.FirstRun | None,
    executor: Executor,
    on_event: OnEvent,
) -> pd.DataFrame:
    """Compare, choose, split and decode the images, check the weights, write the run directory; return its splits."""
    prepare.check_unused(request.folder)
    chosen = stage_one.known_rows(choose_rows(request, gathered, on_event), first, partial(tell_note, on_event))
    table, splits = _split(request, chosen, first, on_event)  # before a picture is decoded
    with ThreadPoolExecutor(1) as beside:  # the executor works while this process decodes
        identity = beside.submit(_check_weights, request, executor, on_event)
        decoded = _decode(request, gathered, table, on_event, identity)
        if len(decoded.skipped):
            words = count_words(len(decoded.skipped), "unreadable image")
            tell_note(on_event, f"{words} skipped; listed in {request.folder / rundir.SKIPPED}.")
            splits = stage_one.split_images(decoded.table, request.experiment, first)
        stage_one.check_roles(splits, first)
        tables, warnings, provenance = _compose(request, gathered, decoded, splits, on_event)
        provenance |= {"weights": identity.result(), **stage_one.describe_first(first, request.folder)}
    prepare.write_run(request.folder, request.experiment, tables, warnings, provenance)
    _mention_random_features(request.experiment, on_event)
    return splits


def _split(
    request: Request, table: pd.DataFrame, first: stage_one.FirstRun | None, on_event: OnEvent
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (the rows to decode, their splits); those of a tuning's point have no test row.

    Unreadable images are left out when they are found, and the rest is split anew. In tuning those of the test part
    are not decoded, so all that could not be compared are left out here: the same ones, as both decode the file.
    """
    if request.tuning is None:
        return table, stage_one.split_images(table, request.experiment, first)
    if request.skip_unreadable and not table.compared.all():
        tell_note(on_event, f"{count_words((~table.compared).sum(), 'unreadable image')} skipped.")
        table = table[table.compared].reset_index(drop=True)
    return without_tests(table, stage_one.split_images(table, request.experiment, first))


def choose_rows(request: Request, gathered: gather.Gathered, on_event: OnEvent) -> pd.DataFrame:
    """Return the manifest's rows of the experiment, patients merged by what pictures show; raise `PxrError`."""
    experiment = request.experiment
    table = gather.compare_images(
        gathered.table,
        request.cache,
        partial(tell_progress, on_event, "comparing images"),
        partial(tell_wait, on_event),
    )
    return gather.choose_images(
        table, experiment.classes, experiment.merge, experiment.duplicates, partial(tell_note, on_event)
    )


def _decode(
    request: Request,
    gathered: gather.Gathered,
    table: pd.DataFrame,
    on_event: OnEvent,
    beside: "Future[str] | None" = None,
) -> gather.DecodedImages:
    """Decode what is missing, unless what is done beside it fails: there is no need to finish then."""
    source = gathered.lungs

    def tell(what: str, done: int, total: int) -> None:
        if beside is not None and beside.done():
            beside.result()
        tell_progress(on_event, what, done, total)

    return gather.decode_images(
        table,
        crop.preparation_of(request.experiment.image, source and source.identity),
        request.cache,
        source=source,
        skip_unreadable=request.skip_unreadable and request.tuning is None,  # left out already: `_split`
        on_progress=tell,
        on_wait=partial(tell_wait, on_event),
    )


def _compose(
    request: Request, gathered: gather.Gathered, decoded: gather.DecodedImages, splits: pd.DataFrame, on_event: OnEvent
) -> tuple[dict[str, pd.DataFrame], list[dict[str, Any]], dict[str, Any]]:
    """Return what a new run directory will hold: tables by file name, warnings, provenance."""
    experiment, (table, skipped, pictures, found) = request.experiment, decoded
    labels.keep_classes(table, experiment.classes)  # what was skipped may have been all of a class
    unused = len(unused_rows(table, splits))
    if unused:
        tell_note(on_event, f"{count_words(unused, 'image')} in no part of the split {experiment.splits.scheme!r}.")
    tables = prepare.make_tables(experiment, table, skipped, splits)
    warnings = prepare.find_warnings(table, splits, experiment)
    if found is not None:
        told = crop.describe_lungs(table, found, gathered.lungs)
        tell_note(on_event, crop.count_whole(told, request.folder / rundir.LUNGS))
        tables[rundir.LUNGS] = told
        warnings += [warning._asdict() for warning in crop.lung_warnings(table, told)]
    provenance = prepare.make_provenance(experiment, gathered, pictures, request.data, request.command)
    return tables, warnings, provenance


def _check_environment(request: Request, splits: pd.DataFrame, on_event: OnEvent) -> None:
    """See whether what is left to train may be trained here; the device is known, and compared, by who trains."""
    if plan(request.folder, request.cache, request.experiment, splits):
        now = environment.read_environment()
        environment.check(request.folder, now, mix=request.mix_environments)
        note = environment.describe_commits(request.folder, now)
        if note:
            tell_note(on_event, note)


def _check_weights(request: Request, executor: Executor, on_event: OnEvent) -> str:
    """See whether the network can be built with the weights that were asked for; return what names them.

    Keras downloads those of ImageNet now, if they are missing. Raises `PxrError`.
    """
    experiment, told = request.experiment, []
    if not experiment.backbone or experiment.model.weights == "none":
        return weights.identity(experiment)

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "weights":
            told.append(event["identity"])
        on_event(event)

    tell_note(on_event, f"Checking the weights of {experiment.backbone} ({experiment.model.weights}) ...")
    options = {"experiment": experiment.model_dump(mode="json")}
    executor.run([Task("weights", "weights", options=options)], _early_logs(request), listen)
    return told[0]


def _mention_random_features(experiment: Experiment, on_event: OnEvent) -> None:
    """Say what to expect of a head on random features, so that nobody takes its loss for a fault.

    On phantoms it stayed at 1.384 for 60 epochs with xception, mobilenet_025 and mobilenet_v2. The random features of
    resnet50 are larger, and a head learns something of them: 0.93.
    """
    names = [phase.name for phase in experiment.phases if phase.train == "head"]
    if not names or not experiment.backbone or experiment.model.weights != "none":
        return
    count = len(experiment.classes)
    tell_note(
        on_event,
        f"The backbone starts with random weights, whose features say little about a picture: a loss near "
        f"{math.log(count):.2f} in phase {names[0]!r}, which is guessing among {count} classes, is to be expected.",
    )


def _mention_first_house(request: Request, on_event: OnEvent) -> None:
    experiment = request.experiment
    old = rundir.first_house_directory(request.runs, experiment.name, experiment.variant, experiment.backbone)
    if (old / rundir.EXPERIMENT).exists() and not request.folder.exists():
        tell_note(
            on_event, f"{old} was made by a version before 0.2, which this one cannot continue; it is left alone."
        )


def _early_logs(request: Request) -> Path:
    """Return the folder of what is logged before the run directory exists."""
    return request.cache / "logs" / files.digest(request.folder.absolute())
