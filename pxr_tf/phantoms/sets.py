"""Data sets of synthetic chest X-rays in the public layouts, so that the readers of real data read them too.

::

    OUT/chest_xray/{train,test}/{NORMAL,PNEUMONIA}/*.jpeg      bacterial, viral, normal; named as Kermany et al. do
    OUT/covid-chestxray-dataset/{images/*.jpeg,metadata.csv}   covid19; columns as Cohen et al. have them
    OUT/masks/<the same path>.png                              255 = lung, exact
    OUT/lesions/<the same path>.png                            255 = lesion, exact; all black if the chest has none
    OUT/<data set>/phantom.json                                written last: marks the set as complete and synthetic

Every class is encoded alike (grey JPEG, one quality, one size), so that classes differ only in the lungs, unless a
shortcut is planted on purpose.
"""

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf import files, locks
from pxr_tf.data.manifest import PHANTOM_FILE
from pxr_tf.errors import PxrError, count_words, nearest
from pxr_tf.events import OnProgress, count_through
from pxr_tf.phantoms.anatomy import Chest, draw_chest
from pxr_tf.phantoms.diseases import DISEASES

PHANTOM_CLASSES = ("bacterial", "covid19", "normal", "viral")
COVID_SET = "covid-chestxray-dataset"
_VERSION = 1  # increase it if the same request gives other pictures
DEFAULT_PATIENTS = {"bacterial": 40, "covid19": 28, "normal": 40, "viral": 40}
_NOTICE = "synthetic chest X-rays, not real patients"
SHORTCUTS = ("border", "marker", "quality")
MAX_PATIENTS = 9999  # per class: the public names have four digits
JPEG_QUALITY, POOR_QUALITY = 92, 25
TEST_EVERY = 7  # one patient in seven is in the official test part of chest_xray
COVID_COLUMNS = (
    "patientid offset sex age finding survival intubated intubation_present went_icu in_icu "
    "needed_supplemental_O2 extubated temperature pO2_saturation leukocyte_count neutrophil_count "
    "lymphocyte_count view modality date location folder filename doi url license clinical_notes "
    "other_notes"
).split()


class Plan(NamedTuple):
    """One image to be drawn."""

    path: str  # below OUT
    label: str
    patient: int  # number within the class, from 1
    image: int  # number within the patient, from 0


def draw_phantom(patient_seed: int, image_seed: int, label: str, size: int) -> Chest:
    """Return a chest X-ray of a class, uint8 [size, size], and its lung mask; see `anatomy.draw_chest`.

    The patient's seed fixes the place of the disease, the image's seed its severity. Raises `PxrError` if the label
    is not in `PHANTOM_CLASSES`.
    """
    _check_class(label)
    return draw_chest(patient_seed, image_seed, size, DISEASES[label])


def write_phantoms(
    out: Path,
    *,
    patients: Mapping[str, int],
    images_per_patient: tuple[int, int] = (1, 3),
    size: int = 128,
    seed: int = 0,
    shortcuts: Mapping[str, frozenset[str]] | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> None:
    """Write phantom data sets under the new folder `out`, completely or not at all.

    `patients` is the number of patients per class, `images_per_patient` the smallest and largest number of images of
    each. Images have `size` x `size` pixels. `shortcuts` (see `parse_shortcuts`) plants giveaways per class. A picture
    depends only on (seed, class, patient number, image number). Raises `PxrError` if `out` exists and is not an
    empty folder, or a number or a name is not accepted.
    """
    shortcuts = shortcuts or {}
    _check_request(out, patients, images_per_patient, seed, shortcuts)
    plans = [plan for label in sorted(patients) for plan in _plan(label, patients[label], images_per_patient, seed)]
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for plan in count_through(plans, len(plans), on_progress):
            chest = draw_phantom(_patient_seed(seed, plan.label, plan.patient), plan.image, plan.label, size)
            _write_chest(staging, plan, chest, shortcuts.get(plan.label, frozenset()))
        covid = [plan for plan in plans if plan.label == "covid19"]
        if covid:
            _write_metadata(staging / COVID_SET / "metadata.csv", covid, seed)
        parameters = {
            "seed": seed,
            "size": size,
            "patients": dict(sorted(patients.items())),
            "images_per_patient": [*images_per_patient],
            "shortcuts": {label: sorted(shortcuts[label]) for label in sorted(shortcuts)},
        }
        text = json.dumps({"notice": _NOTICE, **parameters}, indent=2) + "\n"
        for folder in {Path(plan.path).parts[0] for plan in plans}:
            (staging / folder / PHANTOM_FILE).write_text(text, encoding="utf-8")
        staging.chmod(0o755)  # mkdtemp makes it private
        _check_free(out)
        staging.replace(out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def default_phantoms(cache: Path) -> list[Path]:
    """Return the data sets to use if no data are given; the first call draws them below `cache` (seconds)."""
    request = {"patients": DEFAULT_PATIENTS, "images_per_patient": (1, 2), "size": 96, "seed": 0}
    out = cache / f"phantoms-{files.digest(_VERSION, *request.items())}"
    with locks.hold(cache / f"{out.name}.lock"):
        for left in cache.glob(f".{out.name}-*"):  # by a run that was killed while drawing
            shutil.rmtree(left)
        if not out.exists():
            write_phantoms(out, **request)
    return [out / "chest_xray", out / COVID_SET]


def parse_shortcuts(text: str) -> dict[str, frozenset[str]]:
    """Return class -> names of shortcuts from ``covid19:marker,normal:border+quality``; empty text plants none.

    ``marker`` is a bright letter in a corner, ``quality`` poor JPEG quality, ``border`` a black frame. Raises
    `PxrError`.
    """
    shortcuts: dict[str, frozenset[str]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        label, colon, names = (piece.strip() for piece in part.partition(":"))
        if not colon or label in shortcuts:
            raise PxrError(
                f"Shortcut {part!r} {'names a class twice' if colon else 'has no colon'}. "
                "Write each class once, as in covid19:marker,normal:border+quality."
            )
        shortcuts[label] = frozenset(name.strip() for name in names.split("+"))
    _check_shortcuts(shortcuts)
    return shortcuts


def _check_shortcuts(shortcuts: Mapping[str, frozenset[str]]) -> None:
    for label, names in shortcuts.items():
        _check_class(label)
        for name in sorted(names.difference(SHORTCUTS)):
            raise PxrError(
                f"Unknown shortcut {name!r} for class {label}. Known: {', '.join(SHORTCUTS)}.{nearest(name, SHORTCUTS)}"
            )


def _check_class(label: str) -> None:
    if label not in PHANTOM_CLASSES:
        raise PxrError(
            f"Unknown class {label!r}. Phantoms exist for: {', '.join(PHANTOM_CLASSES)}."
            f"{nearest(label, PHANTOM_CLASSES)}"
        )


def _check_request(
    out: Path,
    patients: Mapping[str, int],
    images_per_patient: tuple[int, int],
    seed: int,
    shortcuts: Mapping[str, frozenset[str]],
) -> None:
    _check_free(out)
    _check_shortcuts(shortcuts)
    for label, count in patients.items():
        _check_class(label)
        if not 0 <= count <= MAX_PATIENTS:
            raise PxrError(f"Received {count_words(count, 'patient')} of class {label}; give 0 to {MAX_PATIENTS}.")
    if not any(patients.values()):
        raise PxrError(f"Received no patients; give at least one of a class ({', '.join(PHANTOM_CLASSES)}).")
    fewest, most = images_per_patient
    if not 1 <= fewest <= most <= 99:
        raise PxrError(f"Received {fewest} to {most} images per patient; give a range within 1 to 99.")
    if seed < 0:
        raise PxrError(f"Received the seed {seed}; give a whole number from 0.")


def _check_free(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise PxrError(f"{out} exists and is not an empty folder. Remove it, or name a new or empty folder.")


def _plan(label: str, patients: int, images_per_patient: tuple[int, int], seed: int) -> Iterator[Plan]:
    """Yield the images of one class, patient by patient."""
    number = 0
    for patient in range(1, patients + 1):
        images = int(_random(seed, label, patient).integers(images_per_patient[0], images_per_patient[1] + 1))
        for image in range(images):
            number += 1
            yield Plan(_name(label, patient, image, images, number), label, patient, image)


def _name(label: str, patient: int, image: int, images: int, number: int) -> str:
    """Return the image's path below OUT; `number` counts the images of the class, as the public names do."""
    if label == "covid19":
        return f"{COVID_SET}/images/covid-{patient:04d}-{image + 1:02d}.jpeg"
    part = "test" if patient % TEST_EVERY == 0 else "train"
    if label == "normal":
        again = f"-{image + 1:04d}" if images > 1 else ""
        series = "IM" if patient % 2 else "NORMAL2-IM"
        return f"chest_xray/{part}/NORMAL/{series}-{patient:04d}-0001{again}.jpeg"
    germ = {"bacterial": "bacteria", "viral": "virus"}[label]
    return f"chest_xray/{part}/PNEUMONIA/person{patient}_{germ}_{number}.jpeg"


def _random(seed: int, label: str, patient: int) -> np.random.Generator:
    return np.random.default_rng(_patient_seed(seed, label, patient))


def _patient_seed(seed: int, label: str, patient: int) -> int:
    digest = hashlib.blake2b(f"{seed}/{label}/{patient}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _write_chest(out: Path, plan: Plan, chest: Chest, shortcuts: frozenset[str]) -> None:
    size = len(chest.image)
    image = chest.image.copy()
    if "border" in shortcuts:
        width = max(1, size // 20)
        image = cv2.copyMakeBorder(image[width:-width, width:-width], *[width] * 4, cv2.BORDER_CONSTANT, value=0)
    if "marker" in shortcuts:
        plant_marker(image)
    quality = [cv2.IMWRITE_JPEG_QUALITY, POOR_QUALITY if "quality" in shortcuts else JPEG_QUALITY]
    _write_picture(out / plan.path, image, quality)
    for folder, mask in (("masks", chest.lungs), ("lesions", chest.lesions)):
        _write_picture((out / folder / plan.path).with_suffix(".png"), mask * np.uint8(255), [])


def plant_marker(image: np.ndarray) -> np.ndarray:
    """Draw a bright letter into the top left corner of an image, uint8 [size, size], and return it."""
    size = len(image)
    corner = (round(0.07 * size), round(0.17 * size))
    return cv2.putText(image, "R", corner, cv2.FONT_HERSHEY_SIMPLEX, size / 250, 255, max(1, size // 80), cv2.LINE_AA)


def _write_picture(path: Path, image: np.ndarray, options: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


def _write_metadata(path: Path, plans: list[Plan], seed: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COVID_COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        for plan in plans:
            row = {"patientid": plan.patient, "offset": 3 * plan.image, "finding": "COVID-19", "modality": "X-ray"}
            view = "PA" if _random(seed, "view", plan.patient).random() < 0.7 else "AP"
            place = {"folder": "images", "filename": Path(plan.path).name, "other_notes": _NOTICE}
            table.writerow({**row, "view": view, **place})
