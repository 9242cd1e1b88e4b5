"""How runs stand, finished or not: what their files say, and whether the command that runs them is alive."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pxr_tf import leases
from pxr_tf.errors import PxrError
from pxr_tf.evidence.summary import RunSummary, summarise_folder
from pxr_tf.runs.status import BEAT, DONE, RUNNING, RunStatus, read_status

WATCH = 2 * BEAT  # seconds to wait for a sign of life from a command on another machine
LOOK = 0.5  # seconds between looks


class Standing(NamedTuple):
    """How one run stands."""

    run: RunSummary
    status: RunStatus | None  # None: no command wrote one, e.g. of an older version
    alive: bool  # whether the command that wrote it still works

    @property
    def words(self) -> str:
        """Return its state in a word or two."""
        if self.run.finished:
            return "finished"
        if self.alive:
            return "running"
        return "stopped" if self.run.folds_done or self.status else "not begun"

    @property
    def seconds_left(self) -> float | None:
        """Return the seconds that the other tasks need if they take as long as those done; None if unknown."""
        if not self.alive or self.status is None:
            return None
        took = [task.seconds for task in self.status.tasks if task.state == DONE and task.name.startswith("fold-")]
        left = sum(task.state not in (DONE, "failed") for task in self.status.tasks)
        at_once = max(1, self.status.count(RUNNING))
        return sum(took) / len(took) * left / at_once if took else None


def find_standings(folder: Path) -> list[Standing]:
    """Return how every run in or below a folder stands; wait up to `WATCH` seconds for commands of other machines.

    A command of this machine is looked for among its processes. Another is alive if its file changes meanwhile; no
    clocks are compared. Raises `PxrError` if a status cannot be read.
    """
    runs = summarise_folder(folder)
    statuses = [None if run.fault else read_status(run.folder) for run in runs]
    alive = [_is_alive(status) for status in statuses]
    if None in alive:
        _watch(runs, statuses, alive)
    return [Standing(*one) for one in zip(runs, statuses, map(bool, alive), strict=True)]


def _is_alive(status: RunStatus | None) -> bool | None:
    """Return whether a command works; None if only time can tell, as it runs on another machine."""
    if status is None or status.ended:
        return False
    if status.kernel != leases.kernel():
        return None
    try:
        os.kill(status.process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _watch(runs: Sequence[RunSummary], statuses: list[RunStatus | None], alive: list[bool | None]) -> None:
    """Decide by whether the files change."""
    until = time.monotonic() + WATCH
    while None in alive and time.monotonic() < until:
        time.sleep(LOOK)
        for place, known in enumerate(alive):
            if known is None:
                found = read_status(runs[place].folder)
                if found is not None and found.beat != statuses[place].beat:
                    statuses[place], alive[place] = found, not found.ended


def check_folder(folder: Path) -> None:
    """Raise `PxrError` unless it is a folder."""
    if not folder.is_dir():
        raise PxrError(f"FOLDER received {str(folder)!r}, which is not a folder. Accepted: RUNS, or a folder in it.")
