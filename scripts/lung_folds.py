"""Measure how well lungs are found: ``python scripts/lung_folds.py ATLAS [--builtin] [--change JPEG ...]``.

ATLAS is a folder of pairs (images/, masks/). Each pair's lungs are found with the atlas of the other folds' pairs, or
with the built-in one, which has seen none of them.
"""

import argparse
from pathlib import Path

import pandas as pd

from pxr_tf.lungs.builtin import builtin_atlas
from pxr_tf.lungs.check import CHANGES, FOLDS, fold_atlases, measure_pairs, summarise_measures
from pxr_tf.pictures.lung_atlas import read_pairs


def main() -> None:
    """Print a line per change of the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("atlas", type=Path)
    parser.add_argument("--builtin", action="store_true", help="find them with the atlas of phantoms")
    parser.add_argument("--change", nargs="*", choices=list(CHANGES), default=list(CHANGES))
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="its cache holds the built-in atlas")
    given = parser.parse_args()
    pairs = list(read_pairs(given.atlas).values())
    atlases = [builtin_atlas(given.runs / "cache")] * len(pairs) if given.builtin else fold_atlases(pairs, given.folds)
    measures: dict[str, pd.DataFrame] = {}
    for change in given.change:
        measures[change] = measure_pairs(pairs, atlases, change)
        line = summarise_measures({change: measures[change]}).round(4)
        print(line.to_string(header=len(measures) == 1), flush=True)


if __name__ == "__main__":
    main()
