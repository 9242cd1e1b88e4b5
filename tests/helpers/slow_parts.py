"""The slow tests in parts: ``--slow-part K/N`` runs the K-th of N parts, and all fast tests; `.ci/run` rotates them."""

import re
import zlib


def part_of(test: str, parts: int) -> int:
    """Return the part, 1 to `parts`, of a test id: the same on every machine at any time."""
    return zlib.crc32(test.encode()) % parts + 1


def read_part(text: str) -> tuple[int, int]:
    """Return (K, N) of ``K/N``. Raises `ValueError`."""
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if not found or int(found[1]) > int(found[2]):
        raise ValueError(f"--slow-part received {text!r}; accepted: K/N with K from 1 to N, such as 1/3.")
    return int(found[1]), int(found[2])
