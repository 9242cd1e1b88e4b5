"""Public data sets are fetched from servers of this machine: resumed, checked byte for byte, and counted."""

import base64
import hashlib
import io
import json
import socket
import threading
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from messages import any_of, refused
from tiny import write_tiny_phantoms

from pxr_tf.sets import download as sets
from pxr_tf.sets import fetch_github
from pxr_tf.sets.download import Source, download
from pxr_tf.sets.fetch_github import GitHubFolder, digest_blob
from pxr_tf.sets.fetch_kaggle import KaggleSet

COMMIT = "c0ffee"
REPOSITORY = "somebody/xrays"
WRITTEN = 1 << 20  # bytes that kagglehub writes at once; what breaks off within them is lost


@pytest.fixture
def no_network(monkeypatch):
    """Replace the fixture of all tests: this machine's own servers may be reached, and nothing else."""
    connect = socket.socket.connect

    def only_here(self, address):
        assert self.family == socket.AF_UNIX or address[0] == "127.0.0.1", f"a test tried to reach {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_here)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Server:
    """Answers with bytes by path; `broken` answers of a path stop in the middle."""

    def __init__(self):
        self.files, self.asked, self.broken, self.ranges = {}, Counter(), Counter(), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(302)
                self.send_header("Location", f"{outer.url}/archive.zip")
                self.end_headers()

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request):
        path = request.path.partition("?")[0]
        self.asked[path] += 1
        content = self.files.get(path)
        if content is None:
            request.send_error(404)
            return
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.ranges += [start] if start else []
        rest = content[start:]
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(rest)))
        request.send_header("Accept-Ranges", "bytes")
        md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        request.send_header("X-Goog-Hash", f"md5={self.files.get('md5', md5)}")
        request.end_headers()
        cut = self.broken[path] > 0
        self.broken[path] -= cut
        request.wfile.write(rest[: len(rest) // 2] if cut else rest)
        request.close_connection = True

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture
def repository(server, tmp_path, monkeypatch):
    """A repository in covid-chestxray's layout, with another folder that nobody needs; return path -> bytes."""
    _, folder = write_tiny_phantoms(tmp_path / "drawn")
    content = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    content = {path: data for path, data in content.items() if path != "phantom.json"}
    tree = [{"path": path, "type": "blob", "sha": digest_blob(data)} for path, data in content.items()]
    tree += [{"path": "images", "type": "tree", "sha": "0"}, {"path": "volumes/big.nii", "type": "blob", "sha": "0"}]
    tree += [{"path": "images/../../evil.png", "type": "blob", "sha": "0"}]
    server.files[f"/repos/{REPOSITORY}/commits/master"] = json.dumps({"sha": COMMIT}).encode()
    server.files[f"/repos/{REPOSITORY}/git/trees/{COMMIT}"] = json.dumps({"tree": tree, "truncated": False}).encode()
    server.files |= {f"/{REPOSITORY}/{COMMIT}/{path}": data for path, data in content.items()}
    monkeypatch.setattr(fetch_github, "API", server.url)
    monkeypatch.setattr(fetch_github, "RAW", server.url)
    place = GitHubFolder(REPOSITORY, "master", ("images/", "metadata.csv"))
    monkeypatch.setitem(sets.SOURCES, "covid-chestxray", Source(place, 0))
    return content


def test_a_repository_is_fetched_whole_then_only_what_is_missing_or_damaged(repository, server, tmp_path):
    found = download("covid-chestxray", tmp_path / "data")
    assert found.folder == tmp_path / "data" / "covid-chestxray" and sum(found.images.values()) > 3
    here = {path.relative_to(found.folder).as_posix(): path.read_bytes() for path in found.folder.rglob("*.*")}
    assert {path: data for path, data in here.items() if path != ".commit.json"} == repository
    assert not (tmp_path / "data" / "evil.png").exists() and not any("volumes" in path for path in server.asked)
    first, second, *_ = sorted(path for path in repository if path.startswith("images/"))
    (found.folder / first).unlink()
    (found.folder / second).write_bytes(b"damaged")
    server.asked.clear()
    assert download("covid-chestxray", tmp_path / "data") == found
    assert {path.rpartition(f"{COMMIT}/")[2] for path in server.asked} == {
        first,
        second,
        f"/repos/{REPOSITORY}/git/trees/{COMMIT}",
    }


def test_a_connection_that_breaks_off_is_tried_again_and_then_told(repository, server, tmp_path):
    path = sorted(repository)[0]
    server.broken[f"/{REPOSITORY}/{COMMIT}/{path}"] = 2
    download("covid-chestxray", tmp_path / "data")
    server.broken[f"/{REPOSITORY}/{COMMIT}/{path}"] = 3
    with refused(path, any_of("continues")):
        download("covid-chestxray", tmp_path / "again")
    download("covid-chestxray", tmp_path / "again")


def test_a_file_with_other_bytes_than_git_says_is_refused_and_not_kept(repository, server, tmp_path):
    path = sorted(repository)[0]
    server.files[f"/{REPOSITORY}/{COMMIT}/{path}"] += b"!"
    with refused(path, "other bytes"):
        download("covid-chestxray", tmp_path / "data")
    assert not (tmp_path / "data" / "covid-chestxray" / path).exists()


@pytest.fixture
def archive(server, tmp_path, monkeypatch):
    """A Kaggle archive in Kermany's layout; return its bytes."""
    env = pytest.importorskip("kagglesdk.kaggle_env", reason="needs kagglehub, of the extra download")
    folder, _ = write_tiny_phantoms(tmp_path / "drawn")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path in sorted(folder.rglob("*.jpeg")):
            file.write(path, f"chest_xray/{path.relative_to(folder)}")
        file.writestr("chest_xray/.padding", bytes(3 * WRITTEN))
    server.files["/archive.zip"] = buffer.getvalue()
    monkeypatch.setitem(env._env_to_endpoint, env.KaggleEnv.PROD, server.url)
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_API_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "no-credentials"))
    count = len(zipfile.ZipFile(buffer).namelist()) - 1
    monkeypatch.setitem(sets.SOURCES, "kermany", Source(KaggleSet("somebody/xrays", 2), count))
    return buffer.getvalue()


def test_a_kaggle_archive_that_breaks_off_is_continued_checked_and_unpacked(archive, server, tmp_path):
    server.broken["/archive.zip"] = 1
    with refused("somebody/xrays", any_of("continues")):
        download("kermany", tmp_path / "data")
    found = download("kermany", tmp_path / "data")
    assert server.ranges == [WRITTEN]
    assert [path.name for path in (tmp_path / "data").iterdir() if not path.name.startswith(".")] == ["kermany"]
    assert set(found.images) == {"bacterial", "normal", "viral"} and not any("Check" in note for note in found.notes)
    server.asked.clear()
    assert download("kermany", tmp_path / "data") == found and not server.asked


def test_a_damaged_kaggle_archive_is_refused(archive, server, tmp_path):
    server.files["md5"] = base64.b64encode(b"0" * 16).decode()
    with refused("checksum"):
        download("kermany", tmp_path / "data")
    assert not (tmp_path / "data" / "kermany").exists()


def test_other_numbers_of_images_than_published_are_told(archive, tmp_path, monkeypatch):
    monkeypatch.setitem(sets.SOURCES, "kermany", Source(KaggleSet("somebody/xrays", 2), {"normal": 1583}))
    notes = download("kermany", tmp_path / "data").notes
    assert any("1,583" in note and "normal" in note for note in notes)


def test_an_unknown_set_is_refused_with_the_nearest_name():
    with refused("'kermani'", "'kermany'"):
        sets.find_source("kermani")


def test_every_set_has_a_licence_with_a_page_and_a_layout():
    for name in sets.SOURCES:
        _, licence = sets.find_source(name)
        assert licence.licence and licence.home.startswith("https://")
