"""The section `model` of a recipe: a model of a kind in this package, or of a learner that was added."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Tag

from pxr_tf.vocabulary.model import Linear, OnFeatures, Scratch, Transfer


class OtherModel(BaseModel):
    """A model of another learner (`training.learners`), which checks its own settings when it is called."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    kind: str

    @property
    def name(self) -> str:
        """The name that distinguishes this model from others under the same variant."""
        return self.kind


MODEL_KINDS = {"transfer": Transfer, "scratch": Scratch, "on_features": OnFeatures, "linear": Linear}
NETWORK_KINDS = ("transfer", "scratch")  # networks on pixels: the same phases can train either
OTHER = "other"


def _kind_of(model: object) -> str:
    kind = model.get("kind", "transfer") if isinstance(model, dict) else getattr(model, "kind", "transfer")
    return kind if kind in tuple(MODEL_KINDS) else OTHER


Model = Annotated[
    Annotated[Transfer, Tag("transfer")]
    | Annotated[Scratch, Tag("scratch")]
    | Annotated[OnFeatures, Tag("on_features")]
    | Annotated[Linear, Tag("linear")]
    | Annotated[OtherModel, Tag(OTHER)],
    Discriminator(_kind_of),
]
