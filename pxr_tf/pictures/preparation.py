"""What is done to a picture before a network sees it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pxr_tf import files

ResizeMode = Literal["squash", "pad", "average"]
# lungs: the box of both lungs with a margin; lungs_only: all but the lungs black; without_lungs: the lungs black
CropKind = Literal["none", "lungs", "lungs_only", "without_lungs"]
OF_CROPS = ("crop", "margin", "lungs")  # fields that decide nothing if the whole picture is shown


class Preparation(NamedTuple):
    """How every picture becomes an array of one shape."""

    size: int  # pixels, of both sides
    # squash: both sides are scaled, the aspect is lost; pad: the aspect is kept, the rest is black; average: like
    # squash, but every pixel is the plain mean of the area that it covers, for comparing thumbnails
    resize: ResizeMode
    crop: CropKind = "none"
    margin: float = 0.0  # added on each side of the lungs' box, as a share of its width or height; for crop `lungs`
    lungs: str = ""  # identity of the lung source (`lung_source`), from its content; empty without a crop

    @property
    def digest(self) -> str:
        """Return a short text that differs between preparations."""
        return files.digest(*(f"{name}={value}" for name, value in self.describe().items()), size=4)

    @property
    def whole(self) -> "Preparation":
        """The same preparation without a crop."""
        return Preparation(self.size, self.resize)

    def describe(self) -> dict[str, int | float | str]:
        """Return the fields that decide pixels, by name; without a crop, the crop's fields are left out."""
        left_out = OF_CROPS if self.crop == "none" else ()
        return {name: value for name, value in self._asdict().items() if name not in left_out}

    @classmethod
    def described(cls, fields: Mapping[str, int | float | str]) -> "Preparation":
        """Return the preparation from the fields that `describe` gave; other fields are ignored."""
        return cls(**{name: fields[name] for name in cls._fields if name in fields})
