"""The check ``source``: does the source of a picture, or anything else that goes with it, stand in for the class?

For every attribute that the data carry: what it says of the class (utility), how well the picture shows it, overall and
within each class (detectability), and whether the trained heads point along it (alignment).
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from pxr_tf.audit.folds import make_folds, used_rows
from pxr_tf.audit.heads import has_heads, read_heads
from pxr_tf.audit.material import Checked, Material
from pxr_tf.audit.seen import read_raw, see
from pxr_tf.audit.source_findings import judge_attributes, judge_sources
from pxr_tf.audit.view_features import find_features, read_view
from pxr_tf.evaluation.alignment import Alignment, FoldFeatures, align
from pxr_tf.evaluation.attributes import (
    Area,
    common_values,
    link_classes,
    measure_detectability,
    measure_utility,
    shared_information,
)
from pxr_tf.evaluation.comparisons import holm
from pxr_tf.evaluation.probes import Fold, linear_probe, probe_folds
from pxr_tf.evaluation.skill import make_probe_sample, measure_skills
from pxr_tf.events import emit_progress
from pxr_tf.evidence.subgroups import describe_groups

NOT_ASKED = ("image_id", "official_split")  # the check `population` compares the official parts
UTILITY = ("attribute", "class", "values", "information", "area", "low", "high")
DETECTABILITY = ("attribute", "within", "area", "low", "high")
ALIGNMENT = ("attribute", "value", "class", *Alignment._fields, "p_holm")
WITHIN = ("source", "class", "images", "patients", "area", "low", "high")


def check_source(material: Material) -> Checked:
    """Return findings, and the tables ``utility``, ``detectability``, ``alignment`` and ``within_source``."""
    table, numbers = _describe_pictures(material)
    folds, heads = make_folds(material, table), read_heads(material, table) if has_heads(material) else []
    truth = pd.Categorical(table.label, material.classes).codes.astype(int)
    attributes = describe_attributes(table)
    utility, detectability, alignment = [], [], []
    for number, name in enumerate(attributes):
        emit_progress(material.on_event, "attributes", number, attributes.shape[1])
        values, own = attributes[name].to_numpy(str), partial(_known_folds, folds, (attributes[name] != "").to_numpy())
        utility += _utility(name, values, truth, table, material.classes, own())
        detectability += _detectability(name, values, numbers, table, material.classes, own())
        alignment += _alignment(name, values, truth, table, material.classes, heads)
    tables = {
        "utility": pd.DataFrame(utility, columns=list(UTILITY)),
        "detectability": pd.DataFrame(detectability, columns=list(DETECTABILITY)),
        "alignment": _corrected(pd.DataFrame(alignment, columns=list(ALIGNMENT[:-1]))),
        "within_source": within_sources(material, table, numbers, truth, folds),
    }
    groups = link_classes(*(table[name].to_numpy(str) for name in ("label", "source", "patient_id")))
    return Checked([*judge_sources(groups, table, tables["within_source"]), *judge_attributes(tables)], tables)


def describe_attributes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the attributes of the rows, as text: "" if unknown, or if fewer than 10 patients share the value.

    Attributes with one value are left out.
    """
    known = table[["image_id"]].merge(describe_groups(table.drop(columns="fold")), on="image_id")
    patients, found = table.patient_id.to_numpy(), {}
    for name in known.columns.drop(list(NOT_ASKED)):
        values = known[name].to_numpy(str)
        common = [value for value in common_values(values, patients) if value]
        if len(common) > 1:
            found[name] = np.where(np.isin(values, common), values, "")
    return pd.DataFrame(found, index=table.index)


def within_sources(
    material: Material, table: pd.DataFrame, numbers: np.ndarray, truth: np.ndarray, folds: list[Fold]
) -> pd.DataFrame:
    """Return how well classes are told apart within each source that has more than one: by the run, or by a probe."""
    scores = _own_scores(material, table)
    if scores is None:
        scores = probe_folds(numbers, truth, len(material.classes), folds, linear_probe)
    rows, tested = [], (table.fold != "").to_numpy()
    for source, own in table[tested].groupby("source"):
        present = list(common_values(own.label.to_numpy(str), own.patient_id.to_numpy()))
        if len(present) < 2:
            continue
        chosen = own.index[own.label.isin(present)]
        sample = make_probe_sample(scores[chosen], truth[chosen], table.patient_id[chosen], material.classes)
        (skills,) = measure_skills([sample], reference=0)
        for skill in skills:
            if skill.name in present:
                mine = own[own.label == skill.name]
                rows.append((source, skill.name, len(mine), mine.patient_id.nunique(), *skill[2:5]))
    return pd.DataFrame(rows, columns=list(WITHIN))


def _own_scores(material: Material, table: pd.DataFrame) -> np.ndarray | None:
    """Return the run's probabilities, [rows, K], NaN where it has none."""
    if material.run is None:
        return None
    columns = [f"p_{name}" for name in material.classes]
    return material.run.tested.set_index("image_id")[columns].reindex(table.image_id).to_numpy(float)


def _describe_pictures(material: Material) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows that can be read, and their features, or raw pixels."""
    table, seen = see(material, used_rows(material))
    contents = list(table.content)
    folders = find_features(material, seen, ["whole"], contents)
    return table, read_view(folders, "whole", contents) if folders else read_raw(seen, "whole", contents)


def _known_folds(folds: list[Fold], known: np.ndarray) -> list[Fold]:
    kept = [Fold(*(rows[known[rows]] for rows in fold)) for fold in folds]
    return [fold for fold in kept if len(fold.train) and len(fold.test)]


def _utility(
    name: str, values: np.ndarray, truth: np.ndarray, table: pd.DataFrame, classes: tuple[str, ...], folds: list[Fold]
) -> Iterator[tuple]:
    known, codes = values != "", pd.factorize(values)[0]
    for number, label in enumerate(classes):
        own = (truth == number).astype(int)
        area = Area(*[np.nan] * 3)
        if 0 < own[known].mean() < 1:
            area = measure_utility(codes, own, table.patient_id, folds)
        yield name, label, len(set(values[known])), shared_information(own[known], values[known]), *area


def _detectability(
    name: str, values: np.ndarray, numbers: np.ndarray, table: pd.DataFrame, classes: tuple[str, ...], folds: list[Fold]
) -> Iterator[tuple]:
    known, codes = values != "", pd.factorize(values)[0]
    for within in ("", *classes):
        rows = known & (table.label == within if within else True)
        yield name, within, *measure_detectability(numbers, codes, table.patient_id, folds, np.asarray(rows))


def _alignment(
    name: str,
    values: np.ndarray,
    truth: np.ndarray,
    table: pd.DataFrame,
    classes: tuple[str, ...],
    heads: list[FoldFeatures],
) -> Iterator[tuple]:
    known, common = values != "", sorted(set(values) - {""})
    for value in common[1:] if len(common) == 2 else common:
        if heads:
            found = align(heads, values == value, truth, table.patient_id.to_numpy(), known)
            rows = [(name, value, label, *one) for label, one in zip(classes, found, strict=True)]
            yield from rows[1:] if len(classes) == 2 else rows  # of two classes, one is the other with the sign changed


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(p_holm=holm(table.p.to_numpy(float)))
