"""The papers' recipes: our own values are marked, and each figure of a paper is drawn, or has its command."""

import re

import pytest

from pxr_tf.config import configs_folder, load_experiment, load_grid
from pxr_tf.config.protocol import load_protocol

OURS = {  # keys whose values no paper gives
    "chen2021": ("l2", "solver", "learning_rate", "momentum", "batchnorm_momentum", "decay"),
    "vazquez2021": ("border", "shift", "momentum"),
}


def variants_of(recipe: str) -> dict[str, list[tuple[str, str]]]:
    """Return variant -> (line, its remark) of its model, training and phases, without ``tuning``."""
    text = (configs_folder() / f"{recipe}.yaml").read_text().partition("\nvariants:\n")[2].partition("\n\n")[0]
    found: dict[str, list[tuple[str, str]]] = {}
    remark = ""
    for line in text.splitlines():
        if re.match(r"  \w", line):
            lines = found.setdefault(line.strip().rstrip(":"), [])
            continue
        values, _, said = line.partition("#")
        remark = said if said or not values.strip().startswith("- ") else remark  # a heading's applies below it
        if not values.strip().startswith("tuning:"):
            lines.append((values, remark))
    return found


@pytest.mark.parametrize(("recipe", "key"), [(recipe, key) for recipe, keys in OURS.items() for key in keys])
def test_what_a_paper_does_not_give_is_marked(recipe, key):
    said = {
        (name, values.strip()): remark
        for name, lines in variants_of(recipe).items()
        for values, remark in lines
        if re.search(rf"\b{key}:", values)
    }
    assert said
    assert [place for place, remark in said.items() if "ours" not in remark] == []


@pytest.mark.parametrize(("variant", "ours"), [("small_cnn", False), ("alrelu_cnn", True), ("resnet18", True)])
def test_epochs_that_chen2021_does_not_give_are_marked(variant, ours):
    (remark,) = (remark for values, remark in variants_of("chen2021")[variant] if "max_epochs:" in values)
    assert ("epochs" in remark and "ours" in remark) == ours


MARKED = [  # recipe, a fact of the comment, what the comment is on or above
    ("novokshanov2022", "128: the paper's", "image: {size: 128"),
    ("novokshanov2022", "LeakyReLU between the two linear layers: ours", "network: leaky_cnn"),
    ("novokshanov2022", "Padded convolutions", "network: leaky_cnn"),
    ("novokshanov2022", "kernels alone: ours", "l2: 1.0e-4"),
    ("chen2021", "same 800 for", "validation: 800"),
    ("chen2021", "train on the validation rows", "model: {kind: linear"),
    ("chen2021", "validation rows choose the rate", "backbone: resnet18"),
    ("chen2021", "ReLU in its three layers; ours: after the first two", "network: feed_forward"),
    ("chen2021", "ReLU after both convolutions and the first fully connected layer: ours", "network: small_cnn"),
    ("chen2021", "padded: ours", "channels: [32, 64, 128, 256, 512]"),
    ("vazquez2021", "1024 x 1024", "image: {size: 224"),
    ("vazquez2021", "margin of 5 %", "lungs: {image.crop: lungs}"),
    ("vazquez2021", "not trusted are shown whole", "lungs: {image.crop: lungs}"),
]


@pytest.mark.parametrize(("recipe", "fact", "value"), MARKED)
def test_a_choice_of_ours_is_marked_where_it_is_made(recipe, fact, value):
    lines = (configs_folder() / f"{recipe}.yaml").read_text().splitlines()
    (number,) = (number for number, line in enumerate(lines) if value in line)
    first = number
    while lines[first - 1].strip().startswith("#"):
        first -= 1
    said = " ".join(line.partition("#")[2].strip() for line in lines[first : number + 1])
    assert fact in said and re.search(r"\bours\b", said, re.IGNORECASE)


@pytest.mark.parametrize("recipe", [*OURS, "novokshanov2022", "bozickovic2021"])
def test_a_papers_page_lists_our_choices_next_to_the_papers(recipe):
    page = (configs_folder().parent / "docs" / "papers" / f"{recipe}.md").read_text(encoding="utf-8")
    head, line, *rows = page.partition("\n## Our choices\n")[2].partition("\n\n")[0].splitlines()
    assert (head, line) == ("| choice | the paper | ours | why |", "|---|---|---|---|")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert len(cells) >= 8
    assert [row for row in cells if len(row) != 4 or not all(row) or row[1] == row[2]] == []


@pytest.mark.parametrize(
    ("recipe", "variant", "given"),
    [
        ("novokshanov2022", "plain", {"phases.all.l2_on": "all"}),
        ("vazquez2021", "stage1", {"image.crop": "lungs", "image.margin": 0}),
        ("vazquez2021", "stage1", {"image.size": 1024}),
    ],
)
def test_the_papers_own_way_is_an_option(recipe, variant, given):
    ours, theirs = (load_experiment(recipe, values, variant=variant) for values in ({}, given))
    assert theirs != ours
    assert theirs.image.crop_margin == 0


@pytest.mark.parametrize(("recipe", "missing"), [("chen2021", "Grad-CAM"), ("novokshanov2022", "Guided Grad-CAM")])
def test_a_recipe_draws_feature_maps_and_has_the_command_for_the_rest(recipe, missing):
    assert {"filters", "feature_maps"} <= set(load_experiment(recipe).show)
    head = (configs_folder() / f"{recipe}.yaml").read_text().partition("\nname:")[0]
    assert re.search(rf"^# The paper's {missing}: make explain\b", head, re.MULTILINE)


def test_vazquez2021_has_the_numbers_of_the_paper():
    """The two phases, the movements of the copies of normal images, and the epoch of the lowest loss in ten."""
    stage1 = load_experiment("vazquez2021", variant="stage1")
    head, everything = stage1.phases
    assert (head.optimizer, head.learning_rate, head.l2, head.max_epochs, head.patience) == ("adam", 1e-3, 0, 20, None)
    assert (everything.optimizer, everything.learning_rate, everything.max_epochs) == ("sgd", 1e-4, 10)
    assert (everything.patience, everything.keep) == (None, "best")
    copies = stage1.augmentation.copies
    assert (copies.rotate, copies.zoom, copies.shift, copies.mirror) == (10, (1.0, 1.2), 0, True)
    assert (stage1.balance.oversample, stage1.balance.target, stage1.balance.cap) == (("normal",), None, None)
    assert (stage1.splits.scheme, stage1.splits.validation, stage1.image.size) == ("official", 0.2, 224)
    assert (stage1.backbone, stage1.model.head.hidden_units, stage1.model.output) == ("resnet50", (), "softmax")
    assert (stage1.classes, stage1.merge) == (("normal", "pneumonia"), {"pneumonia": ("bacterial", "viral")})
    assert {values["image.crop"] for values in load_protocol("vazquez2021").settings.values()} == {"lungs", "none"}
    assert set(load_grid("vazquez2021", variant="stage1")) == {"phases.0.learning_rate", "phases.0.l2"}
