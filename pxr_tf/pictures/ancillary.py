"""Leave out what a JPEG or PNG holds besides its pixels: colour profiles, texts, previews, animations.

Pillow refuses a sound picture if such data are damaged or expand to more than a megabyte.
"""

import struct
import zlib
from collections.abc import Iterator

from pxr_tf.sets.file_kinds import PNG

_TURNS_JPEG = (b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0")
_TURNS_PNG = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")
_SHORTEST = {0xE0: (b"JFIF", 18), 0xEE: (b"Adobe", 16)}  # they say how colours are coded, if they are this long
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def pixel_data(data: bytes) -> Iterator[bytes]:
    """Yield a JPEG or PNG as it is to be decoded, then, each time that this fails, with less besides its pixels.

    A PNG comes without its other data at once: a damaged animation could change its pixels. What says how the picture
    is turned is left out last.
    """
    strip = _strip_png if data.startswith(PNG) else _strip_jpeg
    tried = [] if strip is _strip_png else [data]
    yield from tried
    for turns in (True, False):
        less = strip(data, turns)
        if less not in tried:
            yield less
        tried = [less]


def _strip_png(data: bytes, turns: bool) -> bytes:
    """Return a PNG's critical chunks and its transparency; with `turns`, also undamaged chunks that may turn it."""
    kept, place = [data[:8]], 8
    while len(start := data[place : place + 8]) == 8:
        length, kind = struct.unpack(">I4s", start)
        if not kind.isalpha():  # the rest is not a PNG's; without pixels so far, Pillow says so
            return b"".join([*kept, start])
        stop = place + 12 + length
        if kind[:1].isupper() or kind == b"tRNS" or (turns and _turns_png(kind, data[place + 4 : stop])):
            kept.append(data[place:stop])
        place = stop
        if kind == b"IEND":
            break
    return data if len(kept) > 1 and place == sum(map(len, kept)) == len(data) else b"".join(kept)


def _turns_png(kind: bytes, chunk: bytes) -> bool:
    """Return whether a chunk may say how the picture is turned, and its checksum is right."""
    if kind != b"eXIf" and not (kind in _TEXTS and chunk[4:].startswith(_TURNS_PNG)):
        return False
    return chunk[-4:] == struct.pack(">I", zlib.crc32(chunk[:-4]))


def _strip_jpeg(data: bytes, turns: bool) -> bytes:
    """Return a JPEG without comments and application segments, but for those that say how to show its pixels."""
    kept, place = [data[:2]], 2
    while len(start := data[place : place + 4]) == 4 and start[0] == 0xFF:
        marker, length = start[1], int.from_bytes(start[2:], "big")
        if marker == 0xFF:  # filling
            place += 1
            continue
        if marker == 0xDA or not 0xC0 <= marker <= 0xFE or 0xD0 <= marker <= 0xD9:  # the scan, or no segment
            break
        segment = data[place : place + 2 + max(length, 2)]
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or _shows_jpeg(marker, segment, turns):
            kept.append(segment)
        place += len(segment)
    return b"".join([*kept, data[place:]])


def _shows_jpeg(marker: int, segment: bytes, turns: bool) -> bool:
    """Return whether an application segment says how colours are coded or, with `turns`, how the picture is turned."""
    name, shortest = _SHORTEST.get(marker, (b"", 0))
    if name:
        return segment[4:].startswith(name) and len(segment) >= shortest
    return turns and marker == 0xE1 and segment[4:].startswith(_TURNS_JPEG)
