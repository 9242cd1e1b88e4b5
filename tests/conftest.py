"""What all tests share: property tests draw the same examples each time, and nothing reaches a network."""

import socket

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Make every attempt to connect anywhere a failure of the test."""

    def refuse(self, address):
        raise AssertionError(f"a test tried to reach {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
