"""One fold, or the hold-out, from its rows to its predictions. Runs in a process of its own.

Everything it needs lies in the run directory and in the cache; `open_run` reads it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.config import Experiment, Phase, load_experiment
from pxr_tf.data.manifest import is_synthetic, read_manifest
from pxr_tf.data.samples import check_samples, plan_samples
from pxr_tf.data.splits import HOLDOUT, TEST_ROLES, fold_names, read_splits, rows_of
from pxr_tf.models.backbones import find_backbone
from pxr_tf.models.classifier import build_classifier, save_classifier
from pxr_tf.pictures import store
from pxr_tf.pictures.decode import ResizeMode
from pxr_tf.pictures.store import Store
from pxr_tf.pictures.stream import Inputs, make_evaluation_set, make_training_stream, num_batches, picture_inputs
from pxr_tf.training import features
from pxr_tf.training.phases import PhaseData, choose_device, run_phases

PREDICTION_BATCH = 64


class Run(NamedTuple):
    """What a run directory holds, opened."""

    folder: Path
    cache: Path
    experiment: Experiment
    table: pd.DataFrame  # the manifest, indexed by image id
    splits: pd.DataFrame
    store: Store


def open_run(folder: Path, cache: Path) -> Run:
    """Return the run; the store is opened, not verified: the process that starts the folds did that."""
    pictures = store.load_store(cache / f"store-{files.read_json(folder / 'provenance.json')['store']}")
    table = read_manifest(folder / "manifest.csv").set_index("image_id", drop=False)
    return Run(
        folder, cache, load_experiment(folder / "experiment.yaml"), table, read_splits(folder / "splits.csv"), pictures
    )


def describe(run: Run, images: list[str]) -> pd.DataFrame:
    """Return the manifest rows of the images, as samples: ``copy`` 0 and ``row``, the place in the store, added."""
    rows = run.table.loc[images].reset_index(drop=True)
    return rows.assign(copy=0, row=np.array([run.store.rows[content] for content in rows.content], np.int64))


def training_samples(run: Run, fold: str) -> pd.DataFrame:
    """Return the samples that a fold trains on, copies included: columns ``image_id, copy, content, label, row``."""
    training = rows_of(run.splits, fold, "train")
    balance = run.experiment.balance
    samples = plan_samples(
        run.table.loc[training].reset_index(drop=True),
        cap=balance.cap,
        oversample=balance.oversample,
        target=balance.target,
        seed=run.experiment.seed,
    )
    check_samples(samples, training)
    return describe(run, samples.image_id.tolist()).assign(copy=samples["copy"].to_numpy())


def samples_for_features(run: Run) -> pd.DataFrame:
    """Return every sample, of all folds and the hold-out, whose features are asked for, to train on or otherwise."""
    holdout = [HOLDOUT] if run.experiment.chooses_epochs else []
    parts = [training_samples(run, fold) for fold in [*holdout, *fold_names(run.splits)]]
    roles = ("val", *TEST_ROLES) if predicts_from_features(run) else ("val",)
    parts += [describe(run, sorted(set(run.splits.image_id[run.splits.role.isin(roles)])))]
    return pd.concat(parts).drop_duplicates(["image_id", "copy"]).sort_values(["image_id", "copy"], ignore_index=True)


def predicts_from_features(run: Run) -> bool:
    """Return whether cached features tell all: no phase trains the backbone, and no mirror images are predicted."""
    frozen = all(phase.train == "head" for phase in run.experiment.phases)
    return frozen and not run.experiment.training.mirror_predictions


def build_network(run: Run) -> keras.Model:
    """Return the experiment's classifier with its initial weights."""
    experiment = run.experiment
    return build_classifier(
        find_backbone(experiment.model.backbone),
        num_classes=len(experiment.classes),
        image_size=experiment.image.size,
        weights=experiment.model.weights,
        hidden_units=experiment.model.hidden_units,
        dropout=experiment.dropout,
        batchnorm_momentum=experiment.model.batchnorm_momentum,
        seed=experiment.seed,
    )


def features_of(run: Run, precision: str) -> Path:
    """Return the folder of the features that this run's frozen phases use."""
    experiment = run.experiment
    weights = files.read_json(run.folder / "provenance.json")["weights"]
    return features.features_folder(
        run.cache,
        backbone=experiment.model.backbone,
        weights=weights,
        size=experiment.image.size,
        resize=experiment.image.resize,
        copies=experiment.augmentation.copies,
        seed=experiment.seed,
        precision=precision,
        device=choose_device(False, precision).name,
        keras=keras.__version__,
        versions=(store.VERSION, features.VERSION),
    )


def pictures_of(run: Run, samples: pd.DataFrame, *, every_epoch: bool) -> Inputs:
    """Return the samples' pictures, augmented as the experiment says: copies, or in training every sample anew."""
    augmentation = run.experiment.augmentation
    return picture_inputs(
        run.store.images,
        samples.row.to_numpy(),
        samples,
        copies=augmentation.copies,
        epochs=augmentation.epochs if every_epoch else "none",
        seed=run.experiment.seed,
    )


def one_hot(labels: pd.Series, classes: tuple[str, ...]) -> np.ndarray:
    """Return float32 [images, classes]."""
    return (labels.to_numpy()[:, None] == np.array(classes)[None]).astype(np.float32)


def phase_data(run: Run, fold: str, phase: Phase, precision: str) -> PhaseData:
    """Return what a phase of a fold learns from: cached features for the head, pictures for all layers."""
    experiment = run.experiment
    samples = training_samples(run, fold)
    validation = describe(run, rows_of(run.splits, fold, "val"))
    targets, val_targets = (one_hot(part.label, experiment.classes) for part in (samples, validation))
    if phase.train == "head":
        folder = features_of(run, precision)
        inputs, held = (_features_as_inputs(folder, part) for part in (samples, validation))
    else:
        inputs = pictures_of(run, samples, every_epoch=True)
        held = pictures_of(run, validation, every_epoch=False)

    def stream(first_epoch: int) -> Any:
        return make_training_stream(
            inputs,
            targets,
            batch_size=experiment.training.batch_size,
            seed=experiment.seed,
            phase=f"{fold} {phase.name}",
            first_epoch=first_epoch,
        )

    watched = make_evaluation_set(held, val_targets, PREDICTION_BATCH) if len(validation) else None
    return PhaseData(stream, num_batches(len(samples), experiment.training.batch_size), watched)


def _features_as_inputs(folder: Path, samples: pd.DataFrame) -> Inputs:
    return Inputs(features.read_features(folder, samples), np.arange(len(samples)))


def train_fold(
    run: Run,
    fold: str,
    *,
    epochs: Mapping[str, int] | None,
    xla: bool,
    precision: str,
    on_epoch: Callable[[dict[str, Any]], None],
) -> dict[str, int]:
    """Train one fold, write ``history.csv``, ``model.keras`` and, last, ``predictions.csv``; return epochs per phase.

    With `epochs` the phases run that long; without, early stopping on the fold's ``val`` rows decides.
    """
    folder = fold_folder(run, fold)
    folder.mkdir(exist_ok=True)
    model = build_network(run)
    chosen, history = run_phases(
        model,
        run.experiment.phases,
        lambda phase: phase_data(run, fold, phase, precision),
        epochs=epochs,
        checkpoint=folder / "checkpoint.npz",
        xla=xla,
        on_epoch=on_epoch,
    )
    images = "synthetic" if is_synthetic(run.table) else "real"
    files.write_csv(folder / "history.csv", pd.DataFrame(history).assign(images=images))
    save_classifier(model, folder / "model.keras", make_card(run, fold))
    files.write_csv(folder / "predictions.csv", predict_fold(run, fold, model, precision))
    return chosen


def fold_folder(run: Run, fold: str) -> Path:
    """Return the folder of a fold or of the hold-out."""
    return run.folder / (fold if fold == HOLDOUT else f"fold-{fold}")


def discard_checkpoint(run: Run, fold: str) -> None:
    """Remove what a finished fold no longer needs."""
    (fold_folder(run, fold) / "checkpoint.npz").unlink(missing_ok=True)


def predict_fold(run: Run, fold: str, model: keras.Model, precision: str) -> pd.DataFrame:
    """Return the predictions of a fold's held-out rows, all of them, in the columns of ``predictions.csv``."""
    rows = describe(run, rows_of(run.splits, fold, *TEST_ROLES))
    classes = run.experiment.classes
    if predicts_from_features(run):
        vectors = features.read_features(features_of(run, precision), rows)
        probabilities = np.asarray(model.get_layer("head").predict_on_batch(vectors))
    else:
        mirror = run.experiment.training.mirror_predictions
        probabilities = predict_pictures(model, run.store.images, rows.row.to_numpy(), mirror=mirror)
    table = rows[["image_id", "patient_id", "source", "label"]].assign(fold=fold)
    table["predicted"] = np.array(classes)[probabilities.argmax(1)]
    for number, name in enumerate(classes):
        table[f"p_{name}"] = probabilities[:, number]
    return table


def predict_pictures(model: keras.Model, images: np.ndarray, rows: np.ndarray, *, mirror: bool) -> np.ndarray:
    """Return float32 [rows, classes]: probabilities of the store's rows, averaged with the mirror images' if asked."""
    results = []
    for start in range(0, len(rows), PREDICTION_BATCH):
        batch = images[rows[start : start + PREDICTION_BATCH]][..., None]
        result = np.asarray(model.predict_on_batch(batch))
        if mirror:
            result = (result + np.asarray(model.predict_on_batch(np.ascontiguousarray(batch[:, :, ::-1])))) / 2
        results.append(result)
    return np.concatenate(results)


def make_card(run: Run, fold: str) -> dict[str, Any]:
    """Return what travels in the model file: classes, image size, preparation, origin."""
    experiment = run.experiment
    resize: ResizeMode = experiment.image.resize
    return {
        "classes": list(experiment.classes),
        "image": {"size": experiment.image.size, "resize": resize, "values": "uint8 grey, 0-255"},
        "mirror_predictions": experiment.training.mirror_predictions,
        "backbone": experiment.model.backbone,
        "experiment": experiment.name,
        "strategy": experiment.strategy,
        "fold": fold,
        "trained_on": sorted(run.table.source.unique()),
        "notice": "Research use only, not a medical device.",
    }
