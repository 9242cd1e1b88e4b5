"""What people install from: the lock file, the Dockerfile and the compose file agree with pyproject.toml."""

import re
import tomllib
from itertools import chain
from pathlib import Path
from urllib.parse import urlparse

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lock():
    return tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_lock_file_names_one_public_index_and_no_place_of_a_machine():
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    urls = [urlparse(url) for url in re.findall(r'(?:url|registry) = "([^"]*)"', text)]
    assert {url.scheme for url in urls} == {"https"} and {url.port for url in urls} == {None}
    assert all(url.hostname.endswith(".org") for url in urls) and len({url.hostname for url in urls}) == 2
    assert not re.search(r'(?:path|file|find-links) = "', text)


def test_the_lock_file_has_every_dependency_and_extra(lock, project):
    """If this fails: the command at the end of docs/install.md."""
    (ours,) = (package for package in lock["package"] if package["name"] == "pxr-tf")
    assert set(ours["metadata"]["provides-extras"]) == set(project["optional-dependencies"])
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    locked = {re.sub(r"[-_.]+", "-", entry["name"]) for entry in ours["metadata"]["requires-dist"]}
    assert {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower() for name in wanted} == locked


def test_the_lock_file_has_the_versions_that_are_tested_together(lock):
    versions = {(package["name"], package.get("version")) for package in lock["package"]}
    pins = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert {(name.lower(), version) for name, version in pins} <= versions


def test_the_image_has_extras_that_exist_and_copies_what_is_sent(project):
    assert set(re.findall(r"--extra (\w+)", DOCKERFILE)) <= set(project["optional-dependencies"])
    copied = {word for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("*\n", 1)[1]
    assert copied == set(re.findall(r"^!(.*)$", sent, re.MULTILINE))
    assert all((ROOT / name).exists() for name in copied)


def test_the_service_in_a_container_is_nobody_with_a_read_only_root_and_a_token():
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE) and "/healthz" in DOCKERFILE
    (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"].values()
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and "PXR_TOKEN" in service["environment"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
