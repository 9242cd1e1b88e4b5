"""Where a run's numbers come from, as its ``provenance.json`` says."""

from pathlib import Path
from typing import Any

from pxr_tf import files, rundir
from pxr_tf.errors import PxrError


def read_provenance(folder: Path) -> dict[str, Any]:
    """Return where a run's numbers come from; raise `PxrError` if that cannot be read."""
    remedy = "Use another folder (RUNS=...), or delete this one."
    try:
        provenance = files.read_json(folder / rundir.PROVENANCE)
    except ValueError:
        provenance = None
    if not isinstance(provenance, dict):
        raise PxrError(
            f"{folder} has no {rundir.PROVENANCE} that can be read, so nobody knows what it was made of. {remedy}"
        )
    missing = [key for key in ("weights", "data", "data_digest", "duplicates", "files") if key not in provenance]
    if missing:
        raise PxrError(
            f"{folder} was made by another version of pxr_tf ({rundir.PROVENANCE} has no {missing[0]!r}), so it cannot "
            f"be continued. {remedy}"
        )
    return provenance
