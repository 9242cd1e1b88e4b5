"""What is done to a picture before a network sees it."""

from typing import Literal, NamedTuple

from pxr_tf import files

ResizeMode = Literal["squash", "pad", "average"]


class Preparation(NamedTuple):
    """How every picture becomes an array of one shape."""

    size: int  # pixels, of both sides
    # squash: both sides are scaled, the aspect is lost; pad: it is kept, the rest is black; average: as squash, every
    # pixel the plain mean of the area that it covers, for thumbnails that are compared with one another
    resize: ResizeMode

    @property
    def digest(self) -> str:
        """Return a short text that is another for every other preparation."""
        return files.digest(*(f"{name}={value}" for name, value in self._asdict().items()), size=4)
