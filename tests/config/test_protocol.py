"""What a recipe says of a paper's runs: read strictly, and no part of any experiment."""

import pytest
import yaml

from pxr_tf.config import configs_folder, load_experiment
from pxr_tf.config.protocol import load_protocol
from pxr_tf.errors import PxrError

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


def test_what_to_run_is_no_part_of_an_experiment(tmp_path):
    assert load_experiment(recipe_with(tmp_path, GOOD)) == load_experiment("novokshanov2022")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sedes": [1]}, "unknown key 'sedes'. Known here: variants, seeds, compare. Did you mean 'seeds'?"),
        ({"seeds": []}, "seeds received []; accepted: a list of 1 or more"),
        ({"seeds": [-1]}, "seeds.0 received -1; accepted: 0 or more"),
        ({"variants": ["plain", "wieghted"]}, "names 'wieghted'; the variants are plain, weighted."),
        ({"compare": {"a": {}}}, "compare received 1 setting; accepted: none, or two by name"),
        ({"compare": {"a": {"seed": 1}, "b": {}}}, "compare.a gives seed; accepted: other keys, as all settings run"),
        ({"variants": ["plain", "plain"]}, "variants received 'plain' twice; accepted: each once."),
        ({"seeds": [0, 1, 0]}, "seeds received 0 twice; accepted: each once."),
        ({"compare": ["a"]}, "compare received ['a']; accepted: a mapping"),
    ],
)
def test_an_impossible_protocol_is_refused_in_one_line(tmp_path, change, expected):
    with pytest.raises(PxrError) as caught:
        load_protocol(recipe_with(tmp_path, GOOD | change))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_mapping_is_refused_in_plain_words(tmp_path):
    with pytest.raises(PxrError, match=r"recipe.yaml: reproduce: received 3; accepted: a mapping"):
        load_protocol(recipe_with(tmp_path, 3))


def test_a_recipe_without_one_is_named():
    with pytest.raises(PxrError, match=r"phantom.yaml says nothing of what to reproduce"):
        load_protocol("phantom")
