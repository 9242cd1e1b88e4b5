"""A trained network that finds lungs (`training.lung_network`): one file, run by OpenCV without TensorFlow.

The file is a NumPy archive without pickles: the graph as TFLite, and its origin as JSON.
"""

import hashlib
import io
import json
import threading
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.lungs.contrast import ATLAS_SIDE, RADIUS, even_out, shrink

NETWORK_VERSION = 2  # raise it when the same file would find other lungs in the same picture
FORMAT = 1  # of the file
NETWORK_SIDE = 128  # pixels of the square that the network sees: takes a quarter of the time of 256
LARGEST = 100_000_000  # bytes; a larger file is not read, and a trained network has 1.4 million
TRAINING_STEPS = 900  # with 12 pictures each
ACCEPTED_NETWORKS = "accepted: builtin, a folder of pairs, or a file that `pxr lungs train` wrote"
# What NumPy, zipfile and OpenCV raise for bytes that are not a network's file.
_DAMAGE = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, NotImplementedError),
    *(MemoryError, OverflowError, zipfile.BadZipFile, zlib.error, cv2.error),
)


# Of a network: pairs, steps, seed, versions (`segment.train.describe_training`), quality (`segment.train.judge`).
Origin = Mapping[str, str | int | float]


@dataclass(frozen=True)
class LungNetwork:
    """A trained network; it can be pickled, and used by several threads."""

    graph: bytes  # TFLite: float32 [1, NETWORK_SIDE, NETWORK_SIDE, 1] -> chances, the same shape
    about: Origin  # how it was trained
    digest: str  # differs between networks that may find other lungs


def make_network(graph: bytes, about: Origin) -> LungNetwork:
    """Return the network of a graph; raise one of `_DAMAGE` if OpenCV cannot run it on a picture."""
    content = hashlib.blake2b(graph, digest_size=8).hexdigest()
    network = LungNetwork(graph, dict(about), files.digest(NETWORK_VERSION, f"opencv={cv2.__version__}", content))
    even = predict(np.zeros((NETWORK_SIDE, NETWORK_SIDE), np.uint8), network)
    if not (np.isfinite(even).all() and even.min() >= 0 and even.max() <= 1):
        raise ValueError("its output is not between 0 and 1")
    return network


def write_network(path: Path, network: LungNetwork) -> None:
    """Write a network, whole or not at all; the same network gives the same bytes."""
    about = np.frombuffer(json.dumps({"format": FORMAT, **network.about}, sort_keys=True).encode(), np.uint8)
    with files.written_whole(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, graph=np.frombuffer(network.graph, np.uint8), about=about)


def read_network(path: Path) -> LungNetwork:
    """Return the network in a file; raise `PxrError` if `write_network` did not write it."""
    with files.reading(f"The network {path}"):
        content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as stored:
            about = json.loads(_read_member(stored, "about"))
            if about.pop("format") != FORMAT:
                raise ValueError("another version wrote it")
            return make_network(_read_member(stored, "graph"), about)
    except _DAMAGE as error:
        raise PxrError(
            f"{path} is not a network that finds lungs, or it is damaged; {ACCEPTED_NETWORKS}. Train it again."
        ) from error


def _read_member(stored: zipfile.ZipFile, name: str) -> bytes:
    """Return an array of uint8; raise one of `_DAMAGE` if it is something else, or does not have the claimed size.

    `np.load` would reserve memory for as many values as the member claims to have.
    """
    with stored.open(f"{name}.npy") as member:
        content = member.read(LARGEST + 1)
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("NumPy wrote it in another format")
    shape, _, kind = np.lib.format.read_array_header_1_0(file)
    values = content[file.tell() :]
    if kind != np.uint8 or shape != (len(values),) or len(content) > LARGEST:
        raise ValueError(f"{name} is not {len(values)} bytes")
    return values


def predict(picture: np.ndarray, network: LungNetwork) -> np.ndarray:
    """Return the chance that each pixel of an evened-out picture is lung, float32 [NETWORK_SIDE, NETWORK_SIDE]."""
    net = _net_of(network)
    net.setInput(picture[None, None].astype(np.float32))
    return net.forward().reshape(NETWORK_SIDE, NETWORK_SIDE)


def look_twice(picture: np.ndarray, network: LungNetwork) -> np.ndarray:
    """Return the chances for a picture and for its mirror image, mirrored back: float32 [2, side, side]."""
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    return np.stack([predict(picture, network), predict(mirrored, network)[:, ::-1]])


def prepare_square(square: np.ndarray) -> np.ndarray:
    """Return a square of any size as the network sees it: uint8 [NETWORK_SIDE, NETWORK_SIDE], of even contrast."""
    return even_out(shrink(square, NETWORK_SIDE), RADIUS * NETWORK_SIDE / ATLAS_SIDE)


_here = threading.local()  # threads must not share OpenCV's networks, and pickle cannot store them


def _net_of(network: LungNetwork) -> cv2.dnn.Net:
    """Return this thread's own copy; it is read again (10 ms) if the thread used another network in between."""
    if getattr(_here, "digest", None) != network.digest:
        _here.net = cv2.dnn.readNetFromTFLite(np.frombuffer(network.graph, np.uint8))
        _here.digest = network.digest
    return _here.net
