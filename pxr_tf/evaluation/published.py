"""The papers' own figures, to stand beside ours. Facts with notes: `published_results.yaml`."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pxr_tf.files import reading

FILE = Path(__file__).with_name("published_results.yaml")
SWAPPED = (
    "The paper prints its precision and sensitivity the other way round, as its own accuracies show: on test folds "
    "with equally many images per class accuracy is the mean sensitivity, and in 10 of 12 cells it equals the mean of "
    "the printed precision to two decimals. Its two columns are exchanged here."
)


class Cell(NamedTuple):
    """One cell of a published table, as fractions (0-1), columns put right."""

    accuracy: float
    sensitivity: dict[str, float]
    precision: dict[str, float]
    f1: dict[str, float]


@cache
def published_results() -> dict[str, Any]:
    """Return the whole file."""
    with reading(FILE):
        return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def find_cell(paper: str | None, backbone: str, variant: str) -> Cell | None:
    """Return the paper's figures for a backbone under a variant (``strategy1`` …), or None where it has none."""
    entry = published_results().get(paper or "", {})
    row = entry.get("cells", {}).get(backbone, {})
    cell = next((cell for strategy, cell in row.items() if _variant_of(strategy) == variant), None)
    if cell is None:
        return None

    def by_class(values: list[float], unit: float) -> dict[str, float]:
        return {name: value / unit for name, value in zip(entry["class_order"], values, strict=True)}

    return Cell(  # "precision" and "sensitivity" exchanged: see SWAPPED
        accuracy=cell["accuracy"] / 100,
        sensitivity=by_class(cell["precision"], 100),
        precision=by_class(cell["sensitivity"], 100),
        f1=by_class(cell["f1"], 1),
    )


def paper_classes(paper: str | None) -> tuple[str, ...]:
    """Return the classes of the paper's cells; none for a paper without cells."""
    entry = published_results().get(paper or "", {})
    return tuple(entry["class_order"]) if "cells" in entry else ()


def best_cell(paper: str | None) -> tuple[str, str, float] | None:
    """Return (backbone, variant, accuracy) of the paper's highest accuracy, or None."""
    cells = published_results().get(paper or "", {}).get("cells", {})
    rows = [
        (backbone, _variant_of(strategy), cell["accuracy"] / 100)
        for backbone, row in cells.items()
        for strategy, cell in row.items()
    ]
    return max(rows, key=lambda row: row[2], default=None)


def _variant_of(strategy: int) -> str:
    """Return the variant's name in our recipes; the file numbers strategies as the paper does."""
    return f"strategy{strategy}"
