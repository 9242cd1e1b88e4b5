"""For the conftest of a test folder without TensorFlow: its import fails there, even if it was loaded before."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

HEAVY = ("tensorflow", "keras")


@contextmanager
def without_tensorflow() -> Iterator[None]:
    """Make every import of TensorFlow or Keras in the block an ImportError; restore loaded modules afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name in HEAVY:
            patch.setitem(sys.modules, name, None)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Import the folder's test files without TensorFlow."""
    with without_tensorflow():
        return (yield)


@pytest.fixture(autouse=True)
def no_tensorflow():
    """Run the folder's tests without TensorFlow."""
    with without_tensorflow():
        yield
