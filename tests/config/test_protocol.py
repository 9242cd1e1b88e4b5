"""Protocols: the runs of a paper, read strictly, and not part of any experiment."""

import pytest
import yaml
from messages import LIST, MAPPING, TWICE, UNKNOWN, any_of, at_least, nearest, refused

from pxr_tf.config import configs_folder, load_experiment
from pxr_tf.config.protocol import load_protocol

GOOD = {"variants": ["plain"], "seeds": [0, 1], "compare": {"a": {"splits.unit": "image"}, "b": {}}}


def recipe_with(tmp_path, reproduce):
    values = yaml.safe_load((configs_folder() / "novokshanov2022.yaml").read_text())
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(values | {"reproduce": reproduce}))
    return file


def test_the_papers_protocols():
    chen, novokshanov = (load_protocol(name) for name in ("chen2021", "novokshanov2022"))
    assert chen.variants == ("logistic_regression", "feed_forward", "small_cnn", "alrelu_cnn", "resnet18")
    assert (chen.seeds, chen.settings) == ((0, 1, 2), {"": {}})
    assert novokshanov.settings == {"by image": {"splits.unit": "image"}, "by patient": {"splits.unit": "patient"}}


def test_a_protocol_is_not_part_of_an_experiment(tmp_path):
    assert load_experiment(recipe_with(tmp_path, GOOD)) == load_experiment("novokshanov2022")


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"sedes": [1]}, [UNKNOWN, "'sedes'", "variants", "compare", nearest("'seeds'")]),
        ({"seeds": []}, ["seeds", "[]", LIST, at_least(1)]),
        ({"seeds": [-1]}, ["seeds.0", "-1", at_least(0)]),
        ({"variants": ["plain", "wieghted"]}, ["'wieghted'", "variants", "plain", "weighted"]),
        ({"compare": {"a": {}}}, ["compare", "1 setting", "none", any_of("two", "2")]),
        ({"compare": {"a": {"seed": 1}, "b": {}}}, ["compare.a", "seed"]),
        ({"variants": ["plain", "plain"]}, ["variants", "'plain'", TWICE]),
        ({"seeds": [0, 1, 0]}, ["seeds", "0", TWICE]),
        ({"compare": ["a"]}, ["compare", "['a']", MAPPING]),
    ],
)
def test_an_impossible_protocol_is_refused_in_one_line(tmp_path, change, facts):
    with refused(*facts):
        load_protocol(recipe_with(tmp_path, GOOD | change))


def test_a_protocol_that_is_not_a_mapping_is_refused(tmp_path):
    with refused("recipe.yaml", "reproduce", "3", MAPPING):
        load_protocol(recipe_with(tmp_path, 3))


def test_a_recipe_without_a_protocol_is_named():
    with refused("phantom.yaml", any_of("reproduce")):
        load_protocol("phantom")
