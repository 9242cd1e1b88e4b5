"""Fetch folders of a GitHub repository, file by file; git's own digest of every file is checked."""

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.events import OnProgress

API, RAW = "https://api.github.com", "https://raw.githubusercontent.com"
RECORD = ".commit.json"  # in the folder: which commit it holds, so that a stopped download continues with this one
AT_ONCE = 8  # requests; more make the server slow down
TRIES = 3  # per file: connections break off
SECONDS = 60  # without an answer


@dataclass(frozen=True)
class GitHubFolder:
    """Files of a repository."""

    repository: str  # owner/name
    branch: str
    kept: tuple[str, ...]  # files, and folders with a slash at the end; the rest of the repository is not fetched

    def fetch(self, folder: Path, on_progress: OnProgress) -> None:
        """Write the files of one commit; a file that is there with the right digest stays. Raises `PxrError`."""
        folder.mkdir(parents=True, exist_ok=True)
        commit = (files.read_json(folder / RECORD) or {}).get("commit") or self._newest()
        files.write_json(folder / RECORD, {"repository": self.repository, "commit": commit})
        listed = dict(self._listed(commit))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [pool.submit(self._fetch_one, folder, commit, *item) for item in listed.items()]
            try:
                for number, job in enumerate(jobs, start=1):
                    job.result()
                    on_progress(number, len(jobs))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _newest(self) -> str:
        """Return the newest commit of the branch."""
        return str(_ask_json(f"{API}/repos/{self.repository}/commits/{self.branch}")["sha"])

    def _listed(self, commit: str) -> Iterator[tuple[str, str]]:
        """Yield (path, git's digest) of the files to keep."""
        found = _ask_json(f"{API}/repos/{self.repository}/git/trees/{commit}?recursive=1")
        if found.get("truncated"):
            raise PxrError(f"{self.repository} has too many files to list in one answer. Clone it with git instead.")
        for entry in found["tree"]:
            path = entry["path"]
            is_kept = any(path == name or (name.endswith("/") and path.startswith(name)) for name in self.kept)
            if entry["type"] == "blob" and is_kept and ".." not in PurePosixPath(path).parts:
                yield path, entry["sha"]

    def _fetch_one(self, folder: Path, commit: str, path: str, digest: str) -> None:
        target = folder / path
        if target.is_file() and digest_blob(target.read_bytes()) == digest:
            return
        content = _ask(f"{RAW}/{self.repository}/{commit}/{quote(path)}")
        if digest_blob(content) != digest:
            raise PxrError(f"{path} of {self.repository} arrived with other bytes than git has. Run it again.")
        with files.written_whole(target) as partial:
            partial.write_bytes(content)


def digest_blob(content: bytes) -> str:
    """Return git's digest of a file's bytes: SHA-1 of ``blob <size>``, a zero byte, and the bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _ask_json(url: str) -> Any:
    return json.loads(_ask(url))


def _ask(url: str) -> bytes:
    """Return what a server answers, at the third try at the latest; raise `PxrError`."""
    fault: Exception | None = None
    for _ in range(TRIES):
        try:
            with urlopen(Request(url, headers={"User-Agent": "pxr_tf"}), timeout=SECONDS) as answer:
                return bytes(answer.read())
        except (OSError, HTTPException) as error:
            fault = error
    why = os.strerror(fault.errno) if isinstance(fault, OSError) and fault.errno else fault
    raise PxrError(f"{url} cannot be fetched: {why}. Check the network, and run the same command: it continues.")
