"""The classes that an experiment distinguishes.

Rows become an experiment's images in these steps, each a function of rows:

1. `patients.add_content`      add the digest of each file
2. `patients.merge_patients`   merge ids of one patient, before the images that show it may be left out
3. `merge_labels`              merge labels into classes
4. `keep_classes`              keep the classes that count
5. `patients.drop_duplicates`  drop copies; copies whose labels were merged no longer contradict each other
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from pxr_tf.errors import PxrError, nearest, shorten


def merge_labels(table: pd.DataFrame, merge: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return the table with the labels of each class in `merge` replaced by its name; all other labels stay.

    ``merge_labels(table, {"pneumonia": ["bacterial", "viral"]})``. Raises `PxrError` if a label is not in the data
    or is merged into two classes, or if a merged class has the name of a label that is not one of its parts.
    """
    found = sorted(table.label.unique())
    new_names: dict[str, str] = {}
    for name, parts in merge.items():
        for label in parts:
            if label not in found:
                raise PxrError(
                    f"The merged class {name} includes {label!r}, which is not in the data; classes found: "
                    f"{shorten(found, 10) or 'none'}.{nearest(label, found)}"
                )
            if new_names.setdefault(label, name) != name:
                raise PxrError(
                    f"{label} is merged into both {new_names[label]} and {name}; only one merged class can "
                    "have it. Remove it from one of them."
                )
    for name, parts in merge.items():
        if name in found and name not in parts:
            raise PxrError(
                f"The merged class {name} has the name of a label in the data that is not one of its parts. Give it "
                f"another name, or add {name} to its parts ({', '.join(parts)})."
            )
    return table.assign(label=table.label.map(lambda label: new_names.get(label, label)))


def keep_classes(
    table: pd.DataFrame, classes: Sequence[str], merge: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (kept, left out) by label; raise `PxrError` if one of the classes has no image.

    `merge` says which labels became a class (`merge_labels`); the message offers the classes that have images.
    """
    counts = table.label.value_counts()
    empty = [name for name in classes if name not in counts]
    if empty:
        fewer = _offer_fewer([name for name in classes if name in counts], merge)
        found = ", ".join(f"{name} ({count})" for name, count in counts.items()) or "none"
        merged = _could_be_merged(classes, empty, counts.index)
        raise PxrError(
            f"No image of class {shorten(empty)} in the data; classes found: {found}. The experiment needs "
            f"{', '.join(classes)}: add a data set that has them (DATA=a,b){merged}{fewer}."
        )
    kept = table.label.isin(classes)
    return table[kept].reset_index(drop=True), table[~kept].reset_index(drop=True)


def _offer_fewer(there: Sequence[str], merge: Mapping[str, Sequence[str]]) -> str:
    """Return advice to use only the classes that have images; empty if that is fewer than two."""
    names = sorted(there, key=lambda name: name != "normal")  # stable: the healthy class first, as people write it
    written = [f"{name}={'+'.join(merge[name])}" if name in merge else name for name in names]
    return f", or leave out what is missing: CLASSES={','.join(written)}" if len(there) > 1 else ""


def _could_be_merged(classes: Sequence[str], empty: Sequence[str], found: Iterable[str]) -> str:
    """Return advice to merge unused labels into the one class without images; empty if that is not possible."""
    others = sorted(label for label in found if label not in classes)
    if len(empty) > 1 or not others:
        return ""
    parts = "+".join(others)
    return f", or merge labels into it: CLASSES={','.join(f'{c}={parts}' if c in empty else c for c in classes)}"
