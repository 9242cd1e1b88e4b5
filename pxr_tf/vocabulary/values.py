"""Types of single values, with their limits, and `Frozen`, the base class of named values.

Values are never coerced: `true` is not accepted as 1, nor text or 5.0 as a whole number. The limits are far from any
real use. They catch mistakes that would fail hours later, or fill the memory.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, Strict
from pydantic_core import PydanticCustomError

MOST_IMAGES = 1_000_000  # MIMIC-CXR, the largest public set of chest X-rays, has 377,110
NAME_BYTES = 100  # a file's name has at most 255: a variant's folder also has the backbone in its name
TAG_BYTES = 200  # enough for the names of all classes; a scheme's folder also has the scheme in its name
ENDINGS = (".lock", ".partial")  # of our own files: locks, and files that are still being written

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]  # whole numbers included
Flag = Annotated[bool, Strict()]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Zoom = Annotated[Number, Field(ge=0.1, le=10)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Rate = Annotated[Number, Field(ge=1e-30, le=1000)]  # networks compute in float32, which ends at 1e-38 and 1e38
Count = Annotated[Whole, Field(gt=0, le=MOST_IMAGES)]  # of images or samples
Units = Annotated[Whole, Field(gt=0, le=65_536)]  # outputs of one layer
SeedNumber = Annotated[Whole, Field(ge=0, lt=2**32)]
EpochCount = Annotated[Whole, Field(gt=0, le=10_000)]


class Frozen(BaseModel):
    """Named values: not converted, no unknown names, not changeable."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _fits(limit: int, remedy: str = "") -> AfterValidator:
    """Return a check that a name can be part of a folder's name; `limit` is in bytes, `remedy` is for a longer name."""

    def check(name: str) -> str:
        size = len(name.encode(errors="replace"))
        if size > limit:
            raise PydanticCustomError("name", f"a name of up to {limit} bytes; this one has {size}{remedy}")
        if name.lower().endswith(ENDINGS):
            raise PydanticCustomError("name", f"a name that does not end in {' or '.join(ENDINGS)}")
        return name

    return AfterValidator(check)


def _share_or_number(amount: object) -> float | int:
    number = type(amount) is int and 0 < amount <= MOST_IMAGES
    if number or (type(amount) is float and 0 < amount < 1):
        return amount
    raise PydanticCustomError("amount", f"a share between 0 and 1, or a whole number of images up to {MOST_IMAGES}")


Amount = Annotated[
    float | int,
    PlainValidator(_share_or_number, json_schema_input_type=Share | Count),
]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^\w[\w.+-]*$"), _fits(NAME_BYTES)]  # part of a file's name
RunTag = Annotated[str, Field(pattern=r"^(\w[\w.+-]*)?$"), _fits(TAG_BYTES, ". Give a shorter one (--set tag=...)")]
