"""From the images of an experiment to a run directory that tasks can work from: splits, samples, warnings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, differences, dump_experiment, load_experiment
from pxr_tf.data import leaks, manifest, permuted, samples, schemes, splits
from pxr_tf.errors import PxrError, shorten
from pxr_tf.experiments import weights
from pxr_tf.experiments.parts import threads_of
from pxr_tf.pictures.gather import Gathered
from pxr_tf.pictures.store import Pictures
from pxr_tf.pictures.survey import find_file_warnings
from pxr_tf.runs.provenance import read_provenance
from pxr_tf.runs.scheme import scheme_options, splits_by_image

KEPT = (rundir.MANIFEST, rundir.SPLITS, rundir.SAMPLES, rundir.WARNINGS)  # never changed once a run is prepared
MAX_CHANGES = 4  # named where a run directory was made with another experiment


def split_images(table: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """Return the splits that the experiment asks for; raise `PxrError` where the images do not allow them."""
    return schemes.make_splits(
        table,
        experiment.splits.scheme,
        seed=experiment.seed,
        stops_early=experiment.watches_validation,
        **scheme_options(experiment),
    )


def find_warnings(table: pd.DataFrame, split: pd.DataFrame, experiment: Experiment) -> list[dict[str, Any]]:
    """Return what makes the run's numbers doubtful: ``what, label, property, strength, text``; the worst first."""
    found = find_file_warnings(table)
    if splits_by_image(experiment):
        tests = split.role.isin(splits.TEST_ROLES).any()  # else a tuning run, where validation rows are held out
        held_out, noun = (splits.TEST_ROLES, "test image") if tests else (("val",), "validation image")
        found = [leaks.leak_warning(leaks.find_leaks(table, split, held_out), noun), *found]
    if experiment.permute_labels:
        found = [permuted.PERMUTED_WARNING, *found]
    return [warning._asdict() for warning in found]


def write_run(
    folder: Path,
    experiment: Experiment,
    tables: Mapping[str, pd.DataFrame],
    warnings: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
) -> None:
    """Write what tasks work from: `tables` by file name; ``experiment.yaml`` comes last and marks it as complete."""
    for name, table in tables.items():
        files.write_csv(folder / name, table)
    kept = [*KEPT, *([rundir.LUNGS] if rundir.LUNGS in tables else [])]
    files.write_json(folder / rundir.WARNINGS, list(warnings))
    digests = {name: files.digest_file(folder / name) for name in kept}
    files.write_json(folder / rundir.PROVENANCE, {**provenance, "files": digests})
    write_experiment(folder, experiment)


def make_tables(
    experiment: Experiment, table: pd.DataFrame, skipped: pd.DataFrame, split: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return the tables of a run directory by file name."""
    balance, seed = experiment.balance, experiment.seed
    planned = samples.plan_all_samples(
        table,
        split,
        cap=balance.cap,
        oversample=balance.oversample,
        target=balance.target,
        seed=seed,
        labels=permuted.permute_labels(table, split, seed) if experiment.permute_labels else None,
    )
    tables = {
        rundir.MANIFEST: table[[*manifest.MANIFEST_COLUMNS, "content"]],
        rundir.SPLITS: split,
        rundir.SAMPLES: planned,
    }
    return tables | ({rundir.SKIPPED: skipped[["image_id", "path", "reason"]]} if len(skipped) else {})


def write_experiment(folder: Path, experiment: Experiment) -> None:
    """Write ``experiment.yaml``, from which tasks read what to do."""
    files.write_text(folder / rundir.EXPERIMENT, dump_experiment(experiment))


def make_provenance(
    experiment: Experiment, images: Gathered, pictures: Pictures, data: Sequence[str | Path], command: str
) -> dict[str, Any]:
    """Return where the numbers of a run come from, but for the weights, which are known once they are checked."""
    return {
        "origin": "synthetic phantoms, not patients" if manifest.is_synthetic(images.table) else "real X-rays",
        "data": [str(path) for path in data],
        "data_digest": images.identity,
        "pictures": pictures.key,
        **({"lungs": images.lungs.identity} if images.lungs else {}),
        "duplicates": experiment.duplicates,
        "seed": experiment.seed,
        "threads": threads_of(experiment),
        "command": command,
        "started": rundir.now(),
        "versions": rundir.versions(),
    }


def is_prepared(folder: Path) -> bool:
    """Return whether the run directory was written completely."""
    return (folder / rundir.EXPERIMENT).exists()


def check_unused(folder: Path) -> None:
    """Raise `PxrError` where a folder that is no run directory holds results: nobody knows what they were made with."""
    results = sorted(folder.glob(f"**/{rundir.PREDICTIONS}"))
    if results:
        raise PxrError(
            f"{folder} holds results ({results[0].relative_to(folder)}) but no {rundir.EXPERIMENT}, so nobody knows "
            "what they were made with. Use another folder (RUNS=...), or delete this one."
        )


def check_same_experiment(folder: Path, experiment: Experiment, images: Gathered) -> None:
    """Raise `PxrError` where the run directory was made with another experiment, other images or other weights."""
    remedy = "Use another folder (RUNS=...), or delete this one."
    try:
        before = load_experiment(folder / rundir.EXPERIMENT)
    except PxrError as error:
        raise PxrError(
            f"{folder} was made by another version of pxr_tf, or {rundir.EXPERIMENT} was changed by hand, so it cannot "
            f"be continued. {error} {remedy}"
        ) from error
    provenance = read_provenance(folder)
    changed = differences(experiment.model_dump(mode="json"), before.model_dump(mode="json"))
    changed.pop("show", None)  # it decides no number, and a model can be looked into at any time
    identity = weights.identity(experiment)
    if identity == provenance["weights"]:
        changed.pop("model.weights", None)  # a weights file may have moved
    lungs = images.lungs.identity if images.lungs else None
    if lungs is not None and before.image.crop != "none":  # what an atlas holds counts, not where it lies
        changed = {key: value for key, value in changed.items() if key not in ("image.atlas", "image.masks")}
        if lungs != provenance.get("lungs"):
            changed["lungs"] = (provenance.get("lungs", "unknown"), lungs)
    words = [f"{key}: {old}, now {new}" for key, (old, new) in changed.items()]
    if not changed and not weights.may_be(provenance["weights"], identity):
        words.append(f"model.weights: {experiment.model.weights}, now with other content")
    recorded = provenance["duplicates"]  # in 0.2 that was no part of the experiment
    if recorded != experiment.duplicates and "duplicates" not in changed:
        words.append(f"duplicates: {recorded}, now {experiment.duplicates}")
    if provenance["data_digest"] != images.identity:
        words.append(f"images: {', '.join(provenance['data'])}, now other ones")
    if words:
        raise PxrError(f"{folder} was made with another experiment ({shorten(words, MAX_CHANGES)}). {remedy}")


def read_tables(folder: Path, experiment: Experiment, *, tests: bool = True) -> pd.DataFrame:
    """Return the run's splits; raise `PxrError` where its tables cannot be read, do not fit together, or leak.

    A tuning run (without `tests`) has no test rows.
    """
    try:
        table = manifest.read_manifest(folder / rundir.MANIFEST)
        split = splits.read_splits(folder / rundir.SPLITS)
        planned = samples.read_samples(folder / rundir.SAMPLES)
    except (OSError, ValueError) as error:
        names = f"{rundir.MANIFEST}, {rundir.SPLITS} or {rundir.SAMPLES}"
        raise PxrError(f"{folder}: {names} cannot be read ({error}). Delete the folder.") from error
    for name, found, columns in (
        (rundir.MANIFEST, table, (*manifest.MANIFEST_COLUMNS, "content")),
        (rundir.SPLITS, split, splits.SPLIT_COLUMNS),
    ):
        if list(found.columns) != list(columns):
            raise PxrError(f"{folder}/{name} has no columns {', '.join(columns)}. Delete the folder.")
    options = scheme_options(experiment)
    scheme, watches = experiment.splits.scheme, experiment.watches_validation
    schemes.check_again(table, split, scheme, stops_early=watches, tests=tests, **options)
    samples.check_samples(planned, split)
    if samples.LABEL in planned:
        permuted.check_labels(planned, table)
    for name, digest in read_provenance(folder)["files"].items():
        if not (folder / name).exists() or files.digest_file(folder / name) != digest:
            raise PxrError(f"{folder / name} was changed or removed after the run was prepared. Delete {folder}.")
    return split
