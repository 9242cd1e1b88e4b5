"""The learners ``transfer``, ``scratch`` and ``on_features``: they train a network on a part's rows.

Frozen phases learn from cached features, which `prepare` computes once for all parts; phases that train all layers
learn from pictures. A killed fold resumes from its checkpoint.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from pxr_tf import arrays, files, machine, rundir
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.models.backbones import find_backbone
from pxr_tf.models.classifier import FULL_BATCH, both_columns, feature_extractor, predict_pictures
from pxr_tf.models.layers import custom_layers
from pxr_tf.models.model_file import save_classifier
from pxr_tf.pictures.inputs import Inputs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import pictures_key
from pxr_tf.pictures.stream import make_evaluation_set, make_training_stream, num_batches
from pxr_tf.training import features
from pxr_tf.training.device import Device, describe, set_up
from pxr_tf.training.extractor import TENSORFLOW, Extractor, choose_engine, open_extractor
from pxr_tf.training.initial import initial_network
from pxr_tf.training.part import TEST, TRAIN, VALIDATION, Part, Predict, sample_weights
from pxr_tf.training.phases import Batches, PhaseData, run_phases
from pxr_tf.training.settings import NetworkSettings
from pxr_tf.training.statistics import measure_batchnorm, unfold_batchnorm
from pxr_tf.vocabulary.model import Transfer
from pxr_tf.vocabulary.training import Phase


def prepare(
    parts: Sequence[Part],
    settings: NetworkSettings,
    emit: OnEvent,
    share: Callable[[Sequence[str]], Sequence[str]] = lambda names: names,
) -> None:
    """Add the features that the parts' frozen phases need to the cache, once per sample.

    `share` returns the names that this process does, if others do the rest.
    """
    if not settings.freezes:
        return
    device = _start(settings, emit)
    together: dict[Path, list[Part]] = {}  # a backbone serves all folds; stage one has a network per fold
    for part in parts:
        together.setdefault(part_features_folder(part, settings, device), []).append(part)
    for folder, sharing in together.items():
        part, samples = sharing[0], samples_for_features(sharing, settings)
        names = names_of(part, samples)
        if arrays.missing_keys(folder, ours := share(names)):
            features.extract_features(
                folder,
                open_part_extractor(part, settings, device),
                part.inputs(samples).load,
                names,
                partial(emit_progress, emit, "features"),
                partial(emit_wait, emit),
                only=ours,
            )


def ready_extractor(settings: NetworkSettings, cache: Path, **made_of: int) -> None:
    """Make the file of a fast extractor of a pretrained backbone, unless it exists (``num_classes, image_size, seed``).

    Raises `PxrError` if the recipe asks for an extractor that cannot be.
    """
    device = _set_up(settings)
    architecture = settings.architecture
    open_extractor(
        choose_engine(architecture, settings.training, device),
        str(architecture.features_from("")),
        cache,
        lambda: feature_extractor(initial_network(architecture, **made_of)),
        size=made_of["image_size"],
        threads=1,
    )


def open_part_extractor(part: Part, settings: NetworkSettings, device: Device) -> Extractor:
    """Return what computes a part's features; raise `PxrError` if that cannot be."""
    return open_extractor(
        choose_engine(settings.architecture, settings.training, device),
        str(settings.architecture.features_from(part.fold)),
        part.cache,
        lambda: feature_extractor(build_network(part, settings)),
        size=part.preparation.size,
        threads=device.threads,
    )


def fit(part: Part, settings: NetworkSettings, emit: OnEvent) -> Predict:
    """Train the network through its phases; write history, epoch numbers and model into the part's folder.

    With the part's ``epochs`` each phase runs that long; otherwise early stopping on the validation rows decides.
    """
    device = _start(settings, emit)
    model, samples = build_network(part, settings), part.of(TRAIN)
    if settings.trains_batchnorm:
        unfold_batchnorm(model, part.inputs(samples).load, len(samples), seed=part.seed)
    chosen, history = run_phases(
        model,
        settings.phases,
        lambda phase: phase_data(part, settings, phase, device),
        epochs=part.epochs,
        checkpoint=part.folder / rundir.CHECKPOINT,
        at_once=settings.steps_at_once,
        xla=device.xla,
        emit=emit,
    )
    if settings.training.batchnorm_statistics == "measured":
        measure_batchnorm(model, part.inputs(samples).load, len(samples), seed=part.seed)
    files.write_csv(part.folder / rundir.HISTORY, pd.DataFrame(history).assign(origin=part.origin))
    files.write_json(part.folder / rundir.EPOCHS, {"origin": part.origin, "epochs": chosen})
    save_classifier(model, part.folder / rundir.MODEL, network_card(part, settings, model))
    return lambda rows: predict_rows(part, settings, model, rows, device)


def environment(settings: NetworkSettings) -> dict[str, object]:
    """Return what decides results in this process, and the number of concurrent operations."""
    device = _set_up(settings)
    engine = {"extractor": choose_engine(settings.architecture, settings.training, device)} if settings.freezes else {}
    return {**describe(device), **engine, **{library: metadata.version(library) for library in _libraries(settings)}}


def samples_for_features(parts: Sequence[Part], settings: NetworkSettings) -> pd.DataFrame:
    """Return all samples of the parts whose features are needed, each once."""
    roles = TRAIN + VALIDATION + (TEST if settings.predicts_from_features else ())
    samples = pd.concat([part.of(roles) for part in parts])
    return samples.drop_duplicates(["image_id", "copy"]).sort_values(["image_id", "copy"], ignore_index=True)


def build_network(part: Part, settings: NetworkSettings) -> keras.Model:
    """Return the classifier of a part with its initial weights."""
    architecture = settings.architecture.of_fold(part.fold)
    return initial_network(
        architecture, num_classes=len(part.classes), image_size=part.preparation.size, seed=part.seed
    )


def part_features_folder(part: Part, settings: NetworkSettings, device: Device) -> Path:
    """Return the features folder of these frozen phases; it does not depend on seeds, classes or data sets.

    Nor does it depend on the number of threads: with 1, 2, 3 and 8 threads eight backbones gave the same bits.
    """
    network = settings.architecture.features_from(part.fold)
    engine = choose_engine(settings.architecture, settings.training, device)
    return cache_folder(part.cache, part.preparation, device, *_libraries(settings), engine=engine, **network)


def cache_folder(
    cache: Path, preparation: Preparation, device: Device, *libraries: str, engine: str = TENSORFLOW, **network: str
) -> Path:
    """Return the folder of a network's features on this device; `network` holds the values that identify it.

    Environment variables that can change the arithmetic (`machine.switches`) count only if they are set.
    """
    return features.features_folder(
        cache,
        **network,
        pictures=pictures_key(preparation),
        precision=device.precision,
        device=f"{device.name} {device.model}",
        versions=" ".join(rundir.name_versions("keras", "tensorflow", *libraries)),
        **({} if engine == TENSORFLOW else {"engine": engine}),
        **machine.switches(),
    )


def names_of(part: Part, samples: pd.DataFrame) -> list[str]:
    """Return the samples' names in the feature cache; a copy's name includes its preset and seed."""
    versions = " ".join(rundir.name_versions("albumentations", "opencv-python"))
    copies = f"{part.augmentation.copies} seed={part.seed} {versions}"
    return features.sample_names(samples, "" if part.augmentation.copies == "none" else copies)


def read_part_features(part: Part, settings: NetworkSettings, device: Device, rows: pd.DataFrame) -> np.ndarray:
    """Return float32 [rows, channels] from the cache."""
    return features.read_features(part_features_folder(part, settings, device), names_of(part, rows))


def phase_data(part: Part, settings: NetworkSettings, phase: Phase, device: Device) -> PhaseData:
    """Return what a phase learns from: cached features for the head, pictures for all layers."""
    samples, validation = part.of(TRAIN), part.of(VALIDATION)
    if phase.train == "head":
        inputs, watched = (_features_as_inputs(part, settings, device, rows) for rows in (samples, validation))
    else:
        inputs, watched = part.inputs(samples, every_epoch=True), part.inputs(validation)
    targets = _targets(part, settings, samples)
    weights = sample_weights(samples.label, part.classes, settings.training.class_weights)

    def stream(first_epoch: int) -> Batches:
        return make_training_stream(
            inputs,
            targets,
            weights,
            batch_size=settings.training.batch_size,
            seed=part.seed,
            phase=f"{part.fold} {phase.name}",
            first_epoch=first_epoch,
        )

    steps = num_batches(len(samples), settings.training.batch_size)
    if validation.empty:
        return PhaseData(stream, steps, None)
    return PhaseData(stream, steps, make_evaluation_set(watched, _targets(part, settings, validation), FULL_BATCH))


def predict_rows(
    part: Part, settings: NetworkSettings, model: keras.Model, rows: pd.DataFrame, device: Device
) -> np.ndarray:
    """Return float32 [rows, classes]: the network's probabilities for rows of the part, not augmented."""
    if rows.empty:
        return np.empty((0, len(part.classes)), np.float32)
    if settings.predicts_from_features:
        result = np.asarray(model.get_layer("head").predict_on_batch(read_part_features(part, settings, device, rows)))
    else:
        result = predict_pictures(model, part.pixels, rows.row.to_numpy(), mirror=settings.training.mirror_predictions)
    return both_columns(result)


def network_card(part: Part, settings: NetworkSettings, model: keras.Model) -> dict[str, object]:
    """Return the card of the model file: classes, image size, preparation, origin, layers that Keras lacks."""
    return {
        **part.card,
        "kind": settings.architecture.model.kind,
        "model": settings.architecture.model.name,
        "output": settings.architecture.model.output,
        "mirror_predictions": settings.training.mirror_predictions,
        "custom_layers": custom_layers(model),
        **settings.card,
    }


def _set_up(settings: NetworkSettings) -> Device:
    return set_up(settings.training.xla, settings.training.precision, settings.threads)


def _start(settings: NetworkSettings, emit: OnEvent) -> Device:
    device = _set_up(settings)
    emit(device.event)
    return device


def _features_as_inputs(part: Part, settings: NetworkSettings, device: Device, rows: pd.DataFrame) -> Inputs:
    values = read_part_features(part, settings, device, rows) if len(rows) else np.empty((0, 1), np.float32)
    return Inputs(values, np.arange(len(rows)))


def _libraries(settings: NetworkSettings) -> list[str]:
    """Return the libraries besides Keras whose layers the backbone uses."""
    model = settings.architecture.model
    return list(filter(None, [find_backbone(model.backbone).library])) if isinstance(model, Transfer) else []


def _targets(part: Part, settings: NetworkSettings, rows: pd.DataFrame) -> np.ndarray:
    """Return float32 [rows, outputs]: one-hot, or for a single sigmoid output, 1 for the second class."""
    one_hot = part.one_hot(rows)
    return one_hot if settings.architecture.model.output == "softmax" else one_hot[:, 1:]
