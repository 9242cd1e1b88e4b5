"""Why a file cannot be read as a picture, and how large a picture may be."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pxr_tf.errors import PxrError

MAX_PIXELS = 40_000_000  # the largest detectors have 4k x 5k; a header that claims more is damaged or hostile


class UnreadableImageError(PxrError):
    """A file that cannot be decoded; the message is the reason, without the path."""


class InaccessibleImageError(UnreadableImageError):
    """A file that the system withholds: gone, forbidden, not regular, or too many are open. Its bytes may be good."""


@contextmanager
def explained(damage: str, *, values: bool = True) -> Iterator[None]:
    """Raise any error of the block as an `UnreadableImageError`, with the system's reason or the damage.

    Without `values`, a message ends before the first thing that it quotes from the file: that may name somebody.
    """
    try:
        yield
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error, …
        if isinstance(error, OSError) and error.errno:  # only the system's errors have a number
            raise InaccessibleImageError(error.strerror or str(error)) from error
        said = " ".join(str(error).split())
        said = said if values else re.split(r"(?: b)?['\"]", said)[0].strip()
        raise UnreadableImageError(f"{damage}: {said or type(error).__name__}") from error
