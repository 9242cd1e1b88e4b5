"""Comma-separated lists of words, whole numbers or paths."""

import os
from collections.abc import Sequence

from pxr_tf.config.plain_yaml import MAX_DIGITS
from pxr_tf.errors import PxrError, nearest, shown


def split_words(text: str) -> list[str]:
    """Return the words between commas, without spaces around them."""
    return [part.strip() for part in text.split(",") if part.strip()]


def choose_words(text: str, option: str, accepted: Sequence[str]) -> list[str]:
    """Return the accepted words between commas, each once, in the order of `accepted`; raise `PxrError`."""
    words = split_words(text)
    unknown = [word for word in words if word not in accepted]
    if unknown or not words:
        close = nearest(unknown[0], accepted) if unknown else ""
        raise PxrError(f"{option} received {shown(text)}; accepted: {', '.join(accepted)}, comma-separated.{close}")
    return [word for word in accepted if word in words]


def whole_numbers(text: str) -> list[int]:
    """Return the whole numbers between commas; an empty list if any part is something else."""
    parts = split_words(text)
    plain = all(part.isascii() and part.isdigit() and len(part) <= MAX_DIGITS for part in parts)
    return [int(part) for part in parts] if plain else []


def split_paths(text: str) -> list[str]:
    """Return the files and folders between commas.

    A name may contain commas: pieces that exist only together are one path. Pieces that each exist are several paths.
    """
    pieces = text.split(",")
    best: dict[int, tuple[int, int, list[str]]] = {len(pieces): (0, 0, [])}  # from here on: missing, -number, paths
    for start in reversed(range(len(pieces))):
        readings = []
        for end in range(start + 1, len(pieces) + 1):
            path, exists = _find_path(",".join(pieces[start:end]))
            if exists or end == start + 1:  # missing paths are reported piece by piece
                missing, number, rest = best[end]
                readings.append((missing + (not exists), number - 1, [path, *rest]) if path else best[end])
        best[start] = min(readings)
    return best[0][2]


def _find_path(text: str) -> tuple[str, bool]:
    """Return (the path as given if it exists, else without the spaces around it; whether it exists)."""
    path = text if os.path.exists(os.path.expanduser(text)) else text.strip()
    return path, os.path.exists(os.path.expanduser(path))
