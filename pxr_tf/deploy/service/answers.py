"""The forms of requests and answers: what OpenAPI describes, and what the page shows."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pxr_tf.inference.predictions_file import NOTICE
from pxr_tf.inference.uploads import Answer

BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
DIGITS = 7  # of a probability: float32 has no more
PROMISE = (
    "A set holds the true class as often as promised, on average over new patients whose pictures come from the same "
    "places as the run's own. Pictures from other places, or of people with no class of the run, have no promise."
)


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


class SentPicture(BaseModel):
    """A picture in a JSON request."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(max_length=255)] = ""
    data: Annotated[str, Field(pattern=BASE64, description="The file (JPEG, PNG or DICOM), in Base64.")]


class Request(BaseModel):
    """A JSON request."""

    model_config = ConfigDict(extra="forbid", strict=True)
    pictures: Annotated[list[SentPicture], Field(min_length=1)]
    heat_map: bool = False


class ConformalSet(BaseModel):
    """The classes that cannot be ruled out."""

    promised: float
    classes: list[str]


class Result(BaseModel):
    """What is known about one picture. A picture that is refused or cannot be read has no probability."""

    name: str = Field(description="As it was sent; it is not kept.")
    accepted: bool = Field(description="Whether the gate took it for a chest X-ray that the models can judge.")
    reason: str | None = Field(None, description="Why the gate refused it.")
    fault: str | None = Field(None, description="Why it cannot be read.")
    predicted: str | None = None
    probabilities: dict[str, float] | None = Field(None, description="Calibrated, if `calibrated` is true.")
    as_given: dict[str, float] | None = Field(
        None, description="As the models give them; the thresholds and sets of the run are about these."
    )
    sets: list[ConformalSet] | None = Field(None, description=PROMISE)
    agreement: float | None = Field(None, description="Share of the models that predict this class.")
    models: int | None = Field(None, description="How many models were asked.")
    unlike: float | None = Field(
        None, description="Percent of the run's own held-out pictures that are nearer to what the models know."
    )
    known: str | None = Field(None, description="The role of the run's own picture that it shows.")
    whole: str | None = Field(None, description="Why the picture was not cropped, if the run crops.")
    caution: str | None = Field(None, description="What an audit found about the predicted class.")
    heat_map: str | None = Field(None, description="PNG in Base64, transparent, of the size that the models see.")


class Answered(BaseModel):
    """The answer to a request."""

    notice: str = NOTICE
    model: str = Field(description="The run's place: recipe, variant, scheme and seed.")
    calibrated: bool
    warnings: list[str]
    results: list[Result]


class FindingText(BaseModel):
    """A finding of an audit."""

    grade: str
    check: str
    subject: str
    text: str


class ModelFacts(BaseModel):
    """What the service knows about its model."""

    notice: str = NOTICE
    model: str
    classes: list[str]
    folds: list[str]
    temperature: float | None = Field(description="Null if the run is not calibrated.")
    image: dict[str, Any] = Field(description="How a picture is prepared.")
    gate: bool = Field(description="Whether pictures are refused that are no upright frontal chest X-ray.")
    heat_maps: bool
    promise: str = PROMISE
    warnings: list[str]
    audit: list[FindingText] | None = Field(description="The worst first; null without an audit.")
    limits: dict[str, float]


class Health(BaseModel):
    """Whether the service answers."""

    status: str = "ok"


def result_of(name: str, answer: Answer, whole: str, heat_map: str | None = None) -> Result:
    """Return an answer in its public form."""
    return Result(
        name=name,
        accepted=True,
        predicted=answer.predicted,
        probabilities=_short(answer.probabilities),
        as_given=_short(answer.as_given),
        sets=[ConformalSet(promised=share, classes=list(chosen)) for share, chosen in answer.sets.items()],
        agreement=answer.agreement,
        models=answer.models,
        unlike=None if answer.unlike is None else float(f"{answer.unlike:.{DIGITS}g}"),
        known=answer.known or None,
        whole=whole or None,
        caution=answer.caution or None,
        heat_map=heat_map,
    )


def _short(shares: Any) -> dict[str, float]:
    return {name: float(f"{share:.{DIGITS}g}") for name, share in shares.items()}
