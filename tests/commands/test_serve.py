"""``pxr serve`` is refused in one line before it loads anything."""

import socket

import pytest
from messages import any_of, assert_tells

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")


def test_an_address_that_others_reach_is_refused_without_a_token(refuse, finished_run, monkeypatch):
    monkeypatch.delenv("PXR_TOKEN", raising=False)
    assert_tells(refuse("serve", finished_run, "--host", "0.0.0.0"), "--host", "0.0.0.0", "PXR_TOKEN")


def test_a_port_in_use_is_refused(refuse, finished_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_tells(refuse("serve", finished_run, "--port", port), str(port), any_of("in use"))


def test_an_address_of_another_machine_is_refused(refuse, finished_run, monkeypatch):
    monkeypatch.setenv("PXR_TOKEN", "a token of the tests")
    assert_tells(refuse("serve", finished_run, "--host", "192.0.2.1", "--port", 0), "192.0.2.1")


def test_a_service_without_its_libraries_says_which_are_missing(refuse, finished_run, monkeypatch):
    monkeypatch.setattr("pxr_tf.commands.serve.LIBRARIES", ("fastapi", "no_such_library"))
    line = refuse("serve", finished_run)
    assert_tells(line, "no_such_library", "pxr_tf[serve]")
    assert "fastapi" not in line.partition("Install")[0]
