"""Measure a running service: answers compared with `pxr predict`, times, memory, and what strangers may send.

``python scripts/load_service.py URL TABLE [--requests N] [--at-once N] [--pid PID]``: TABLE is the CSV file that ``pxr
predict`` wrote about the pictures. A line per measurement. The last part sends what a service must refuse or survive.
"""

import argparse
import asyncio
import collections
import csv
import io
import os
import socket
import struct
import sys
import time
import zipfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx
import numpy as np

TOLERANCE = 1e-6  # of a probability, which has seven digits
FUZZED = 300  # requests
MOST_TRIES = 50  # of a request that the service refuses for now


async def main() -> None:
    """Print all measurements; exit with 1 if an answer was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("table", type=Path)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--pid", type=int)
    asked = parser.parse_args()
    with open(asked.table, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["fault"]]
    pictures = {row["path"]: Path(row["path"]).read_bytes() for row in rows}
    load = Load(asked.url, rows, pictures, asked.pid)
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=asked.at_once)) as client:
        load.client = client
        await load.send(50, 1, "warm-up")
        if asked.requests:
            await load.send(asked.requests, 1, "in a row")
            await load.send(20 * asked.at_once, asked.at_once, f"{asked.at_once} at once")
        await load.attack()
        await load.fuzz()
    sys.exit(1 if load.wrong else 0)


class Load:
    """Requests to one service."""

    client: httpx.AsyncClient

    def __init__(self, url: str, rows: list[dict[str, str]], pictures: dict[str, bytes], pid: int | None) -> None:
        self.url, self.rows, self.pictures, self.pid, self.wrong = url.rstrip("/"), rows, pictures, pid, 0

    async def send(self, count: int, at_once: int, what: str) -> None:
        """Send `count` requests, `at_once` of them together; print times, faults and memory."""
        seconds, repeated, wrong = [], 0, 0
        numbers = iter(range(count))

        async def work() -> None:
            nonlocal repeated, wrong
            for number in numbers:
                row = self.rows[number % len(self.rows)]
                for _ in range(MOST_TRIES):
                    began = time.perf_counter()
                    response = await self.client.post(
                        f"{self.url}/v1/predict", files={"pictures": ("x", self.pictures[row["path"]])}
                    )
                    if response.status_code != 429:
                        break
                    repeated += 1
                    await asyncio.sleep(float(response.headers["Retry-After"]))
                seconds.append(time.perf_counter() - began)
                wrong += not is_right(response, row)

        before, began = self.memory(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        ordered, spent = sorted(seconds), time.perf_counter() - began
        p50, p95 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95))
        self.wrong += wrong
        print(
            f"{what}: {count} requests, {wrong} wrong, {repeated} refused for now, p50 {1000 * p50:.0f} ms, "
            f"p95 {1000 * p95:.0f} ms, {count / spent:.1f} per second, memory {before:.0f} to {self.memory():.0f} MB",
            flush=True,
        )

    def memory(self) -> float:
        """Return the megabytes that the service and its decoders hold; NaN without a process id."""
        if self.pid is None:
            return float("nan")
        found = [self.pid, *children_of(self.pid)]
        return sum(resident(pid) for pid in found) / 1e6

    async def attack(self) -> None:
        """Send what must be refused or survived; after each, the service must answer."""
        for name, harm in (
            ("200 MB", self.large_body),
            ("30,000 x 30,000 PNG", self.large_picture),
            ("10,000 files in a zip", self.many_files),
            ("half a request", self.half_a_request),
            ("a slow client", self.slow_client),
            ("100 silent connections", self.silent),
            ("kill -9 of an idle decoder", self.kill_one),
            ("kill -9 of all decoders at work", self.kill),
        ):
            began = time.perf_counter()
            said = await harm()
            spent, began = time.perf_counter() - began, time.perf_counter()
            response = await self.client.post(
                f"{self.url}/v1/predict", files={"pictures": ("x", self.pictures[self.rows[0]["path"]])}
            )
            self.wrong += not is_right(response, self.rows[0])
            print(
                f"{name}: {said} after {spent:.1f} s; the next request: {response.status_code}, "
                f"{'right' if is_right(response, self.rows[0]) else 'WRONG'}, "
                f"after {1000 * (time.perf_counter() - began):.0f} ms; memory {self.memory():.0f} MB",
                flush=True,
            )

    async def large_body(self) -> str:
        return await self.try_sending(b"\xff\xd8\xff" + bytes(200_000_000))

    async def large_picture(self) -> str:
        return await self.try_sending(make_png(30_000))

    async def many_files(self) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10_000):
                archive.writestr(f"{number}.png", b"nothing")
        return await self.try_sending(buffer.getvalue())

    async def half_a_request(self) -> str:
        with self.connection() as opened:
            opened.sendall(self.head(1_000_000) + b"--x\r\nContent-Disposition: form-data; name")
        return "sent"

    async def slow_client(self) -> str:
        """Send a byte a second; return what is said in the end."""
        with self.connection() as opened:
            opened.sendall(self.head(1_000_000))
            opened.setblocking(False)
            loop = asyncio.get_running_loop()
            answer = asyncio.ensure_future(loop.sock_recv(opened, 100))
            while not answer.done():
                try:
                    opened.send(b"-")
                except OSError:
                    break
                await asyncio.sleep(1)
            return (await answer).split(b"\r\n")[0].decode() or "closed"

    async def silent(self) -> str:
        opened = [self.connection() for _ in range(100)]
        for one in opened:
            one.sendall(b"POST /v1/predict HTT")
        began = time.perf_counter()
        response = await self.client.get(f"{self.url}/healthz")
        said = f"meanwhile /healthz {response.status_code} after {1000 * (time.perf_counter() - began):.0f} ms"
        for one in opened:
            one.close()
        return said

    async def kill_one(self) -> str:
        if self.pid is None:
            return "skipped: no --pid"
        os.kill(children_of(self.pid)[0], 9)
        await asyncio.sleep(0.5)  # a request at the same moment may still reach it, and is refused for now
        return "killed"

    async def kill(self) -> str:
        """Kill all decoders while one decodes."""
        if self.pid is None:
            return "skipped: no --pid"
        sending = asyncio.ensure_future(self.try_sending(make_png(6000)))
        await asyncio.sleep(0.3)
        decoders = children_of(self.pid)
        for pid in decoders:
            os.kill(pid, 9)
        return f"{len(decoders)} killed, {await sending}"

    async def fuzz(self) -> None:
        """Send damaged pictures, forms and headers; print how often each status came. 500 is a fault."""
        random, counts = np.random.default_rng(0), collections.Counter[int]()
        sources = list(self.pictures.values())
        form = b'--x\r\nContent-Disposition: form-data; name="pictures"; filename="a"\r\n\r\n%s\r\n--x--\r\n'
        kinds = ("multipart/form-data; boundary=x", "application/json", "multipart/form-data", "", "a/b; c=\x7f")
        for number in range(FUZZED):
            data = damage(random, sources[number % len(sources)])
            kind, path = kinds[0], "/v1/predict" if number % 2 else "/"
            body = form % data
            if number % 3 == 2:  # the form too, or no form at all
                body = damage(random, form % data[:500])
                kind = kinds[random.integers(len(kinds))]
            response = await self.client.post(f"{self.url}{path}", content=body, headers={"Content-Type": kind})
            counts[response.status_code] += 1
        self.wrong += sum(count for status, count in counts.items() if status >= 500)
        print(f"fuzzed: {dict(sorted(counts.items()))}; memory {self.memory():.0f} MB", flush=True)

    async def try_sending(self, data: bytes) -> str:
        try:
            response = await self.client.post(f"{self.url}/v1/predict", files={"pictures": ("x", data)})
        except httpx.HTTPError as error:
            return f"connection ended ({type(error).__name__})"
        return f"{response.status_code} {response.text[:120]}"

    def connection(self) -> socket.socket:
        place = urlsplit(self.url)
        return socket.create_connection((place.hostname, place.port))

    def head(self, length: int) -> bytes:
        return (
            f"POST /v1/predict HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\nContent-Length: {length}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        ).encode()


def is_right(response: httpx.Response, row: dict[str, str]) -> bool:
    """Return whether an answer is that of a row of `predict`."""
    if response.status_code != 200:
        return False
    (one,) = response.json()["results"]
    if row.get("refused"):
        return one["reason"] == f"The picture {row['refused']}." and one["probabilities"] is None
    shares = {name.removeprefix("p_"): float(value) for name, value in row.items() if name.startswith("p_")}
    return (
        max(abs(one["probabilities"][name] - share) for name, share in shares.items()) < TOLERANCE
        and one["predicted"] == row["predicted"]
        and {f"set_{100 * known['promised']:g}": f"{{{', '.join(known['classes'])}}}" for known in one["sets"]}
        == {name: value for name, value in row.items() if name.startswith("set_")}
        and (one["known"] or "") == row["known"]
        and one["agreement"] == float(row["agreement"])
        and (one["caution"] or "") == row.get("caution", "")
    )


def damage(random: np.random.Generator, data: bytes) -> bytes:
    """Return bytes that were cut, changed, repeated or joined."""
    changed = np.frombuffer(data, np.uint8).copy()
    places = random.integers(len(changed), size=random.integers(1, 40))
    changed[places] = random.integers(256, size=len(places))
    cut = changed[: random.integers(1, len(changed))].tobytes()
    return (changed.tobytes(), cut, cut + changed.tobytes(), changed[:200].tobytes() * 50)[random.integers(4)]


def make_png(side: int) -> bytes:
    """Return a grey PNG of side x side pixels, all black: a few hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(), bytes(side + 1)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def children_of(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for file in found for word in file.read_text().split()]


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    asyncio.run(main())
