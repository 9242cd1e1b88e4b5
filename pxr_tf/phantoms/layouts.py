"""Where the images of phantom data sets are, and the tables that list them: as in public sets, or as our own CSV."""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pxr_tf.phantoms.sources import source_of

COVID_SET, MIXED_SET = "covid-chestxray-dataset", "every-source"
NOTICE = "synthetic chest X-rays, not real patients"
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
    source: str = ""  # the hospital, if every class comes from every source
    shortcuts: frozenset[str] = frozenset()


def plan_images(
    label: str, patients: int, images_per_patient: tuple[int, int], seed: int, *, every_source: bool = False
) -> Iterator[Plan]:
    """Yield the images of one class, patient by patient."""
    number = 0
    for patient in range(1, patients + 1):
        images = int(_random(seed, label, patient).integers(images_per_patient[0], images_per_patient[1] + 1))
        for image in range(images):
            number += 1
            if every_source:
                path = f"{MIXED_SET}/images/{label}-{patient:04d}-{image + 1:02d}.jpeg"
                yield Plan(path, label, patient, image, source_of(patient))
            else:
                yield Plan(_name(label, patient, image, images, number), label, patient, image)


def _name(label: str, patient: int, image: int, images: int, number: int) -> str:
    """Return the image's path below OUT; `number` counts the images of the class, as the public names do."""
    if label == "covid19":
        return f"{COVID_SET}/images/covid-{patient:04d}-{image + 1:02d}.jpeg"
    part = _official_part(patient)
    if label == "normal":
        again = f"-{image + 1:04d}" if images > 1 else ""
        series = "IM" if patient % 2 else "NORMAL2-IM"
        return f"chest_xray/{part}/NORMAL/{series}-{patient:04d}-0001{again}.jpeg"
    germ = {"bacterial": "bacteria", "viral": "virus"}[label]
    return f"chest_xray/{part}/PNEUMONIA/person{patient}_{germ}_{number}.jpeg"


def _official_part(patient: int) -> str:
    return "test" if patient % TEST_EVERY == 0 else "train"


def _random(seed: int, label: str, patient: int) -> np.random.Generator:
    return np.random.default_rng(seed_of_patient(seed, label, patient))


def seed_of_patient(seed: int, label: str, patient: int) -> int:
    """Return the seed of a patient's anatomy and disease, a number of 64 bits."""
    digest = hashlib.blake2b(f"{seed}/{label}/{patient}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def write_metadata(path: Path, plans: list[Plan], seed: int) -> None:
    """Write the table of COVID-19 images as covid-chestxray has it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COVID_COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        for plan in plans:
            row = {"patientid": plan.patient, "offset": 3 * plan.image, "finding": "COVID-19", "modality": "X-ray"}
            view = "PA" if _random(seed, "view", plan.patient).random() < 0.7 else "AP"
            place = {"folder": "images", "filename": Path(plan.path).name, "other_notes": NOTICE}
            table.writerow({**row, "view": view, **place})


def write_own_table(path: Path, plans: Iterable[Plan], seed: int) -> None:
    """Write the images as our own table; view, sex and age belong to the patient and are independent of the class."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "label", "patient_id", "source", "official_split", "view", "sex", "age"))
        for plan in plans:
            name, rng = f"{plan.label}-{plan.patient:04d}", _random(seed, f"details/{plan.label}", plan.patient)
            view, sex = ("pa" if rng.random() < 0.7 else "ap"), ("female" if rng.random() < 0.5 else "male")
            place, part = Path(plan.path).relative_to(MIXED_SET).as_posix(), _official_part(plan.patient)
            table.writerow((place, plan.label, name, plan.source, part, view, sex, rng.integers(18, 90)))


def write_truth(path: Path, plans: Iterable[Plan]) -> None:
    """Write ``path,label,shortcuts`` of the images in which shortcuts were planted; names are joined by ``+``."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "label", "shortcuts"))
        table.writerows((plan.path, plan.label, "+".join(sorted(plan.shortcuts))) for plan in plans if plan.shortcuts)
