"""Small manifests for the tests of splits, and a count that they check."""

import pandas as pd

LABELS = ("bacterial", "covid19", "normal")


def make_table(images: dict[str, list[int]], shared: int = 0, *, official: str = "") -> pd.DataFrame:
    """Return a manifest with a patient per number of images; `shared` patients have an image of every class.

    `official` is the official split of all images, and part of their ids, so that two tables can be joined.
    """
    rows = [
        (f"{label}/{official}{patient}-{image}", label, f"{label} {official}{patient}")
        for label, counts in images.items()
        for patient, count in enumerate(counts)
        for image in range(count)
    ]
    rows += [
        (f"{label}/{official}both-{patient}", label, f"both {official}{patient}")
        for label in images
        for patient in range(shared)
    ]
    return pd.DataFrame(rows, columns=["image_id", "label", "patient_id"]).assign(official_split=official)


def sides_per_patient(table: pd.DataFrame, splits: pd.DataFrame) -> pd.Series:
    """Return, per fold and patient, how many of train, val and test the patient's images are in."""
    known = splits.assign(patient=splits.image_id.map(table.set_index("image_id").patient_id), side=splits.role.str[:4])
    return known.groupby(["fold", "patient"]).side.nunique()
