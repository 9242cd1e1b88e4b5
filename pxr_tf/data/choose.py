"""Choose the patients that leave a training part: a share of each class's patients, or about a number of images.

Both take whole patients by hash: at least one from a class of two or more, but never all. A patient with images of
several classes counts for the class of the first image.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from pxr_tf.errors import PxrError, count_words
from pxr_tf.seeds import order_by_hash


def choose_patients(table: pd.DataFrame, wanted: float, *, seed: int, purpose: str) -> set[str]:
    """Return patients of a sorted table. `wanted`: below 1, a share per class; from 1, images in all; 0, nobody."""
    if not wanted:
        return set()
    if wanted < 1:
        return choose_share(table, wanted, seed=seed, purpose=purpose)
    return choose_number(table, int(wanted), seed=seed, purpose=purpose)


def check_amount(name: str, amount: float) -> None:
    """Raise `PxrError` if `amount` is neither a share below 1 nor a whole number of images."""
    if amount < 0 or (amount >= 1 and amount != int(amount)):
        raise PxrError(
            f"{name}={amount:g} is neither a share from 0 to below 1 nor a whole number of images. Use {name}=0.15 or "
            f"{name}=800, for example."
        )


def choose_share(table: pd.DataFrame, share: float, *, seed: int, purpose: str) -> set[str]:
    """Return `share` of each class's patients, rounded, at least one; a class's only patient stays."""
    chosen: set[str] = set()
    for _, patients in table.drop_duplicates("patient_id").groupby("label").patient_id:
        ordered = order_by_hash(patients, seed, purpose)
        count = max(1, round(share * len(ordered)))
        chosen.update(ordered[: min(count, len(ordered) - 1)])
    return chosen


def choose_number(table: pd.DataFrame, number: int, *, seed: int, purpose: str) -> set[str]:
    """Return patients who together have about `number` images; each class contributes in proportion to its images.

    Classes are filled from the smallest to the largest. Each quota is a share of what is left of `number`, so the
    largest class evens out the rounding. The total is off by less than the images of one of its patients.
    """
    if number >= len(table):
        raise PxrError(
            f"splits.validation={number} would leave nothing to train on: the training part has "
            f"{count_words(len(table), 'image')}. "
            "Use a smaller number, or a share such as splits.validation=0.15."
        )
    patients = table.groupby("patient_id").agg(label=("label", "first"), num_images=("image_id", "size"))
    left, left_images = number, len(table)
    chosen: list[str] = []
    for label in patients.groupby("label").num_images.sum().sort_values(kind="stable").index:
        num_images = patients.num_images[patients.label == label].to_dict()
        in_class = sum(num_images.values())
        quota = max(1, round(left * in_class / left_images))
        taken = _fill(num_images, quota, order_by_hash(num_images, seed, purpose)[:-1])  # the last patient trains
        chosen += taken
        left, left_images = left - sum(num_images[patient] for patient in taken), left_images - in_class
    return set(chosen)


def _fill(num_images: Mapping[str, int], quota: int, ordered: Sequence[str]) -> list[str]:
    """Return the patients, in order, whose images fit into the quota, plus one more if that comes closer to it."""
    taken: list[str] = []
    others: list[str] = []
    left = quota
    for patient in ordered:
        fits = num_images[patient] <= left
        (taken if fits else others).append(patient)
        left -= num_images[patient] if fits else 0
    smallest = min(others, key=lambda patient: num_images[patient], default=None)
    if smallest and (not taken or num_images[smallest] - left < left):
        taken.append(smallest)
    return taken
