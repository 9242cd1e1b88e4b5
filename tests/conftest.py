"""Shared by all tests: property tests draw the same examples each time, and no test reaches a network.

`tiny` is imported where it is used, as it loads pandas and OpenCV: the tests of recipes save that second.
"""

import gc
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from slow_parts import part_of, read_part

from pxr_tf.executors.local import QUIET
from pxr_tf.models.backbones import BACKBONES

for name, value in QUIET.items():  # before anything imports TensorFlow
    os.environ.setdefault(name, value)

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")
# For `make mutants`: the first failing example is enough; shrinking it took eight seconds.
settings.register_profile("mutants", settings.get_profile("same"), phases=[Phase.explicit, Phase.generate])


def pytest_addoption(parser):
    parser.addoption("--slow-part", metavar="K/N", help="run only the K-th of N parts of the slow tests (-m slow)")


def pytest_configure(config):
    if config.getoption("--slow-part"):
        try:
            read_part(config.getoption("--slow-part"))
        except ValueError as fault:
            raise pytest.UsageError(str(fault)) from None


def pytest_collection_modifyitems(config, items):
    """Deselect the slow tests of other parts."""
    if not config.getoption("--slow-part"):
        return
    part, parts = read_part(config.getoption("--slow-part"))
    others = [item for item in items if "slow" in item.keywords and part_of(item.nodeid, parts) != part]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Fail a test that tries to find or reach another machine."""

    def refuse(*address, **options):
        raise AssertionError(f"a test tried to reach {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def set_aside() -> set[str]:
    """The marks of what `light_collections` did in this process."""
    return set()


@pytest.fixture(autouse=True)
def light_collections(set_aside):
    """Exclude TensorFlow's objects from garbage collection: Keras collects for every network, in 0.2 s with them.

    A mark records that it was done: `gc.get_freeze_count` takes 0.04 s, for all tests a fifth of their time.
    """
    if not set_aside and sys.modules.get("tensorflow"):
        gc.freeze()
        set_aside.add("tensorflow")


@pytest.fixture
def keras_models(tmp_path, monkeypatch):
    """The folder to which Keras downloads weights, empty, in this process and in its child processes."""
    (tmp_path / "keras" / "models").mkdir(parents=True)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))  # read when it was imported
    return tmp_path / "keras" / "models"


@pytest.fixture
def offline(keras_models, monkeypatch):
    """Act as a machine without a network that has never downloaded anything."""

    def no_such_name(*address, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    """Phantoms of 22 patients in the public layouts: the folders for DATA."""
    from tiny import write_tiny_phantoms

    return write_tiny_phantoms(tmp_path_factory.mktemp("data") / "phantoms")


@pytest.fixture(scope="session")
def official_phantoms(tmp_path_factory):
    """Phantoms of three classes of 14 patients each, with an official test part: the folder for DATA."""
    from tiny import write_tiny_phantoms

    patients = dict.fromkeys(("bacterial", "normal", "viral"), 14)
    return write_tiny_phantoms(tmp_path_factory.mktemp("data") / "phantoms", patients=patients)[0]


@pytest.fixture
def two_layers(monkeypatch):
    """Register the two-layer backbone for commands and folds; return its name."""
    from tiny import TWO_LAYERS

    monkeypatch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
    return "two_layers"


@pytest.fixture(scope="session")
def finished_run(phantoms, tmp_path_factory):
    """The run directory of the tiny recipe with strategy 2, run once. Do not change it; use `own_copy`."""
    from tiny import TWO_LAYERS, run_here, tiny_experiment

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
        return run_here(tiny_experiment(), phantoms, tmp_path_factory.mktemp("finished"))


@pytest.fixture
def own_copy(finished_run, tmp_path, two_layers):
    """The run directory of a copy of the finished run, with its cache; a test may damage it."""
    from tiny import RUN_DEPTH

    runs = finished_run.parents[RUN_DEPTH - 1]
    shutil.copytree(runs, tmp_path / "runs")
    return tmp_path / "runs" / finished_run.relative_to(runs)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the public data sets: chest_xray, covid-chestxray-dataset and others."""
    if not os.environ.get("PXR_DATA"):
        pytest.skip("set PXR_DATA to the folder with chest_xray and covid-chestxray-dataset to run this test")
    return Path(os.environ["PXR_DATA"])
