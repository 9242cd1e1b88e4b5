"""What a node says of itself: versions, processor, disks, and which folders it shares with the driver."""

import shutil
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pxr_tf import files, locks, machine, rundir
from pxr_tf.executors.offers import Offer, examine

SOURCE = Path(__file__).parents[1]
EXTRAS = ("ai-edge-litert",)  # it computes features, where it is installed


def describe_here(offers: Sequence[tuple[str, str]], name: str) -> dict[str, Any]:
    """Return the facts of this machine, plain values; `offers` are folders with their words, `name` is this node's."""
    locks.share()
    return {
        **describe_code(),
        "processor": machine.processor(),
        "free": {place: shutil.disk_usage(place).free for place in ("/tmp",)},
        "apart": {made.folder: why for made in (Offer(*one) for one in offers) if (why := examine(made, name))},
    }


@cache
def digest_code() -> str:
    """Return a digest of `describe_code`; two machines with the same one compute the same."""
    return files.digest(*describe_code().items())


def describe_code() -> dict[str, Any]:
    """Return the versions that decide numbers, and a digest of this package's files."""
    texts = ((file.relative_to(SOURCE).as_posix(), files.digest_file(file)) for file in sorted(SOURCE.rglob("*.py")))
    versions = rundir.versions() | {
        name: metadata.version(name) for name in EXTRAS if find_spec(name.replace("-", "_"))
    }
    return {"versions": versions, "source": files.digest(*(word for pair in texts for word in pair))}
