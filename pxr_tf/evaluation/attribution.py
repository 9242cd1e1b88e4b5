"""What per-picture measures of maps come to: per class and over all, with intervals over patients."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pxr_tf.evaluation.bootstrap import Interval, patient_interval

ALL = "all"  # the row over all classes, as in the tables of metrics


def lung_table(cases: pd.DataFrame) -> pd.DataFrame:
    """Return how much of the maps lies in the lungs, beside how much of the pictures they are.

    `cases` has a row per map: ``label, patient_id, share`` (of the map inside the lungs, NaN for a blank one), ``area``
    (the lungs' share of the picture, what an even map would have) and ``trusted`` (whether the lungs are known). Maps
    of pictures whose lungs are not are left out and counted, blank ones as well. A row per class and one over ``all``:
    ``class, images, patients, untrusted, blank``, then each of ``share, area, difference, ratio`` with ``_low`` and
    ``_high``; the difference is share less area, the ratio that of their means.
    """
    groups = [(ALL, cases), *cases.groupby("label")]
    return pd.DataFrame([_lung_row(name, rows) for name, rows in groups])


def perturbation_gains(
    deletion: Mapping[str, np.ndarray], insertion: Mapping[str, np.ndarray], method: str, patients: Sequence[object]
) -> dict[str, Interval]:
    """Return by how much a method's order is better than chance and than the centre, paired picture by picture.

    Both map an order (`method`, ``random``, ``centre``) to the areas under its curves, [n]. Keys are those of
    `explain.verdicts.CHECKS`: ``deletion_random`` … ``insertion_centre``. Above 0 the method is better: deletion has
    the smaller area, insertion the larger one.
    """
    gains = {}
    for other in ("random", "centre"):
        gains[f"deletion_{other}"] = patient_interval(deletion[other] - deletion[method], patients)
        gains[f"insertion_{other}"] = patient_interval(insertion[method] - insertion[other], patients)
    return gains


def _lung_row(name: str, rows: pd.DataFrame) -> dict[str, str | int | float]:
    known = rows[rows.trusted.astype(bool)]
    counted = known[known.share.notna()]
    both, patients = counted[["share", "area"]].to_numpy(float), counted.patient_id.to_numpy()
    found = {
        "share": patient_interval(both[:, 0], patients),
        "area": patient_interval(both[:, 1], patients),
        "difference": patient_interval(both[:, 0] - both[:, 1], patients),
        "ratio": patient_interval(both, patients, statistic=lambda means: means[:, 0] / means[:, 1]),
    }
    row: dict[str, str | int | float] = {
        "class": name,
        "images": len(counted),
        "patients": counted.patient_id.nunique(),
        "untrusted": len(rows) - len(known),
        "blank": len(known) - len(counted),
    }
    for measure, (value, low, high) in found.items():
        row |= {measure: value, f"{measure}_low": low, f"{measure}_high": high}
    return row
