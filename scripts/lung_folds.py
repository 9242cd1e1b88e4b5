"""Measure how well lungs are found: ``python scripts/lung_folds.py ATLAS [--builtin | --network] [--change JPEG ...]``.

ATLAS is a folder of pairs (images/, masks/). Each pair's lungs are found with the atlas of the other folds' pairs, with
a network trained on those pairs, or with the built-in atlas, which has seen none of them. Each network takes
minutes and is kept below RUNS/lungs.
"""

import argparse
from functools import partial
from pathlib import Path

import pandas as pd
from lung_measures import CHANGES, NUM_FOLDS, fold_atlases, measure_pairs, summarise_measures

from pxr_tf.lungs.atlas import LungPair, builtin_atlas
from pxr_tf.lungs.find import LungFinder
from pxr_tf.lungs.network import TRAINING_STEPS, LungNetwork, read_network, write_network
from pxr_tf.pictures.lung_atlas import read_pairs
from pxr_tf.segment.train import describe_training


def main() -> None:
    """Print a line per change of the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("atlas", type=Path)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--builtin", action="store_true", help="find them with the atlas of phantoms")
    way.add_argument("--network", action="store_true", help="find them with a network per fold")
    parser.add_argument("--steps", type=int, default=TRAINING_STEPS, help="training steps of a network")
    parser.add_argument("--change", nargs="*", choices=list(CHANGES), default=list(CHANGES))
    parser.add_argument("--folds", type=int, default=NUM_FOLDS)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder whose cache has the built-in atlas")
    given = parser.parse_args()
    pairs = list(read_pairs(given.atlas).values())
    atlases = open_atlases(given, pairs)
    measures: dict[str, pd.DataFrame] = {}
    for change in given.change:
        measures[change] = measure_pairs(pairs, atlases, change)
        line = summarise_measures({change: measures[change]}).round(4)
        print(line.to_string(header=len(measures) == 1), flush=True)


def open_atlases(given: argparse.Namespace, pairs: list[LungPair]) -> list[LungFinder]:
    """Return a lung finder for each pair."""
    if given.builtin:
        return [builtin_atlas(given.runs / "cache")] * len(pairs)
    if given.network:
        return fold_atlases(pairs, given.folds, build=partial(train, runs=given.runs, steps=given.steps))
    return fold_atlases(pairs, given.folds)


def train(pairs: list[LungPair], runs: Path, steps: int) -> LungNetwork:
    """Return a network trained on these pairs, from the disk if it is there."""
    about = describe_training(pairs, steps, 0)
    file = runs / "lungs" / f"{about['digest']}-{steps}-unet.npz"
    if not file.exists() or read_network(file).about != about:
        from pxr_tf.segment.train_task import train_network

        write_network(file, train_network(pairs, about, show_progress))
    return read_network(file)


def show_progress(done: int, steps: int, loss: float) -> None:
    """Print the progress of training every 100 steps."""
    if done % 100 == 0 or done == steps:
        print(f"step {done} of {steps}, loss {loss:.3f}", flush=True)


if __name__ == "__main__":
    main()
