"""Write a new run directory: tables, warnings, provenance and, last, the recipe."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, dump_experiment
from pxr_tf.data import leaks, manifest, permuted, samples, splits
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.experiments.parts import threads_of
from pxr_tf.pictures.gather import Gathered
from pxr_tf.pictures.store import Pictures
from pxr_tf.pictures.survey import find_file_warnings
from pxr_tf.runs.scheme import splits_by_image

KEPT = (rundir.MANIFEST, rundir.SPLITS, rundir.SAMPLES, rundir.WARNINGS)  # never changed once a run is prepared


def find_warnings(table: pd.DataFrame, split: pd.DataFrame, experiment: Experiment) -> list[RunWarning]:
    """Return the run's warnings, the worst first."""
    found = find_file_warnings(table)
    if splits_by_image(experiment):
        tests = split.role.isin(splits.TEST_ROLES).any()  # a tuning point holds out validation rows instead
        held_out, noun = (splits.TEST_ROLES, "test image") if tests else (("val",), "validation image")
        found = [leaks.leak_warning(leaks.find_leaks(table, split, held_out), noun), *found]
    if experiment.permute_labels:
        found = [permuted.PERMUTED_WARNING, *found]
    return found


def write_run(
    folder: Path,
    experiment: Experiment,
    tables: Mapping[str, pd.DataFrame],
    warnings: Sequence[RunWarning],
    provenance: Mapping[str, Any],
) -> None:
    """Write the files that tasks read; `tables` is by file name. ``experiment.yaml`` is last: it marks completion."""
    for name, table in tables.items():
        files.write_csv(folder / name, table)
    kept = [*KEPT, *([rundir.LUNGS] if rundir.LUNGS in tables else [])]
    files.write_json(folder / rundir.WARNINGS, [warning._asdict() for warning in warnings])
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
        rundir.MANIFEST: table[[*manifest.MANIFEST_COLUMNS, *manifest.known_details(table), "content"]],
        rundir.SPLITS: split,
        rundir.SAMPLES: planned,
    }
    return tables | ({rundir.SKIPPED: skipped[["image_id", "path", "reason"]]} if len(skipped) else {})


def write_experiment(folder: Path, experiment: Experiment) -> None:
    """Write ``experiment.yaml``, from which tasks read their settings."""
    files.write_text(folder / rundir.EXPERIMENT, dump_experiment(experiment))


def make_provenance(
    experiment: Experiment, images: Gathered, pictures: Pictures, data: Sequence[str | Path], command: str
) -> dict[str, Any]:
    """Return where a run's numbers come from, except for the weights: they are added once checked."""
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
