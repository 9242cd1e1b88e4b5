"""A finished run for the tests of this room, written as files in milliseconds."""

from pathlib import Path

import pytest
from written_runs import write_run

from pxr_tf import rundir


@pytest.fixture
def written(tmp_path) -> Path:
    """The run directory of a finished run of two folds, without models, below ``runs`` with a cache."""
    (tmp_path / "runs" / rundir.CACHE).mkdir(parents=True)
    return write_run(rundir.run_directory(tmp_path / "runs", "phantom", "strategy2-xception", "folds", 0))
