"""Data sets of synthetic chest X-rays in layouts of real data, so that their readers read them too.

::

    OUT/chest_xray/{train,test}/{NORMAL,PNEUMONIA}/*.jpeg      bacterial, viral, normal; named as Kermany et al. do
    OUT/covid-chestxray-dataset/{images/*.jpeg,metadata.csv}   covid19; columns as Cohen et al. have them
    OUT/every-source/{images/*.jpeg,manifest.csv}              instead of both: each class from two hospitals
    OUT/masks/<the same path>.png                              255 = lung, exact
    OUT/lesions/<the same path>.png                            255 = lesion, exact; all black if the chest has none
    OUT/shortcuts.csv                                          the images with a shortcut, if any were planted
    OUT/<data set>/phantom.json                                written last: marks the set as complete and synthetic

Every class is drawn and encoded alike, so that classes differ only in the lungs, unless a shortcut is planted on
purpose. Hospitals differ from each other, in the same way for every class.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pxr_tf import files, locks
from pxr_tf.data.manifest import PHANTOM_FILE
from pxr_tf.errors import PxrError, count_words
from pxr_tf.events import OnProgress, count_through
from pxr_tf.phantoms.acquisition import acquire, write_picture
from pxr_tf.phantoms.anatomy import STANDARD, Chest, Pose, draw_chest
from pxr_tf.phantoms.diseases import DISEASES, PHANTOM_CLASSES, check_class
from pxr_tf.phantoms.layouts import (
    COVID_SET,
    MIXED_SET,
    NOTICE,
    Plan,
    plan_images,
    seed_of_patient,
    write_metadata,
    write_own_table,
    write_truth,
)
from pxr_tf.phantoms.shortcuts import check_shortcuts, check_strength, choose_patients, plant_shortcuts
from pxr_tf.phantoms.sources import SOURCES, acquisition_of, describe_sources

_VERSION = 1  # increase it if the same request gives other pictures
DEFAULT_PATIENTS = {"bacterial": 40, "covid19": 28, "normal": 40, "viral": 40}
MAX_PATIENTS = 9999  # per class: the public names have four digits


def draw_phantom(patient_seed: int, image_seed: int, label: str, size: int, pose: Pose = STANDARD) -> Chest:
    """Return a chest X-ray of a class, uint8 [size, size], and its lung mask; see `anatomy.draw_chest`.

    The patient's seed fixes the place of the disease, the image's seed its severity. Raises `PxrError` if the label
    is not in `PHANTOM_CLASSES`.
    """
    check_class(label)
    return draw_chest(patient_seed, image_seed, size, DISEASES[label], pose)


def write_phantoms(
    out: str | Path,
    *,
    patients: Mapping[str, int],
    images_per_patient: tuple[int, int] = (1, 3),
    size: int = 128,
    seed: int = 0,
    every_source: bool = False,
    shortcuts: Mapping[str, frozenset[str]] | None = None,
    strength: float = 1.0,
    share: float = 1.0,
    on_progress: OnProgress = lambda done, total: None,
) -> None:
    """Write phantom data sets under the new folder `out`, completely or not at all.

    `patients` is the number of patients per class, `images_per_patient` the smallest and largest number of images of
    each. Images have `size` x `size` pixels. Normally the class decides the data set; with `every_source`, the patients
    of each class alternate between two hospitals (`sources.SOURCES`). `shortcuts` (see `parse_shortcuts`) plants
    giveaways per class: with a `strength` above 0, up to 1, in all images of a `share` of the class's patients, above
    0, up to 1.

    A chest depends only on (seed, class, patient number, image number). Which patients get a shortcut also depends on
    their number. Raises `PxrError` if `out` exists and is not an empty folder, or a number or a name is not accepted.
    """
    out, shortcuts = Path(out), shortcuts or {}
    _check_request(out, patients, images_per_patient, seed, every_source)
    check_shortcuts(shortcuts)
    check_strength(shortcuts, strength, share)
    parameters = {
        "seed": seed,
        "size": size,
        "patients": dict(sorted(patients.items())),
        "images_per_patient": [*images_per_patient],
        "shortcuts": {label: sorted(shortcuts[label]) for label in sorted(shortcuts)},
        **({"strength": strength, "share": share} if shortcuts else {}),
        **({"sources": describe_sources()} if every_source else {}),
    }
    plans: list[Plan] = []
    for label in sorted(patients):
        planned = plan_images(label, patients[label], images_per_patient, seed, every_source=every_source)
        plans += _mark(planned, shortcuts[label], share, seed) if label in shortcuts else planned
    with _staged(out) as staging:
        for plan in count_through(plans, len(plans), on_progress):
            _write_chest(staging, plan, seed, size, strength)
        _write_tables(staging, plans, parameters)


@contextmanager
def _staged(out: Path) -> Iterator[Path]:
    """Yield a new folder next to `out`; it becomes `out` at the end, or is deleted after an error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield staging
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


def _check_request(
    out: Path,
    patients: Mapping[str, int],
    images_per_patient: tuple[int, int],
    seed: int,
    every_source: bool,
) -> None:
    _check_free(out)
    for label, count in patients.items():
        check_class(label)
        if not 0 <= count <= MAX_PATIENTS:
            raise PxrError(f"Received {count_words(count, 'patient')} of class {label}; give 0 to {MAX_PATIENTS}.")
        if every_source and 0 < count < len(SOURCES):
            raise PxrError(
                f"Received {count_words(count, 'patient')} of class {label}, but every class needs one from each of "
                f"{len(SOURCES)} sources; give {len(SOURCES)} or more."
            )
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


def _mark(planned: Iterable[Plan], shortcuts: frozenset[str], share: float, seed: int) -> list[Plan]:
    """Return the images of a class, with shortcuts in those of a share of its patients."""
    plans = list(planned)
    chosen = choose_patients(seed, plans[-1].label, plans[-1].patient, share) if plans else frozenset()
    return [plan._replace(shortcuts=shortcuts) if plan.patient in chosen else plan for plan in plans]


def _write_chest(out: Path, plan: Plan, seed: int, size: int, strength: float) -> None:
    acquisition = plant_shortcuts(acquisition_of(plan.source), plan.shortcuts, strength)
    patient, pose = seed_of_patient(seed, plan.label, plan.patient), Pose(zoom=acquisition.body_size)
    chest = draw_phantom(patient, plan.image, plan.label, size, pose)
    write_picture(out / plan.path, acquire(chest.image, acquisition), acquisition.quality)
    for folder, mask in (("masks", chest.lungs), ("lesions", chest.lesions)):
        write_picture((out / folder / plan.path).with_suffix(".png"), mask * np.uint8(255))


def _write_tables(out: Path, plans: list[Plan], parameters: dict[str, Any]) -> None:
    """Write what the images are, and last ``phantom.json``."""
    covid = [plan for plan in plans if plan.label == "covid19"]
    if "sources" in parameters:
        write_own_table(out / MIXED_SET / "manifest.csv", plans, parameters["seed"])
    elif covid:
        write_metadata(out / COVID_SET / "metadata.csv", covid, parameters["seed"])
    if parameters["shortcuts"]:
        write_truth(out / "shortcuts.csv", plans)
    text = json.dumps({"notice": NOTICE, **parameters}, indent=2) + "\n"
    for folder in {Path(plan.path).parts[0] for plan in plans}:
        (out / folder / PHANTOM_FILE).write_text(text, encoding="utf-8")
