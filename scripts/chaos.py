"""Kill parts of a cluster at random while a grid runs, and compare its bytes with a grid that nobody disturbed.

``python scripts/chaos.py FOLDER [--kills 10] [--seed 0]`` as root; FOLDER must not exist. It uses scripts/two_nodes.sh.
Each kill hits a worker, the second node, the head (and so both nodes) or the command. The same command is run again
where it has ended. At the end: the tables that differ, and the folds that were trained again after they had finished.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from pxr_tf.config import configs_folder

ROOT = Path(__file__).resolve().parents[1]
NODES = ROOT / "scripts" / "two_nodes.sh"
WAIT = (4.0, 14.0)  # seconds between kills
TIMES = ("history.csv", "manifest.csv")  # tables with seconds or paths
VARIABLES = {**os.environ, "NODES": "pxrc", "SUBNET": "10.78.9", "PORT": "6409", "PYTHON": sys.executable}
VARIABLES["PYTHONPATH"] = str(ROOT)


def write_recipe(file: Path) -> None:
    """Write a grid of five head-only cells and one that trains the whole network."""
    text = configs_folder().joinpath("phantom.yaml").read_text()
    whole = text[text.index("  strategy1:") : text.index("  strategy2:")]
    head = "{{name: head, train: head, learning_rate: {rate}, max_epochs: 30, patience: null}}"
    cells = [f"  strategy{n}:\n    phases:\n      - {head.format(rate=n / 1000)}\n" for n in range(2, 7)]
    file.write_text(
        re.sub(r"name: phantom", "name: chaos", text[: text.index("  strategy1:")]) + whole + "".join(cells)
    )


def nodes(*words: str) -> None:
    """Call scripts/two_nodes.sh."""
    subprocess.run([NODES, *words], env=VARIABLES, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def grid(folder: Path, runs: str, *, cluster: bool) -> subprocess.Popen:
    """Start the grid; its output goes to a log."""
    words = ["--config", folder / "chaos.yaml", "--models", "mobilenet_025", "--strategies", "1,2,3,4,5,6"]
    words += ["--runs", folder / runs, "--set", "training.threads=1"]
    words += ["--executor", "ray", "--address", f"{VARIABLES['SUBNET']}.1:{VARIABLES['PORT']}"] if cluster else []
    before = [NODES, "run"] if cluster else []
    command = [*before, sys.executable, "-m", "pxr_tf.cli", "grid", *words]
    with open(folder / f"{runs}.log", "ab") as log:
        return subprocess.Popen(
            [str(word) for word in command], env=VARIABLES, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )


def kill_worker() -> None:
    """Kill the process that computes a task, on any node."""
    found = subprocess.run(
        ["pgrep", "-f", "pxr_tf.executors.worker.*--shared"], capture_output=True, text=True, check=False
    )
    if found.stdout.split():
        os.kill(int(random.choice(found.stdout.split())), signal.SIGKILL)


def disturb(what: str, command: subprocess.Popen) -> None:
    """Kill something, and start again what a person would start again."""
    if what == "worker":
        kill_worker()
    elif what == "node":
        nodes("kill", "b")
        time.sleep(random.uniform(0, 10))
        nodes("start", "b")
    elif what == "head":
        nodes("kill", "a")
        nodes("kill", "b")
        time.sleep(random.uniform(0, 5))
        nodes("start", "a")
        nodes("start", "b")
    else:
        os.killpg(command.pid, signal.SIGKILL)


def finished(runs: Path) -> dict[Path, int]:
    """Return when each fold was finished."""
    return {file: file.stat().st_mtime_ns for file in runs.rglob("fold-*/predictions.csv")}


def tables(runs: Path) -> dict[str, bytes]:
    """Return the bytes of all tables by path."""
    files = (file for file in runs.rglob("*.csv") if "cache" not in file.parts and file.name not in TIMES)
    return {str(file.relative_to(runs)): file.read_bytes() for file in files}


def run_disturbed(folder: Path, kills: int) -> int:
    """Run the grid until it is finished, with as many kills; return how many folds were trained twice."""
    command, done, again = grid(folder, "cluster", cluster=True), {}, 0
    while True:
        try:
            command.wait(timeout=random.uniform(*WAIT))
            if command.returncode == 0:
                return again
            command = grid(folder, "cluster", cluster=True)
        except subprocess.TimeoutExpired:
            if not kills:
                continue
            kills -= 1
            what = random.choice(["worker", "node", "head", "command"])
            now = finished(folder / "cluster")
            again += sum(now.get(file, when) != when for file, when in done.items())
            done |= now
            print(f"{time.strftime('%H:%M:%S')} kill {what:8s} {len(now)} of 30 folds finished", flush=True)
            disturb(what, command)


def main() -> None:
    """Disturb a grid, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    options.folder.mkdir(parents=True)
    write_recipe(options.folder / "chaos.yaml")
    nodes("up")
    try:
        again = run_disturbed(options.folder, options.kills)
    finally:
        nodes("down")
    if grid(options.folder, "local", cluster=False).wait():
        sys.exit(f"The undisturbed grid failed; see {options.folder / 'local.log'}.")
    ours, theirs = tables(options.folder / "cluster"), tables(options.folder / "local")
    differ = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    print(f"{len(theirs)} tables, {len(differ)} differ {differ[:5]}; {again} finished folds were trained again")
    sys.exit(1 if differ or again else 0)


if __name__ == "__main__":
    main()
