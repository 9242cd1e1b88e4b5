"""What all tests share: property tests draw the same examples each time, and nothing reaches a network.

`tiny` is imported where it is used, for it brings pandas and OpenCV: a second that the tests of recipes do without.
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
# For `make mutants`: the first failing example is enough, and making it smaller took eight seconds.
settings.register_profile("mutants", settings.get_profile("same"), phases=[Phase.explicit, Phase.generate])


def pytest_addoption(parser):
    parser.addoption("--slow-part", metavar="K/N", help="of the slow tests (-m slow) only the K-th of N parts")


def pytest_configure(config):
    if config.getoption("--slow-part"):
        try:
            read_part(config.getoption("--slow-part"))
        except ValueError as fault:
            raise pytest.UsageError(str(fault)) from None


def pytest_collection_modifyitems(config, items):
    """Leave out the slow tests of other parts."""
    if not config.getoption("--slow-part"):
        return
    part, parts = read_part(config.getoption("--slow-part"))
    others = [item for item in items if "slow" in item.keywords and part_of(item.nodeid, parts) != part]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Make every attempt to find or reach another machine a failure of the test."""

    def refuse(*address, **options):
        raise AssertionError(f"a test tried to reach {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def set_aside() -> set[str]:
    """What of `light_collections` was done in this process."""
    return set()


@pytest.fixture(autouse=True)
def light_collections(set_aside):
    """Set TensorFlow's own objects aside: Keras collects garbage with every network, 0.2 s each time with them.

    Once, for asking whether it was done (`gc.get_freeze_count`) takes 0.04 s: for each test, a fifth of all their time.
    """
    if not set_aside and sys.modules.get("tensorflow"):
        gc.freeze()
        set_aside.add("tensorflow")


@pytest.fixture
def keras_models(tmp_path, monkeypatch):
    """The folder that Keras downloads weights to, empty, in this process and in those that it starts."""
    (tmp_path / "keras" / "models").mkdir(parents=True)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))  # read when it was imported
    return tmp_path / "keras" / "models"


@pytest.fixture
def offline(keras_models, monkeypatch):
    """Be a machine without a network that has never downloaded anything."""

    def no_such_name(*address, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    """Phantoms of 22 patients in the public layouts: the folders that DATA names."""
    from tiny import write_tiny_phantoms

    return write_tiny_phantoms(tmp_path_factory.mktemp("data") / "phantoms")


@pytest.fixture(scope="session")
def official_phantoms(tmp_path_factory):
    """Phantoms of three classes with an official test part, of 14 patients each: the folder that DATA names."""
    from tiny import write_tiny_phantoms

    patients = dict.fromkeys(("bacterial", "normal", "viral"), 14)
    return write_tiny_phantoms(tmp_path_factory.mktemp("data") / "phantoms", patients=patients)[0]


@pytest.fixture
def two_layers(monkeypatch):
    """Make the two-layer backbone known to commands and folds; return its name."""
    from tiny import TWO_LAYERS

    monkeypatch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
    return "two_layers"


@pytest.fixture(scope="session")
def finished_run(phantoms, tmp_path_factory):
    """The run directory of the tiny recipe under strategy 2, run to its end once. Not to be changed: copy it."""
    from tiny import TWO_LAYERS, run_here, tiny_experiment

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
        return run_here(tiny_experiment(), phantoms, tmp_path_factory.mktemp("finished"))


@pytest.fixture
def own_copy(finished_run, tmp_path, two_layers):
    """A copy of the finished run, with its cache, that a test may damage: the run directory."""
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
