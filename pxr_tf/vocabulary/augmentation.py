"""How training pictures are changed: by a named preset, or by movements and tones (`pictures/augment.py`)."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from pxr_tf.vocabulary.values import Flag, Fraction, Frozen, Number, Zoom

PRESET, MOVEMENT = "preset", "movement"  # the two kinds, as pydantic's errors name them


class Movement(Frozen):
    """How far a picture may be moved, and how much its tones may change; each is drawn uniformly between its limits."""

    rotate: Annotated[Number, Field(ge=0, le=180)] = 0.0  # degrees at most, in either direction
    zoom: tuple[Zoom, Zoom] = (1.0, 1.0)  # from, to; above 1 enlarges, so that the borders are lost
    shift: Fraction = 0.0  # at most this share of the width and of the height, in either direction
    mirror: Flag = False  # left to right, half of the time
    border: Literal["black", "stretch"] = "black"  # what fills the space outside; stretch: the edge's pixels
    exposure: Annotated[Number, Field(ge=0, lt=1)] = 0.0  # gamma between 1 - exposure and 1 + exposure
    blur: Annotated[Number, Field(ge=0, le=20)] = 0.0  # standard deviation in pixels, at most
    noise: Annotated[Number, Field(ge=0, le=64)] = 0.0  # standard deviation in grey levels, at most

    @model_validator(mode="after")
    def _from_to(self) -> "Movement":
        if self.zoom[0] > self.zoom[1]:
            raise ValueError(f"zoom received {list(self.zoom)}; accepted: the smaller number first, such as [0.9, 1.1]")
        return self

    def __str__(self) -> str:  # names augmented copies in the cache of features; tones only if they change
        tones = ("exposure", "blur", "noise")
        shown = {name: value for name, value in self if name not in tones or value}
        return f"Movement({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _augments_by(value: object) -> str:
    return MOVEMENT if isinstance(value, dict | Movement) else PRESET


# The name of a preset, or movements.
Augments = Annotated[Annotated[str, Tag(PRESET)] | Annotated[Movement, Tag(MOVEMENT)], Discriminator(_augments_by)]


class Augmentation(Frozen):
    """How training pictures are changed: the copies, once, and every sample, differently in each epoch."""

    copies: Augments = "none"  # copies that oversampling adds: computed once, then fixed
    epochs: Augments = "none"  # training rows of phases that train all layers: new in each epoch
