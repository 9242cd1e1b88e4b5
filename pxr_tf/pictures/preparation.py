"""What is done to a picture before a network sees it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pxr_tf import files

ResizeMode = Literal["squash", "pad", "average"]
# lungs: the box of both lungs with a margin; lungs_only: all but the lungs black; without_lungs: the lungs black
CropKind = Literal["none", "lungs", "lungs_only", "without_lungs"]
OF_CROPS = ("crop", "margin", "lungs")  # fields that decide nothing where the whole picture is shown


class Preparation(NamedTuple):
    """How every picture becomes an array of one shape."""

    size: int  # pixels, of both sides
    # squash: both sides are scaled, the aspect is lost; pad: it is kept, the rest is black; average: as squash, every
    # pixel the plain mean of the area that it covers, for thumbnails that are compared with one another
    resize: ResizeMode
    crop: CropKind = "none"
    margin: float = 0.0  # beyond each side of the box of the lungs, as a share of its width or height; of `lungs` only
    lungs: str = ""  # what says where the lungs are, named by its content (`lung_source`); empty without a crop

    @property
    def digest(self) -> str:
        """Return a short text that is another for every other preparation."""
        return files.digest(*(f"{name}={value}" for name, value in self.describe().items()), size=4)

    @property
    def whole(self) -> "Preparation":
        """The same without a crop."""
        return Preparation(self.size, self.resize)

    def describe(self) -> dict[str, int | float | str]:
        """Return the fields that decide pixels, by name; without a crop its own fields are left out."""
        left_out = OF_CROPS if self.crop == "none" else ()
        return {name: value for name, value in self._asdict().items() if name not in left_out}

    @classmethod
    def described(cls, fields: Mapping[str, int | float | str]) -> "Preparation":
        """Return the preparation of which `describe` gave these fields, whatever else stands beside them."""
        return cls(**{name: fields[name] for name in cls._fields if name in fields})
