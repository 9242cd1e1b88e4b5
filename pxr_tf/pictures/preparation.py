"""What is done to a picture before a network sees it."""

from typing import Literal, NamedTuple

from pxr_tf import files

ResizeMode = Literal["squash", "pad"]


class Preparation(NamedTuple):
    """How every picture becomes an array of one shape."""

    size: int  # pixels, of both sides
    resize: ResizeMode  # squash: both sides are scaled, the aspect is lost; pad: it is kept, the rest is black

    @property
    def digest(self) -> str:
        """Return a short text that is another for every other preparation."""
        return files.digest(*(f"{name}={value}" for name, value in self._asdict().items()), size=4)
