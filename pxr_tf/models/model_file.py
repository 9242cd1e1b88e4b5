"""Model files: a network with a card, in Keras' own format.

Keras loads the `.keras` file of a backbone without this package: it has no custom layer and no Lambda. A paper's own
network may hold a layer that Keras lacks (`layers`); the card names it. The card (`pxr.json` inside the file) has the
class names, the image size, the preparation of images, and a digest of everything in the file.
"""

import hashlib
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.models import layers  # noqa: F401 - registers the layers that a file may hold

CARD = "pxr.json"
DIGEST = "digest"  # key of the card
PUT_BACK = "Put the original back, or delete its run directory and train again."  # a finished run is not retrained
# What zipfile, json and Keras raise for a file with flipped bits; RuntimeError: an encrypted or unknown member.
DAMAGE = (
    OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, OverflowError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip


def save_classifier(model: keras.Model, path: Path, card: Mapping[str, Any]) -> None:
    """Write a `.keras` file without optimizer, with the card inside, whole or not at all."""
    with files.written_whole(path) as partial:
        temporary = partial.with_name(partial.name + ".keras")  # Keras requires this suffix
        keras.Model(model.inputs, model.outputs, name=model.name).save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            written = {**card, DIGEST: _digest(archive, card)}
            archive.writestr(CARD, json.dumps(written, indent=2))
        temporary.replace(partial)


def load_classifier(path: Path) -> tuple[keras.Model, dict[str, Any]]:
    """Return a saved classifier and its card (``classes``, ``image``); raise `PxrError` if it is not as saved."""
    try:
        card = read_card(path)
        _check_card(card)
        return keras.models.load_model(path, safe_mode=True), card
    except FileNotFoundError as error:
        raise PxrError(f"The model file {path} is missing. {PUT_BACK}") from error
    except DAMAGE as error:
        raise PxrError(
            f"{path} is not a classifier saved by pxr, or is damaged ({first_line(error)}). {PUT_BACK}"
        ) from error


def read_card(path: Path) -> dict[str, Any]:
    """Return the card of a saved classifier: class names, image size, preparation.

    Raises `PxrError` if the file was changed after it was saved. The digest reveals damage and edits, but not a forger
    who computes a new digest. Files of versions before 0.3 have neither digest nor ``kind``.
    """
    with zipfile.ZipFile(path) as archive:
        card = json.loads(archive.read(CARD))
        if not isinstance(card, dict):
            raise ValueError(f"its card, {CARD}, is not a mapping")
        known = card.pop(DIGEST, None)
        if known is None and "kind" in card:
            raise PxrError(f"{path} was changed after it was saved: its card ({CARD}) has lost its digest. {PUT_BACK}")
        if known is not None and known != _digest(archive, card):
            raise PxrError(
                f"{path} was changed after it was saved: the digest of its content differs from its card's ({CARD}). "
                f"{PUT_BACK}"
            )
    return card


def first_line(error: Exception) -> str:
    """Return the first line of an exception's message, at most 160 characters."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:160].rstrip(" .")


def _check_card(card: Mapping[str, Any]) -> None:
    """Raise `ValueError` if a card lacks what is needed to show the model an image."""
    match card:
        case {"classes": [str(), *_], "image": {"size": int(), "resize": str()}}:
            return
    raise ValueError(f"its card, {CARD}, lacks the classes, or the image's size and resize")


def _digest(archive: zipfile.ZipFile, card: Mapping[str, Any]) -> str:
    """Return the digest of a file's members and its card."""
    members = sorted(name for name in archive.namelist() if name != CARD)
    contents = [hashlib.sha256(archive.read(name)).hexdigest() for name in members]
    return files.digest(*members, *contents, json.dumps(dict(card), sort_keys=True), size=16)
