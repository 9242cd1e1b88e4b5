"""``--model`` and ``--weights``: what they mean depends on the kind of the recipe's model."""

from collections.abc import Mapping
from typing import Any

from pxr_tf.config import read_values
from pxr_tf.errors import PxrError
from pxr_tf.training.learners import check_learner


def fit_kind(recipe: str, given: Mapping[str, Any], set_here: Mapping[str, Any], variant: str | None) -> dict[str, Any]:
    """Return what was given, ``--model`` and ``--weights`` as the kind of the recipe's model needs them.

    A backbone takes the place of a paper's own network (`with_backbone`). Raises `PxrError` where the learner does not
    exist, or has no use for the options. This comes before the experiment is validated: a misspelt learner would make
    everything else look wrong.
    """
    model = read_values(recipe, set_here, variant=variant)[0].get("model")
    kind = model.get("kind", "transfer") if isinstance(model, dict) else "transfer"
    if not isinstance(kind, str) or check_learner(kind) == "transfer":
        return dict(given)
    if kind == "scratch" and "model.backbone" in given and "model.kind" not in set_here:
        return with_backbone(given, model.get("output", "softmax"))
    for option, key, noun in (("--model", "model.backbone", "backbone"), ("--weights", "model.weights", "weights")):
        if key in given and (kind, option) != ("on_features", "--model"):  # there it says which first run
            raise PxrError(
                f"{option} received {given[key]!r}, but the learner {kind!r} (model.kind) has no {noun}. Leave "
                f"{option} out, or use model.kind=transfer."
            )
    return dict(given)


def with_backbone(given: Mapping[str, Any], output: str) -> dict[str, Any]:
    """Return what was given, its backbone with an output layer alone as a whole model; the recipe's phases stay."""
    rest = dict(given)
    backbone, weights = rest.pop("model.backbone"), rest.pop("model.weights", "imagenet")
    head = {"hidden_units": [], "output": output}
    return {"model": {"kind": "transfer", "backbone": backbone, "weights": weights, "head": head}, **rest}
