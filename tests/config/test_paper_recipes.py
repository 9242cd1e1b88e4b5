"""The papers' recipes: what is ours says so, and what a paper drew is drawn, or said to be missing."""

import re

import pytest

from pxr_tf.config import configs_folder, load_experiment

OURS = ("l2", "solver", "learning_rate", "momentum", "batchnorm_momentum", "decay")  # no paper figure behind any


def variants_of(recipe: str) -> dict[str, list[tuple[str, str]]]:
    """Return variant -> (line, what is said of it) of its model, training and phases, ``tuning`` left out."""
    text = (configs_folder() / f"{recipe}.yaml").read_text().partition("\nvariants:\n")[2].partition("\n\n")[0]
    found: dict[str, list[tuple[str, str]]] = {}
    remark = ""
    for line in text.splitlines():
        if re.match(r"  \w", line):
            lines = found.setdefault(line.strip().rstrip(":"), [])
            continue
        values, _, said = line.partition("#")
        remark = said if said or not values.strip().startswith("- ") else remark  # a heading's remark holds below it
        if not values.strip().startswith("tuning:"):
            lines.append((values, remark))
    return found


@pytest.mark.parametrize("key", OURS)
def test_what_chen2021_does_not_give_is_marked(key):
    said = {
        (name, values.strip()): remark
        for name, lines in variants_of("chen2021").items()
        for values, remark in lines
        if re.search(rf"\b{key}:", values)
    }
    assert said
    assert [place for place, remark in said.items() if "ours" not in remark] == []


@pytest.mark.parametrize(("variant", "ours"), [("small_cnn", False), ("alrelu_cnn", True), ("resnet18", True)])
def test_epochs_that_chen2021_does_not_give_are_marked(variant, ours):
    (remark,) = (remark for values, remark in variants_of("chen2021")[variant] if "max_epochs:" in values)
    assert ("epochs" in remark and "ours" in remark) == ours


@pytest.mark.parametrize(("recipe", "missing"), [("chen2021", "Grad-CAM"), ("novokshanov2022", "Guided Grad-CAM")])
def test_a_recipe_draws_feature_maps_and_says_what_is_not_drawn(recipe, missing):
    assert {"filters", "feature_maps"} <= set(load_experiment(recipe).show)
    head = (configs_folder() / f"{recipe}.yaml").read_text().partition("\nname:")[0]
    assert re.search(rf"^# Not drawn yet: the paper's {missing}\b", head, re.MULTILINE)
