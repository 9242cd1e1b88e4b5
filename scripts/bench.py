"""Time pxr_tf and a plain Keras pipeline on real data, in one run.

    python scripts/bench.py --data path/chest_xray,path/covid-chestxray-dataset --fullres path/chest_xray_fullres \
        --weights path/mobilenet_2_5_224_tf_no_top.h5

Prints each measure and writes docs/benchmarks.md; `--quick` runs a few measures, in less than three minutes, and leaves
the page. Every run is added to docs/benchmarks.csv, drawn in docs/benchmarks.png, and compared with the last. Measures
run one after another, each in its own process; each waits until the machine does nothing else, a minute at most. The
plain pipeline's frozen phase is timed for a few epochs of one fold and scaled to all folds and epochs (its epochs are
alike); ours is timed whole, from files to predictions.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import bench_history
import measures
import own_networks

FOLDS, EPOCHS, PLAIN_EPOCHS = 5, 20, 3
HAND_ROUNDS = 3
HEAD_ONLY = "phases=[{name: head, train: head, learning_rate: 1.0e-3, max_epochs: 20, patience: null}]"


class Row(NamedTuple):
    """One line of the table."""

    measure: str
    ours: str
    other: str
    result: str
    goal: str


def main() -> None:
    """Run all measures, or in a child process the measure that `--measure` names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folders of the four-class images, comma-separated")
    parser.add_argument("--fullres", default="", help="a Kermany folder at full resolution")
    parser.add_argument("--weights", required=True, help="ImageNet weights of MobileNet, alpha 0.25, without top")
    parser.add_argument("--quick", action="store_true", help="a few measures, in less than three minutes")
    parser.add_argument("--out", default="docs/benchmarks.md")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    needed = ("data", "weights") if options.quick or options.measure else ("data", "fullres", "weights")
    missing = [name for name in needed if not getattr(options, name)]
    if missing:
        wanted = ", ".join(f"{name.upper()}=..." for name in needed)
        parser.error(f"{', '.join(missing)} not given; make bench{' QUICK=1' * options.quick} needs {wanted}")
    if options.measure:
        room = measures if hasattr(measures, options.measure) else own_networks
        result = getattr(room, options.measure)(options.data, options.fullres, options.weights, Path(options.work))
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory(prefix="pxr-bench-") as work:
        rows, quiet = run_all(options, Path(work))
    out = Path(options.out)
    if not options.quick:
        write_page(out, rows)
    keep_history(out, rows, quiet=quiet)


def run_all(options: argparse.Namespace, work: Path) -> tuple[list[Row], bool]:
    """Return the rows of the table, each printed as soon as it is measured, and whether the machine was quiet."""
    rows: list[Row] = []
    quiet = True
    for measure in QUICK if options.quick else MEASURES:
        if not bench_history.wait_until_quiet():
            quiet = False
            print("This machine does other work: the next measure is not comparable.", flush=True)
        for row in measure(options, work):
            rows.append(row)
            goal = f" (goal: {row.goal})" if row.goal else ""
            print(f"{row.measure}: {' | '.join(filter(None, row[1:4]))}{goal}", flush=True)
    return rows, quiet


def keep_history(page: Path, rows: list[Row], *, quiet: bool) -> None:
    """Add the rows to the history next to the page, draw it, and print what became slower."""
    from pxr_tf import machine, rundir

    read = (bench_history.read_point(row.measure, row.result, row.goal) for row in rows)
    commit = rundir.read_commit()
    name = f"{(commit['commit'] or 'unknown')[:10]}{'+' if commit['modified'] else ''}"
    file = page.with_suffix(".csv")
    kind = f"{machine.processor()}, {machine.processors()} processors"
    slower = bench_history.remember(file, [point for point in read if point], commit=name, machine=kind, quiet=quiet)
    bench_history.draw(page.with_suffix(".png"), bench_history.read_history(file))
    print("\n".join(slower or ["Nothing is slower than the last time on such a machine."]))


def frozen_phase(options: argparse.Namespace, work: Path) -> list[Row]:
    seconds = child(options, work, "plain_frozen")
    plain = FOLDS * (seconds[0] + (EPOCHS - 1) * sum(seconds[1:]) / len(seconds[1:]))
    ours = timed(lambda: pxr(options, work, "--set", HEAD_ONLY))
    name = f"training heads on frozen features, from JPEG files: {FOLDS} folds x {EPOCHS} epochs"
    return [Row(name, f"{ours:.0f} s", f"plain Keras: {plain:.0f} s", f"{plain / ours:.1f} x", ">= 25")]


def by_hand(options: argparse.Namespace, work: Path) -> list[Row]:
    """Time ours and an expert's own code (by_hand.py) alternately, from files to the table on the screen."""
    script = [sys.executable, str(Path(__file__).with_name("by_hand.py")), "--data", options.data]
    script += ["--weights", options.weights, "--folds", str(FOLDS), "--epochs", str(EPOCHS)]
    pairs = []
    rounds = 1 if options.quick else HAND_ROUNDS
    for number in range(rounds):
        ours = timed(lambda number=number: pxr(options, work / f"hand-{number}", "--set", HEAD_ONLY))
        pairs.append((ours, timed(lambda: run(script))))
    ours, theirs = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    name = "heads on frozen features, against a script by hand"
    return [
        Row(name, f"{ours:.1f} s", f"by hand: {theirs:.1f} s; medians of {rounds}", f"{theirs / ours:.2f} x", ">= 1.26")
    ]


def again(options: argparse.Namespace, work: Path) -> list[Row]:
    """Time the next run on the same cache: another seed, fewer classes, ten more images."""
    first = timed(lambda: pxr(options, work / "again", "--set", HEAD_ONLY))
    grown = f"{options.data},{child(options, work, 'ten_more')}"
    runs = {
        "with SEED=1, after SEED=0": ["--seed", "1"],
        "for three classes, after four": ["--classes", "bacterial,normal,viral"],
        "after ten images were added": ["--data", grown, "--set", "tag=grown"],
    }
    rows = []
    for what, more in runs.items():
        started = time.perf_counter()
        said = pxr(options, work / "again", "--set", HEAD_ONLY, *more)
        seconds = time.perf_counter() - started
        counts = f"computed: {count(said, 'decoding images')} pictures, {count(said, 'features')} features"
        rows.append(Row(f"the same {what}", f"{seconds:.1f} s", f"first time: {first:.1f} s", counts, ""))
    return rows


def count(said: str, what: str) -> str:
    """Return the total number of `what` in a run's last line of progress."""
    found = re.findall(rf"{what} · [\d,]+ of ([\d,]+)", said)
    return found[-1] if found else "0"


def extraction(options: argparse.Namespace, work: Path) -> list[Row]:
    ours, bare = child(options, work, "extraction")
    other = f"TensorFlow's predict_on_batch: {bare:.2f} s"
    return [Row("feature extraction by LiteRT", f"{ours:.2f} s", other, f"{bare / ours:.2f} x", ">= 1.5")]


def fine_tune(options: argparse.Namespace, work: Path) -> list[Row]:
    rows = []
    for backbone in ("mobilenet_025", "resnet50"):
        ours, bare, images = child(options, work, f"fine_tune_{backbone}")
        name = f"fine-tuning {backbone}, {images:,} images"
        rows.append(Row(name, f"{ours:.2f} s", f"train_on_batch: {bare:.2f} s", f"{ours / bare:.3f}", "<= 1.05"))
    return rows


def own_epoch(options: argparse.Namespace, work: Path) -> list[Row]:
    rows = []
    for network in ("small_cnn", "alrelu_cnn"):
        ours, bare, images = child(options, work, f"epoch_{network}")
        name = f"an epoch of {network}, {images:,} images of {own_networks.SIZE} pixels"
        rows.append(Row(name, f"{ours:.2f} s", f"train_on_batch: {bare:.2f} s", f"{ours / bare:.3f}", "<= 1.05"))
    return rows


def own_from_files(options: argparse.Namespace, work: Path) -> list[Row]:
    rows = []
    for network in ("small_cnn", "alrelu_cnn"):
        ours, keras, images = child(options, work, f"files_{network}")
        name = f"{network}, {own_networks.EPOCHS} epochs from {images} full-resolution files"
        rows.append(Row(name, f"{ours:.1f} s", f"plain Keras: {keras:.1f} s", f"{keras / ours:.2f} x", ">= 2"))
    return rows


def regression(options: argparse.Namespace, work: Path) -> list[Row]:
    seconds, images, iterations, how = child(options, work, "regression")
    size = own_networks.SIZE
    name = f"logistic regression ({how}) on {images:,} images of {size} x {size}"
    return [Row(name, f"{seconds:.0f} s", f"{iterations} iterations", f"{seconds:.0f} s", "<= 180 s")]


def pipeline(options: argparse.Namespace, work: Path) -> list[Row]:
    ours, bare = child(options, work, "pipeline")
    name = "input pipeline, shuffled batches of 32"
    return [Row(name, f"{ours:,.0f} images/s", f"NumPy indexing: {bare:,.0f} images/s", f"{ours / bare:.2f}", ">= 0.5")]


def store(options: argparse.Namespace, work: Path) -> list[Row]:
    rows = []
    for measure, what in (("store", "different"), ("store_of_copies", "the same")):
        ours, keras = child(options, work, measure)
        name = f"decoding and storing 45 large pictures, each in 20 files of {what} bytes"
        rows.append(Row(name, f"{ours:.2f} s", f"Keras's loader: {keras:.2f} s", f"{keras / ours:.2f} x", ">= 1.3"))
    return rows


def starts(options: argparse.Namespace, work: Path) -> list[Row]:
    again = best_of(3, lambda: pxr(options, work / "hand-0", "--set", HEAD_ONLY))  # `by_hand` has finished it
    helped = best_of(5, lambda: run([sys.executable, "-m", "pxr_tf.cli", "--help"]))
    return [
        Row("starting a finished run again", f"{again:.2f} s", "", f"{again:.2f} s", "<= 2 s"),
        Row("pxr --help", f"{helped:.2f} s", "", f"{helped:.2f} s", "<= 0.5 s"),
    ]


def memory(options: argparse.Namespace, work: Path) -> list[Row]:
    peak = child(options, work, "memory")
    return [Row("peak memory, strategy 2 on all images", f"{peak:.2f} GB", "", f"{peak:.2f} GB", "<= 2.5 GB")]


MEASURES = (
    *(frozen_phase, by_hand, again, extraction, fine_tune, own_epoch, own_from_files, regression),
    *(pipeline, store, starts, memory),
)


QUICK = (by_hand, extraction, starts)


def child(options: argparse.Namespace, work: Path, measure: str):
    """Run a measure in its own process and return its result."""
    command = [sys.executable, __file__, "--data", options.data, "--fullres", options.fullres]
    command += ["--weights", options.weights, "--work", str(work), "--measure", measure]
    return json.loads(run(command).splitlines()[-1])


def pxr(options: argparse.Namespace, work: Path, *more: str) -> str:
    """Run ``pxr cv`` with MobileNet under strategy 2 on the real images."""
    command = [sys.executable, "-m", "pxr_tf.cli", "cv", "--model", "mobilenet_025", "--strategy", "2"]
    return run([*command, "--data", options.data, "--weights", options.weights, "--runs", str(work / "runs"), *more])


def run(command: list[str]) -> str:
    """Return a command's standard output; if it fails, exit with its errors."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def timed(action: Callable[[], object]) -> float:
    """Return how long an action takes, in seconds."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def best_of(times: int, action: Callable[[], object]) -> float:
    """Return the shortest of several durations, in seconds."""
    return min(timed(action) for _ in range(times))


def write_page(path: Path, rows: list[Row]) -> None:
    """Write the table as Markdown."""
    from pxr_tf import files, rundir

    lines = [
        "# Benchmarks",
        "",
        f"`make bench` ran on {rundir.now()[:10]} on {os.cpu_count()} cores. The backbone is mobilenet_025, unless the",
        "row names another network. `x` means that ours is so many times as fast. A result without `x` is our time",
        "(or speed) divided by the other. *Plain Keras* is `scripts/plain_keras.py`, *by hand* `scripts/by_hand.py`,",
        "and *Keras's loader* `image_dataset_from_directory`.",
    ]
    lines += ["", "| measure | ours | compared with | result | goal |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += [
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in rundir.versions().items()) + ".",
        "",
    ]
    lines += [
        f"Plain Keras trained heads for {PLAIN_EPOCHS} epochs of one fold; its time is scaled to all folds and epochs.",
        "Its small networks decode the files in every epoch.",
        "",
        "`make bench QUICK=1` takes less than three minutes. Each run is added to [benchmarks.csv](benchmarks.csv):",
        "",
        "![Each measure over the runs, relative to its first](benchmarks.png)",
        "",
    ]
    files.write_text(path, "\n".join(lines))


if __name__ == "__main__":
    main()
