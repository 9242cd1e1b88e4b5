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
    np.savez(buffer, **({FAULT: np.array(answer)} if isinstance(answer, str) else answer._asdict()))
    return buffer.getvalue()


def unpack(data: bytes) -> Prepared | str:
    """Return what `pack` packed; raise ValueError or KeyError for other bytes."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        if FAULT in found:
            return str(found[FAULT])
        values = {name: found[name] for name in Prepared._fields}
    return Prepared(**{name: str(value) if value.ndim == 0 else value for name, value in values.items()})


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
