"""From folders of images to a run directory that folds can work from: manifest, store, splits, provenance."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, differences, dump_experiment, load_experiment
from pxr_tf.data import labels, manifest, patients, splits
from pxr_tf.errors import PxrError, shorten
from pxr_tf.models.backbones import check_weights
from pxr_tf.pictures.store import Store, open_store
from pxr_tf.sets.find import read_sources

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


class Images(NamedTuple):
    """The images of an experiment, before any is decoded."""

    table: pd.DataFrame  # the manifest with ``content``; one row per picture
    identity: str  # digest of ids, labels, patients and contents


def gather_images(
    data: Sequence[str | Path], classes: Sequence[str], say: Say, *, keep_duplicates: bool = False
) -> Images:
    """Return the manifest of all data sets: classes chosen, patients merged by content, exact duplicates dropped."""
    table, notes = read_sources(data)
    for note in notes:
        say(note)
    table, left_out = labels.keep_classes(table, classes)
    if len(left_out):
        counts = left_out.label.value_counts()
        say(f"Left out, not among the classes: {', '.join(f'{label} ({n})' for label, n in counts.items())}.")
    table = patients.merge_patients(patients.add_content(table))
    table, dropped = (table, table.iloc[:0]) if keep_duplicates else patients.drop_duplicates(table)
    contradicting = dropped.groupby("content").label.nunique().gt(1).sum()
    say(f"{len(table):,} images of {table.patient_id.nunique():,} patients; {len(dropped)} exact duplicates dropped.")
    if contradicting:
        say(f"{contradicting} pictures carry more than one label; all their copies were dropped.")
    columns = table[["image_id", "label", "patient_id", "content"]].itertuples(index=False)
    return Images(table, files.digest(*columns))


def decode_images(
    images: Images,
    experiment: Experiment,
    cache: Path,
    *,
    skip_unreadable: bool,
    on_progress: Progress,
    on_wait: Callable[[str], None],
) -> tuple[pd.DataFrame, pd.DataFrame, Store]:
    """Return (readable rows, skipped rows with ``reason``, store); raise `PxrError` naming unreadable images."""
    store = open_store(
        cache,
        images.table,
        size=experiment.image.size,
        resize=experiment.image.resize,
        on_progress=on_progress,
        on_wait=on_wait,
    )
    reasons = images.table.content.map(store.faults)
    skipped = images.table[reasons.notna()].assign(reason=reasons.dropna())
    if len(skipped) and not skip_unreadable:
        named = shorten([f"{row.path} ({row.reason})" for row in skipped.itertuples()], 3)
        raise PxrError(
            f"{len(skipped)} of {len(images.table)} images cannot be read: {named}. Mend or remove them, or go on "
            "without them: --skip-unreadable."
        )
    table = images.table[reasons.isna()].reset_index(drop=True)
    labels.keep_classes(table, experiment.classes)
    return table, skipped, store


def split_images(table: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """Return the splits that the experiment asks for; raise `PxrError` where the images have too few patients."""
    return splits.make_splits(
        table,
        folds=experiment.splits.folds,
        seed=experiment.seed,
        holdout_fraction=experiment.splits.holdout_fraction if experiment.chooses_epochs else None,
        nested_fraction=experiment.splits.nested_fraction if experiment.splits.nested else None,
    )


def write_run(
    folder: Path,
    experiment: Experiment,
    table: pd.DataFrame,
    skipped: pd.DataFrame,
    provenance: dict[str, Any],
) -> None:
    """Write what the folds work from; ``experiment.yaml`` comes last and marks the directory as complete."""
    table = table[[*manifest.COLUMNS, "content"]]
    split = split_images(table, experiment)
    files.write_csv(folder / "manifest.csv", table)
    if len(skipped):
        files.write_csv(folder / "skipped.csv", skipped[["image_id", "path", "reason"]])
    files.write_csv(folder / "splits.csv", split)
    files.write_json(folder / "provenance.json", provenance)
    write_experiment(folder, experiment)


def write_experiment(folder: Path, experiment: Experiment) -> None:
    """Write ``experiment.yaml``, from which the folds read what to do."""
    files.write_text(folder / "experiment.yaml", dump_experiment(experiment))


def make_provenance(
    experiment: Experiment, images: Images, store: Store, weights: str, data: Sequence[str | Path], command: str
) -> dict[str, Any]:
    """Return where the numbers of a run come from."""
    return {
        "images": "synthetic phantoms, not patients" if manifest.is_synthetic(images.table) else "real X-rays",
        "data": [str(path) for path in data],
        "data_digest": images.identity,
        "store": store.key,
        "weights": weights,
        "seed": experiment.seed,
        "command": command,
        "started": rundir.now(),
        "versions": rundir.versions(),
    }


def weights_identity(experiment: Experiment) -> str:
    """Return what names the initial weights: ``imagenet``, ``random-<seed>`` or the digest of the file."""
    weights = check_weights(experiment.model.weights)
    if weights in ("imagenet", "none"):
        return "imagenet" if weights == "imagenet" else f"random-{experiment.seed}"
    return files.digest_file(Path(weights))


def is_prepared(folder: Path) -> bool:
    """Return whether the run directory was written completely."""
    return (folder / "experiment.yaml").exists()


def check_same_experiment(folder: Path, experiment: Experiment, images: Images, weights: str) -> None:
    """Raise `PxrError` where the run directory was made with another experiment, other images or other weights."""
    before = load_experiment(folder / "experiment.yaml")
    provenance = files.read_json(folder / "provenance.json")
    changed = differences(experiment.model_dump(mode="json"), before.model_dump(mode="json"))
    if provenance["weights"] == weights:  # a weights file may have moved
        changed = [line for line in changed if not line.startswith("model.weights:")]
    elif not changed:
        changed.append(f"model.weights: {experiment.model.weights}, now with other content")
    if provenance["data_digest"] != images.identity:
        changed.append(f"images: {', '.join(provenance['data'])}, now other ones")
    if changed:
        raise PxrError(
            f"{folder} was made with another experiment ({shorten(changed, 4)}). Use another folder (RUNS=...), or "
            "delete this one."
        )


def check_splits_of(folder: Path) -> None:
    """Raise `PxrError` where the run's splits or manifest cannot be read, do not fit together, or leak."""
    try:
        table, split = manifest.read_manifest(folder / "manifest.csv"), splits.read_splits(folder / "splits.csv")
    except (OSError, ValueError) as error:
        raise PxrError(f"{folder}: manifest.csv or splits.csv cannot be read ({error}). Delete the folder.") from error
    if list(split.columns) != list(splits.COLUMNS):
        raise PxrError(f"{folder}/splits.csv has no columns {', '.join(splits.COLUMNS)}. Delete the folder.")
    splits.check_splits(table, split)
