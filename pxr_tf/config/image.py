"""The section `image` of a recipe: how a file becomes the picture that a network sees, and which part of it."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from pxr_tf.vocabulary.values import Frozen, Number, Text, Whole

MARGIN = 0.05  # of the box of the lungs, if the recipe has no margin: about 10 of 224 pixels on each side
# Keys that a crop does not use; if a recipe's crop is replaced, they are left out (`load`).
IDLE = {"none": ("margin", "atlas", "masks"), "lungs_only": ("margin",), "without_lungs": ("margin",)}


class Image(Frozen):
    """How a file becomes the square picture that a network sees."""

    size: Annotated[Whole, Field(ge=32, le=2048)]  # pixels, both sides
    resize: Literal["squash", "pad"] = "squash"  # squash: aspect ratio lost (bozickovic2021); pad: kept, on black
    # lungs: the box of both lungs; lungs_only: all but the lungs black; without_lungs: the lungs black
    crop: Literal["none", "lungs", "lungs_only", "without_lungs"] = "none"
    # for lungs: what is shown beyond each side of the box, as a share of its width or height; null: 0.05
    margin: Annotated[Number, Field(ge=0, le=1)] | None = None
    # what finds lungs: builtin, a folder of pairs, or a file that `pxr lungs train` wrote
    atlas: Text = "builtin"
    masks: Text | None = None  # masks to read instead: data (next to the images), or a folder

    @property
    def crop_margin(self) -> float:
        """The margin in use; 0 for a crop without a box."""
        return (MARGIN if self.margin is None else self.margin) if self.crop == "lungs" else 0.0

    @model_validator(mode="after")
    def _no_idle_crop(self) -> "Image":
        if self.margin is not None and self.crop != "lungs":
            raise ValueError(f"margin is used only with crop: lungs; here crop is {self.crop}. Leave margin out")
        if self.crop == "none" and (self.atlas != "builtin" or self.masks is not None):
            key = "masks" if self.masks is not None else "atlas"
            raise ValueError(f"{key} is used only with a crop; here crop is none. Leave it out, or set crop: lungs")
        if self.atlas != "builtin" and self.masks is not None:
            raise ValueError("atlas and masks are both given; accepted: one of the two, as masks need no atlas")
        return self

    @model_serializer(mode="wrap")
    def _as_before_crops(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the crop's keys if there is no crop, to keep the digests by which tuning points are named."""
        values = serialize(self)
        return values if self.crop != "none" else {name: values[name] for name in ("size", "resize")}
