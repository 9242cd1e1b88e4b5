"""How training pictures are changed: by presets that have a name, or by movements (`pictures/augment.py`)."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from pxr_tf.vocabulary.values import Flag, Fraction, Frozen, Number, Zoom

PRESET, MOVEMENT = "preset", "movement"  # the two ways, as pydantic's errors name them


class Movement(Frozen):
    """How far a picture may be moved; each is drawn evenly between its limits."""

    rotate: Annotated[Number, Field(ge=0, le=180)] = 0.0  # degrees at most, either way
    zoom: tuple[Zoom, Zoom] = (1.0, 1.0)  # from, to; above 1: larger, so that the borders are lost
    shift: Fraction = 0.0  # share of either side at most, in any direction
    mirror: Flag = False  # left to right, every second time
    border: Literal["black", "stretch"] = "black"  # beyond the edge; stretch: its last pixels

    @model_validator(mode="after")
    def _from_to(self) -> "Movement":
        if self.zoom[0] > self.zoom[1]:
            raise ValueError(f"zoom received {list(self.zoom)}; accepted: the smaller number first, such as [0.9, 1.1]")
        return self

    def __str__(self) -> str:  # names augmented copies in the cache of features
        return repr(self)


def _augments_by(value: object) -> str:
    return MOVEMENT if isinstance(value, dict | Movement) else PRESET


# The name of a preset, or how far pictures are moved.
Augments = Annotated[Annotated[str, Tag(PRESET)] | Annotated[Movement, Tag(MOVEMENT)], Discriminator(_augments_by)]


class Augmentation(Frozen):
    """How training pictures are changed: the copies among them, and every sample anew in each epoch."""

    copies: Augments = "none"  # the copies that oversampling adds: fixed pictures, computed once
    epochs: Augments = "none"  # every training row of a phase that trains all layers: new in each epoch
