"""Which methods find the truth? Phantoms show it: we know where the lesion was drawn and the marker planted.

    python scripts/explain_truth.py                     all methods, minutes on two cores
    python scripts/explain_truth.py --methods grad_cam,saliency --patients 60 --epochs 8

The script trains two networks. One sees clean phantoms, so that only the lesion distinguishes the classes. For the
other, COVID-19 pictures are healthy chests with a bright letter in a corner: only the letter distinguishes them from
normal pictures. Both are explained for the true class, on unseen patients that they classify correctly. The first
table shows how much of a method's maps is on the lesions. The second shows whether the maps reveal that the network
reads the letter, not the lungs.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from map_truth import pixel_auc, pointing_hits

from pxr_tf.evaluation.bootstrap import Interval, patient_interval
from pxr_tf.explain.maps import at_picture_size, share_inside, share_of_area
from pxr_tf.explain.method_table import METHODS
from pxr_tf.phantoms.acquisition import plant_marker
from pxr_tf.phantoms.sets import write_phantoms

CLASSES = ("bacterial", "covid19", "normal")  # viral phantoms are ill all over the lungs: every map would find that
MARKED = "covid19"
TITLES = {"clean": "Clean phantoms", "marked": "A letter in a corner of healthy chests, called COVID-19"}
NETWORKS = tuple(TITLES)
SIZE = 64
EXPLAINED = 40  # pictures per class: enough for intervals of a few points
SETTINGS = {"learning_rate": 2e-3, "batch_size": 32}


class Phantoms(NamedTuple):
    """Pictures and the truth about them; one per patient."""

    pictures: np.ndarray  # uint8 [n, size, size]
    labels: np.ndarray  # int [n], index into CLASSES
    lungs: np.ndarray  # bool [n, size, size]
    lesions: np.ndarray  # bool [n, size, size]

    def chosen(self, rows: np.ndarray) -> "Phantoms":
        """Return some of the rows."""
        return Phantoms(*(values[rows] for values in self))


def draw_phantoms(folder: Path, *, patients: int, seed: int) -> Phantoms:
    """Write phantoms as ``pxr phantom`` does, and read them with their masks."""
    write_phantoms(
        folder,
        patients=dict.fromkeys(CLASSES, patients),
        images_per_patient=(1, 1),
        size=SIZE,
        seed=seed,
    )
    marks = {"_bacteria_": "bacterial", "covid-": "covid19", "IM-": "normal"}
    files = sorted(folder.rglob("*.jpeg"))
    labels = [CLASSES.index(next(label for mark, label in marks.items() if mark in file.name)) for file in files]
    masks = {
        kind: [(folder / kind / file.relative_to(folder)).with_suffix(".png") for file in files]
        for kind in ("masks", "lesions")
    }
    read = [
        np.stack([cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in kind]) for kind in (files, *masks.values())
    ]
    return Phantoms(read[0], np.array(labels), read[1] > 0, read[2] > 0)


def with_letter(phantoms: Phantoms) -> Phantoms:
    """Return the phantoms without COVID-19's own; every second healthy one gets its label and a letter.

    Lesions next to the letter would also be evidence, and a map that shows them would not be wrong.
    """
    kept = phantoms.chosen(phantoms.labels != CLASSES.index(MARKED))
    rows = np.flatnonzero(kept.labels == CLASSES.index("normal"))[::2]
    pictures, labels = kept.pictures.copy(), kept.labels.copy()
    labels[rows] = CLASSES.index(MARKED)
    for row in rows:
        plant_marker(pictures[row])
    return kept._replace(pictures=pictures, labels=labels)


def build_backbone(*, include_top: bool, weights: str | None, input_tensor: Any) -> Any:
    """Return four convolutions called like keras.applications; 64 x 64 pixels give a feature map of 16 x 16 cells."""
    import keras

    x = input_tensor
    for number, channels in enumerate((16, 32, 48, 64), start=1):
        x = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"convolution_{number}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"normalization_{number}")(x)
        x = keras.layers.Activation("relu", name=f"activation_{number}")(x)
        x = keras.layers.MaxPooling2D(name=f"pooling_{number}")(x) if number <= 2 else x
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x, name="four_convolutions")


def train_network(phantoms: Phantoms, *, epochs: int) -> Any:
    """Return the classifier, trained on all of the phantoms."""
    import keras

    from pxr_tf.models.backbones import Backbone
    from pxr_tf.models.classifier import build_classifier
    from pxr_tf.vocabulary.model import Head

    model = build_classifier(
        Backbone(build_backbone, "tf", SIZE),
        num_classes=len(CLASSES),
        image_size=SIZE,
        weights="none",
        head=Head(hidden_units=(), dropout=0),
    )
    steps = epochs * -(-len(phantoms.pictures) // SETTINGS["batch_size"])
    rate = keras.optimizers.schedules.CosineDecay(SETTINGS["learning_rate"], steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(phantoms.pictures[..., None], phantoms.labels, SETTINGS["batch_size"], epochs, verbose=0)
    return model


def right_cases(model: Any, phantoms: Phantoms, per_class: int) -> tuple[Phantoms, float]:
    """Return (up to `per_class` correctly classified pictures of each class but normal, accuracy on all pictures)."""
    found = model.predict(phantoms.pictures[..., None], batch_size=64, verbose=0).argmax(1)
    right = found == phantoms.labels
    ill = [label for label, name in enumerate(CLASSES) if name != "normal"]
    rows = [np.flatnonzero(right & (phantoms.labels == label))[:per_class] for label in ill]
    return phantoms.chosen(np.concatenate(rows)), float(right.mean())


def explain_all(model: Any, cases: Phantoms, methods: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return method -> maps at picture size; of signed maps only what supports the true class."""
    from pxr_tf.explain.logits import open_logits
    from pxr_tf.explain.methods import compute_maps

    logits, maps = open_logits(model), {}
    for method in methods:
        started = time.monotonic()
        raw = compute_maps(logits, cases.pictures, cases.labels, method)
        maps[method] = np.clip(at_picture_size(raw, SIZE), 0, None)
        print(f"  {METHODS[method].title}: {time.monotonic() - started:.0f} s", flush=True)
    return maps


def measure_lesions(maps: np.ndarray, cases: Phantoms) -> dict[str, Interval]:
    """Return how well a method's maps match the lesions: each measure with its interval over patients."""
    patients = np.arange(len(maps))
    chance = share_of_area(cases.lesions)
    within = share_inside(maps * cases.lungs, cases.lesions)
    measures = {
        "on the lesion": share_inside(maps, cases.lesions),
        "chance": chance,
        "more than chance": share_inside(maps, cases.lesions) - chance,
        "of the lungs' part": within - chance / share_of_area(cases.lungs),
        "pointing": pointing_hits(maps, cases.lesions),
        "AUC": pixel_auc(maps, cases.lesions),
        "in the lungs": share_inside(maps, cases.lungs) - share_of_area(cases.lungs),
    }
    return {name: patient_interval(values, patients) for name, values in measures.items()}


def measure_marker(maps: np.ndarray, cases: Phantoms) -> dict[str, Interval]:
    """Return how well a method's maps match the letter: each measure with its interval over patients."""
    patients = np.arange(len(maps))
    letter = np.broadcast_to(marker_mask(), maps.shape)
    measures = {
        "on the letter": share_inside(maps, letter),
        "chance": share_of_area(letter),
        "pointing": pointing_hits(maps, letter),
        "in the lungs": share_inside(maps, cases.lungs),
        "lungs' area": share_of_area(cases.lungs),
        "lungs less area": share_inside(maps, cases.lungs) - share_of_area(cases.lungs),
    }
    return {name: patient_interval(values, patients) for name, values in measures.items()}


def marker_mask() -> np.ndarray:
    """Return a mask of the letter and the four pixels around it, which is a cell of the feature map."""
    letter = plant_marker(np.zeros((SIZE, SIZE), np.uint8)) > 0
    return cv2.dilate(letter.astype(np.uint8), np.ones((9, 9))) > 0


def lesion_table(measured: dict[str, dict[str, Interval]]) -> pd.DataFrame:
    """Return a row per method; it finds the lesion if its maps are above chance there, also within the lungs.

    Within the lungs, because a map that is even over the lungs is above chance, but has not found the lesion.
    """
    rows = {}
    for method, found in measured.items():
        finds = all(found[name].low > 0 for name in ("more than chance", "of the lungs' part"))
        rows[METHODS[method].title] = {
            "on the lesion": percent(found["on the lesion"]),
            "chance": percent(found["chance"], ends=False),
            "more than chance": points(found["more than chance"]),
            "more, within the lungs": points(found["of the lungs' part"]),
            "pointing hits": percent(found["pointing"], ends=False),
            "AUC of pixels": f"{found['AUC'].value:.2f}",
            "lungs less their area": points(found["in the lungs"]),
            "finds the lesion": "yes" if finds else "NO",
        }
    return pd.DataFrame(rows).T


def marker_table(measured: dict[str, dict[str, Interval]]) -> pd.DataFrame:
    """Return a row per method; it finds the letter if its maps are above chance there, and below it in the lungs."""
    rows = {}
    for method, found in measured.items():
        finds = found["on the letter"].low > found["chance"].value and found["lungs less area"].high < 0
        rows[METHODS[method].title] = {
            "on the letter": percent(found["on the letter"]),
            "chance": percent(found["chance"], ends=False),
            "pointing hits": percent(found["pointing"], ends=False),
            "in the lungs": percent(found["in the lungs"], ends=False),
            "lungs' area": percent(found["lungs' area"], ends=False),
            "lungs less their area": points(found["lungs less area"]),
            "finds the letter": "yes" if finds else "NO",
        }
    return pd.DataFrame(rows).T


def percent(found: Interval, *, ends: bool = True) -> str:
    """Return a share in percent, with its interval: ``31 (28-34)``."""
    return f"{100 * found.value:.0f}" + (f" ({100 * found.low:.0f}-{100 * found.high:.0f})" if ends else "")


def points(found: Interval) -> str:
    """Return a difference of shares in points, with its interval: ``+12 (+8 to +16)``."""
    return f"{100 * found.value:+.0f} ({100 * found.low:+.0f} to {100 * found.high:+.0f})"


def run(
    methods: tuple[str, ...],
    *,
    patients: int,
    epochs: int,
    explained: int,
    work: Path,
    networks: tuple[str, ...] = NETWORKS,
) -> dict[str, dict[str, Any]]:
    """Return network -> its ``accuracy``, what was ``measured``, and the ``table``; print progress."""
    drawn = [
        draw_phantoms(work / "training", patients=patients, seed=0),
        draw_phantoms(work / "test", patients=max(explained * 5 // 2, 40), seed=1),
    ]
    results: dict[str, dict[str, Any]] = {}
    for network in networks:
        training, tests = drawn if network == "clean" else map(with_letter, drawn)
        started = time.monotonic()
        model = train_network(training, epochs=epochs)
        cases, accuracy = right_cases(model, tests, explained)
        seconds = time.monotonic() - started
        print(f"{network}: {accuracy:.3f} of {len(tests.labels)} unseen pictures right, trained in {seconds:.0f} s")
        cases = cases if network == "clean" else cases.chosen(cases.labels == CLASSES.index(MARKED))
        measure, tabulate = (measure_lesions, lesion_table) if network == "clean" else (measure_marker, marker_table)
        measured = {method: measure(maps, cases) for method, maps in explain_all(model, cases, methods).items()}
        results[network] = {"accuracy": accuracy, "measured": measured, "table": tabulate(measured)}
    return results


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(METHODS), help="comma-separated")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="comma-separated")
    parser.add_argument("--patients", type=int, default=300, help="training patients per class")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--explained", type=int, default=EXPLAINED, help="explained pictures per class")
    given = parser.parse_args()
    sizes = {"patients": given.patients, "epochs": given.epochs, "explained": given.explained}
    methods, networks = (tuple(names.split(",")) for names in (given.methods, given.networks))
    with tempfile.TemporaryDirectory() as work:
        found = run(methods, **sizes, work=Path(work), networks=networks)
    for network, result in found.items():
        print(f"\n{TITLES[network]}: shares in percent, differences in points, 95 % intervals over patients")
        print(result["table"].to_string())


if __name__ == "__main__":
    main()
