"""A service of the tiny run, on a client that needs no port."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def served(finished_run):
    """The engine and client of a service of the finished run, with the default limits."""
    from starlette.testclient import TestClient

    from pxr_tf.deploy.service.app import make_app
    from pxr_tf.deploy.service.engine import Engine
    from pxr_tf.deploy.service.guard import Limits
    from pxr_tf.runs.finished import open_run

    engine = Engine(open_run(finished_run))
    with TestClient(make_app(engine, Limits(rate=10_000)), base_url="http://localhost") as client:
        yield engine, client


@pytest.fixture
def client(served):
    return served[1]


@pytest.fixture(scope="session")
def strangers(tmp_path_factory) -> list[Path]:
    """Pictures that are not in the data of `finished_run`, of another size."""
    from tiny import write_tiny_phantoms

    folder = write_tiny_phantoms(tmp_path_factory.mktemp("strangers") / "others", seed=5, size=50)[0]
    return sorted(folder.rglob("*.jpeg"))[:4]
