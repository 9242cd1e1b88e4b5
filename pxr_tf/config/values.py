"""Kinds of single values that a recipe's keys take, with their limits.

Nothing is converted: `true` is no 1, text is no number, 5.0 is no number of folds. A limit keeps what cannot be meant
from failing hours later, or from filling the memory; none is near what anybody uses.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, Strict
from pydantic_core import PydanticCustomError

from pxr_tf.rundir import CACHE

MOST_IMAGES = 1_000_000  # MIMIC-CXR, the largest public set of chest X-rays, has 377,110
NAME_BYTES = 100  # of the 255 that a file's name may have: a variant's folder has the backbone in its name, too
TAG_BYTES = 200  # the names of all classes; a scheme's folder has the scheme in its name, too
ENDINGS = (".lock", ".partial")  # of our own files: locks, and what is not yet written to its end

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]  # a whole number is one, too
Flag = Annotated[bool, Strict()]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Zoom = Annotated[Number, Field(ge=0.1, le=10)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Rate = Annotated[Number, Field(ge=1e-30, le=1000)]  # float32, in which networks count, ends at 1e-38 and 1e38
Count = Annotated[Whole, Field(gt=0, le=MOST_IMAGES)]  # of images or samples
Seed = Annotated[Whole, Field(ge=0, lt=2**32)]
Epochs = Annotated[Whole, Field(gt=0, le=10_000)]


def _fits(limit: int, remedy: str = "") -> AfterValidator:
    """Return the check that a name can be part of a folder's name; `limit` is in bytes, `remedy` for a longer one."""

    def check(name: str) -> str:
        size = len(name.encode(errors="replace"))
        if size > limit:
            raise PydanticCustomError("name", f"a name of up to {limit} bytes; this one has {size}{remedy}")
        if name.lower().endswith(ENDINGS):
            raise PydanticCustomError("name", f"a name that does not end in {' or '.join(ENDINGS)}")
        return name

    return AfterValidator(check)


def _beside_cache(name: str) -> str:
    if name.lower() == CACHE:  # some file systems take Cache for the same folder
        raise PydanticCustomError("name", f"any name but {CACHE}, the folder in RUNS that runs share")
    return name


def _share_or_number(amount: Any) -> float | int:
    number = type(amount) is int and 0 < amount <= MOST_IMAGES
    if number or (type(amount) is float and 0 < amount < 1):
        return amount
    raise PydanticCustomError("amount", f"a share between 0 and 1, or a whole number of images up to {MOST_IMAGES}")


Amount = Annotated[float | int, PlainValidator(_share_or_number)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^\w[\w.+-]*$"), _fits(NAME_BYTES)]  # part of a file's name
RecipeName = Annotated[Name, AfterValidator(_beside_cache)]
RunTag = Annotated[str, Field(pattern=r"^(\w[\w.+-]*)?$"), _fits(TAG_BYTES, ". Give a shorter one (--set tag=...)")]
