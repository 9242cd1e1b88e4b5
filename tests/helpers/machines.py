"""Other machines that share our folders: processes that believe to run on another kernel, and that have no flock."""

import subprocess
import sys
from pathlib import Path

AS_MACHINE = """
import errno, fcntl, sys
from pathlib import Path
import numpy as np
from pxr_tf import arrays, leases, locks
leases.PATIENCE, leases.BEAT, locks.PAUSE = {patience}, {beat}, 0.01
leases.kernel = lambda: {name!r}
def flock(*words):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
locks.share()
place = Path({place!r})
"""


def start_machine(name: str, place: Path, script: str, *, patience: float = 1.0, beat: float = 0.1) -> subprocess.Popen:
    """Start a script on another machine; it has `place`, `arrays`, `locks`, `np`. Its output is a pipe."""
    before = AS_MACHINE.format(name=name, place=str(place), patience=patience, beat=beat)
    return subprocess.Popen(
        [sys.executable, "-c", before + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def output_of(process: subprocess.Popen) -> str:
    """Wait for a script, and return what it printed; it must not fail."""
    said, wrong = process.communicate(timeout=60)
    assert process.returncode == 0, wrong
    return said
