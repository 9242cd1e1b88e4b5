"""What the service and its decoders say to each other: bytes with their length, and arrays without pickles.

A decoder reads what strangers send. If one of them takes it over, its answer must not run code in the service.
"""

import io
import struct
from typing import BinaryIO

import numpy as np

from pxr_tf.inference.uploads import Prepared

LENGTH = struct.Struct(">Q")  # bytes of a message
FAULT = "fault"


def pack(answer: Prepared | str) -> bytes:
    """Return a prepared picture, or the reason why there is none, as bytes."""
    buffer = io.BytesIO()
    values = {FAULT: answer} if isinstance(answer, str) else answer._asdict()
    np.savez(
        buffer, **{name: np.array(one, str) if isinstance(one, str | tuple) else one for name, one in values.items()}
    )
    return buffer.getvalue()


def unpack(data: bytes) -> Prepared | str:
    """Return what `pack` packed; raise ValueError or KeyError for other bytes."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        if FAULT in found:
            return str(found[FAULT])
        values = {name: found[name] for name in Prepared._fields}
    return Prepared(**{name: _plain(value) for name, value in values.items()})


def _plain(value: np.ndarray) -> np.ndarray | str | tuple[str, ...]:
    """Return an array of pixels as it is, and texts as texts."""
    if value.dtype.kind != "U":
        return value
    return tuple(value.tolist()) if value.ndim else str(value)


def write_message(file: BinaryIO, data: bytes) -> None:
    """Write a message."""
    file.write(LENGTH.pack(len(data)) + data)
    file.flush()


def read_message(file: BinaryIO) -> bytes | None:
    """Return the next message; None at the end of the file."""
    start = file.read(LENGTH.size)
    if len(start) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(start)
    data = file.read(length)
    return data if len(data) == length else None
