"""Raw maps of one picture in an ``.npz`` file: a task with TensorFlow writes it, and drawing code reads it."""

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np

from pxr_tf import files

_ABOUT, _PICTURE = "about", "picture"
LARGE = "_at_picture_size"  # the end of a member's name: a map enlarged to the picture's size
_LETTERS = 80  # of an image id, kept in the file's name


class MapHeader(TypedDict):
    """The header of a file of maps, as plain data."""

    image_id: str
    content: str
    key: str  # digest of all that decides the maps
    classes: Sequence[str]
    fold: str
    methods: Sequence[str]
    layers: Mapping[str, str]  # method -> layer, for methods that need one
    probabilities: Sequence[float]  # of the one pass that the maps explain, in the order of `classes`
    prediction: Sequence[float]  # as the run predicts: perhaps averaged with the mirror image
    target: int  # the number of the class that is explained


class PictureMaps(NamedTuple):
    """The maps of one picture, and the model's prediction for it."""

    about: MapHeader
    picture: np.ndarray  # uint8 [size, size], as the model sees it
    maps: Mapping[str, np.ndarray]  # method -> float32 [height, width], at the method's own size
    large: Mapping[str, np.ndarray]  # method -> float32 [size, size]


def file_stem(image_id: str) -> str:
    """Return a file name without suffix for an image id: safe characters and a digest."""
    safe = re.sub(r"[^a-zA-Z0-9.-]+", "_", image_id)[-_LETTERS:].lstrip("._-")
    return f"{safe or 'picture'}-{files.digest(image_id, size=4)}"


def write_maps(path: Path, found: PictureMaps) -> None:
    """Write the file, whole or not at all; a map of the picture's size is stored once."""
    members = {_ABOUT: np.array(json.dumps(dict(found.about), ensure_ascii=False)), _PICTURE: found.picture}
    members |= dict(found.maps)
    own_size = found.picture.shape
    members |= {f"{name}{LARGE}": found.large[name] for name, one in found.maps.items() if one.shape != own_size}
    with files.written_whole(path) as partial, open(partial, "wb") as stream:
        np.savez(stream, **members)


def read_maps(path: Path) -> PictureMaps | None:
    """Return the maps in a file; None if it is missing or damaged."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            about = json.loads(str(file[_ABOUT]))
            maps = {name: file[name] for name in about["methods"]}
            large = {name: file[f"{name}{LARGE}"] if f"{name}{LARGE}" in file else maps[name] for name in maps}
            return PictureMaps(about, file[_PICTURE], maps, large)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def read_map_header(path: Path) -> MapHeader | None:
    """Return the header of a file without reading its maps; None if it is missing or damaged."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            return json.loads(str(file[_ABOUT]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
