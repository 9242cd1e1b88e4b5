"""The history of the benchmarks: docs/benchmarks.csv, a figure of it, and what became slower since the last time."""

import re
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pandas as pd

COLUMNS = ("date", "commit", "machine", "quiet", "measure", "value", "unit", "better")
SLOWER = 0.05  # a measure that is worse by more than this part is told
LOOK, PATIENCE, IDLE = 1.0, 60.0, 0.9  # seconds of one look at the processors, and of all; share that must be idle


class Point(NamedTuple):
    """One measure of one run."""

    measure: str
    value: float
    unit: str  # x, s, GB or "": a ratio of times
    better: str  # higher, lower


def read_point(measure: str, result: str, goal: str) -> Point | None:
    """Return the number in a row's result; None if it has none: ``1.32 x``, ``2.81 s``, ``0.76``."""
    found = re.fullmatch(r"([\d.]+)(?: (x|s|GB))?", result)
    if found is None:
        return None
    return Point(measure, float(found[1]), found[2] or "", "higher" if goal.startswith(">=") else "lower")


def wait_until_quiet() -> bool:
    """Wait until the processors are idle; return False if they are not within `PATIENCE` seconds."""
    until = time.monotonic() + PATIENCE
    while True:
        before = _processor_times()
        time.sleep(LOOK)
        total, idle = (now - then for now, then in zip(_processor_times(), before, strict=True))
        if total == 0 or idle / total >= IDLE:
            return True
        if time.monotonic() > until:
            return False


def _processor_times() -> tuple[int, int]:
    """Return (all, idle) ticks of the processors since the start; zeros where Linux does not tell."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0, 0
    ticks = [int(word) for word in stat.read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]  # idle, and waiting for a disk


def remember(file: Path, points: list[Point], *, commit: str, machine: str, quiet: bool) -> list[str]:
    """Append the points to the history; return a line for each that is worse than the last on this machine."""
    history = read_history(file)
    rows = [(date.today().isoformat(), commit, machine, "yes" if quiet else "no", *point) for point in points]
    slower = [line for point in points if (line := _compare(point, history, machine))]
    added = pd.DataFrame(rows, columns=COLUMNS)
    (pd.concat([history, added]) if len(history) else added).to_csv(file, index=False)
    return slower


def read_history(file: Path) -> pd.DataFrame:
    """Return the history, empty if there is none yet."""
    return pd.read_csv(file, keep_default_na=False) if file.exists() else pd.DataFrame(columns=list(COLUMNS))


def _compare(point: Point, history: pd.DataFrame, machine: str) -> str:
    """Return what became worse since the last quiet run on the same kind of machine; "" if nothing did."""
    known = history[(history.measure == point.measure) & (history.machine == machine) & (history.quiet == "yes")]
    if known.empty:
        return ""
    last = known.iloc[-1]
    before = float(last.value)
    change = before / point.value - 1 if point.better == "higher" else point.value / before - 1
    if change <= SLOWER:
        return ""
    unit = f" {point.unit}".rstrip()
    return f"Slower than on {last.date} ({last.commit}): {point.measure}: {before:g}{unit} -> {point.value:g}{unit}"


def draw(file: Path, history: pd.DataFrame) -> None:
    """Draw each measure over the runs, divided by its first value; above 1 is better. Open circles: not quiet.

    A single run is not drawn.
    """
    runs = list(dict.fromkeys(zip(history.date, history.commit, strict=True)))
    if len(runs) < 2:
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 5), layout="constrained")
    for measure, rows in history.groupby("measure", sort=False):
        value = rows.value.astype(float)
        gain = value / value.iloc[0] if rows.better.iloc[0] == "higher" else value.iloc[0] / value
        places = [runs.index(run) for run in zip(rows.date, rows.commit, strict=True)]
        (line,) = axes.plot(places, gain, label=measure[:60])
        faces = [line.get_color() if quiet == "yes" else "white" for quiet in rows.quiet]
        axes.scatter(places, gain, c=faces, edgecolors=line.get_color(), zorder=3)
    axes.set_xticks(range(len(runs)), [f"{day}\n{commit[:7]}" for day, commit in runs])
    axes.set_ylabel("relative to the first run (above 1: better)")
    axes.axhline(1.0, color="grey", linewidth=0.8)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
