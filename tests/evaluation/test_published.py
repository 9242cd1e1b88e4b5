"""The papers' files: figures as printed, the row that belongs to a run, and wrong files refused."""

from decimal import Decimal

import pytest
import yaml
from messages import assert_tells
from pydantic import ValidationError

from pxr_tf.config.plain_yaml import read_yaml
from pxr_tf.data.schemes import SCHEMES
from pxr_tf.evaluation.published import best_row, comparable_papers, find_row, read_papers, write_footnotes
from pxr_tf.evaluation.published.papers import PAPERS_FOLDER, PRINTED_PER_CLASS, read_paper

PAPER = "bozickovic2021"
FOUR = ("bacterial", "covid19", "normal", "viral")
THREE = ("normal", "viral", "bacterial")
TWO = ("normal", "pneumonia")
TABLE_2 = [(row.entry.model, row.entry.variant) for row in read_papers()[PAPER].rows]
FILES = sorted(PAPERS_FOLDER.glob("*.yaml"))


def find(paper, variant, classes=FOUR, model="xception"):
    return find_row(paper, variant=variant, model=model, classes=classes)


@pytest.mark.parametrize(
    ("paper", "variant", "classes", "model", "metric", "name", "value"),
    [
        (PAPER, "strategy2", FOUR, "xception", "accuracy", "all", 0.8786),
        (PAPER, "strategy2", FOUR, "xception", "sensitivity", "bacterial", 0.7680),  # printed as precision
        (PAPER, "strategy2", FOUR, "xception", "precision", "covid19", 0.9860),  # printed as sensitivity
        (PAPER, "strategy2", FOUR, "xception", "f1", "viral", 0.80),
        (PAPER, "strategy1", FOUR, "resnet50", "sensitivity", "covid19", 0.9852),
        (PAPER, "strategy3", FOUR, "inception_v3", "precision", "viral", 0.7715),
        (PAPER, "strategy2", FOUR, "inception_resnet_v2", "accuracy", "all", 0.8540),
        (PAPER, "strategy2", FOUR, "xception", "specificity", "viral", None),
        (PAPER, "strategy2", FOUR, "xception", "sensitivity", "all", None),
        ("chen2021", "logistic_regression", THREE, "linear", "sensitivity", "normal", 0.35470),
        ("chen2021", "feed_forward", THREE, "feed_forward", "accuracy", "all", 0.65705),
        ("chen2021", "small_cnn", THREE, "small_cnn", "sensitivity", "viral", 0.44594),
        ("chen2021", "alrelu_cnn", THREE, "alrelu_cnn", "accuracy", "all", 0.8157),
        ("chen2021", "resnet18", THREE, "resnet18", "sensitivity", "bacterial", 0.98718),
        ("chen2021", "resnet18", THREE, "resnet18", "precision", "bacterial", None),
        ("novokshanov2022", "plain", TWO, "leaky_cnn", "balanced_accuracy", "all", 0.949),
        ("novokshanov2022", "plain", TWO, "leaky_cnn", "precision", "pneumonia", 0.977),
        ("novokshanov2022", "weighted", TWO, "leaky_cnn", "sensitivity", "pneumonia", 0.992),
        ("novokshanov2022", "weighted", TWO, "leaky_cnn", "specificity", "pneumonia", 0.981),
        ("novokshanov2022", "weighted", TWO, "leaky_cnn", "sensitivity", "normal", None),
        ("novokshanov2022", "weighted", TWO, "leaky_cnn", "accuracy", "all", None),
        ("vazquez2021", "stage1", TWO, "resnet50", "accuracy", "all", 0.9230),
        ("vazquez2021", "stage1", TWO, "resnet50", "auc", "all", 0.9781),
        ("vazquez2021", "stage1", TWO, "resnet50", "threshold", "all", 0.9823),
        ("vazquez2021", "stage1", TWO, "resnet50", "accuracy_at_threshold", "all", 0.9262),
        ("vazquez2021", "stage1", TWO, "resnet50", "f1", "pneumonia", 0.9413),
        ("vazquez2021", "stage2", THREE, "any", "precision", "viral", 0.712),
        ("vazquez2021", "stage2", THREE, "any", "mean_sensitivity_specificity", "all", 0.8715),
        ("vazquez2021", "stage2", THREE, "any", "auc", "all", None),
        ("vazquez2021", "stage2", THREE, "any", "auc", "viral", None),
    ],
)
def test_figures_are_those_of_the_papers(paper, variant, classes, model, metric, name, value):
    assert find(paper, variant, classes, model).value(metric, name) == (value and pytest.approx(value, abs=1e-12))


def test_quoted_results_are_compared_with_no_run():
    binary, three = read_papers()["elsewhere"].tables
    assert [(row.source, row.accuracy) for row in binary.rows] == [
        ("rajaraman2018", Decimal("96.2")),
        ("ayan2021", Decimal("95.83")),
    ]
    assert [(row.source, row.accuracy, row.auc) for row in three.rows] == [
        ("rajaraman2018", Decimal("91.8"), Decimal("93.9")),
        ("ayan2021", Decimal("90.71"), None),
    ]
    assert find_row("elsewhere", variant=None, model="any", classes=TWO) is None
    assert comparable_papers() == [PAPER, "chen2021", "novokshanov2022", "vazquez2021"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_files_are_plain_yaml_and_their_schemes_exist(file):
    """No repeated keys, anchors or tags: YAML alone would take the last of two equal keys."""
    assert isinstance(read_yaml(file.read_text(encoding="utf-8"), file.name), dict)
    assert read_paper(file).scheme in SCHEMES


def test_digits_are_kept_as_printed():
    row = find("vazquez2021", "stage1", TWO, "resnet50")
    assert row.printed("accuracy").words == "92.30 %"
    assert row.printed("threshold").words == "0.9823"
    assert find(PAPER, "strategy2").printed("f1", "viral").words == "0.80"


@pytest.mark.parametrize(("model", "variant"), TABLE_2)
def test_f1_is_the_harmonic_mean_of_both_columns(model, variant):
    row = find(PAPER, variant, model=model)
    for name in FOUR:
        harmonic = 2 / (1 / row.value("precision", name) + 1 / row.value("sensitivity", name))
        assert row.value("f1", name) == pytest.approx(harmonic, abs=0.025)  # means over folds; the paper cuts digits


@pytest.mark.parametrize(
    ("paper", "variant", "classes", "model"),
    [
        (None, "strategy2", FOUR, "xception"),
        ("elsewhere", "strategy2", FOUR, "xception"),
        ("unknown", "strategy2", FOUR, "xception"),
        (PAPER, "strategy2", FOUR, "mobilenet_025"),
        (PAPER, "strategy4", FOUR, "xception"),
        (PAPER, "strategy2", THREE, "xception"),
        ("chen2021", "resnet18", THREE, "mobilenet_025"),
        ("chen2021", "small_cnn", THREE, "mobilenet_025"),  # a backbone instead of the network is another model
        ("chen2021", "small_cnn", TWO, "small_cnn"),
        ("vazquez2021", "stage1", THREE, "resnet50"),
        ("vazquez2021", "stage2", TWO, "resnet50"),
    ],
)
def test_no_row_is_found_if_the_paper_has_none(paper, variant, classes, model):
    assert find(paper, variant, classes, model) is None


def test_the_order_of_classes_makes_no_difference():
    assert find(PAPER, "strategy2", FOUR[::-1]) == find(PAPER, "strategy2", FOUR)


@pytest.mark.parametrize(
    ("paper", "classes", "label"),
    [
        (PAPER, FOUR, "resnet50, strategy3"),
        ("chen2021", THREE, "alrelu_cnn"),  # not resnet18, which was not measured on the test images
        ("vazquez2021", TWO, "resnet50, stage1"),
        ("novokshanov2022", TWO, None),  # prints no accuracy
        (PAPER, THREE, None),
        (None, FOUR, None),
    ],
)
def test_the_best_row(paper, classes, label):
    best = best_row(paper, classes)
    assert (best and best.label) == label


def plant(path, **changes):
    """Write the smallest good file with some keys changed (``tables__0__classes``)."""
    row = {"variant": "one", "accuracy": "90.1", "sensitivity": {"a": "90.1"}}
    values = {
        "title": "A",
        "scheme": "official",
        "test_rows": "all",
        "tables": [{"classes": ["a", "b"], "rows": [row]}],
    }
    for key, value in changes.items():
        *parents, last = (int(part) if part.isdigit() else part for part in key.split("__"))
        place = values
        for parent in parents:
            place = place[parent]
        place[last] = value
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_the_smallest_good_file_is_read(tmp_path):
    (row,) = read_paper(plant(tmp_path / "a.yaml")).rows
    assert [row.value("accuracy"), row.value("sensitivity", "a"), row.value("sensitivity", "b")] == [0.901, 0.901, None]
    assert write_footnotes(row) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"year": "2021"}, "Extra inputs"),
        ({"tables__0__rows__0__recall": {"a": "90"}}, "Extra inputs"),
        ({"tables__0__rows__0__accuracy": "101"}, "less than or equal to 100"),
        ({"tables__0__rows__0__accuracy": "-1"}, "greater than or equal to 0"),
        ({"tables__0__rows__0__accuracy": "nan"}, "finite"),
        ({"tables__0__rows__0__accuracy": "90.1 %"}, "valid decimal"),
        ({"tables__0__rows__0__accuracy": ["90.1"]}, "Decimal"),
        ({"tables__0__rows__0__sensitivity": {"c": "90"}}, "'c'.*a, b"),
        ({"tables__0__rows__0__threshold_from": "training"}, "'test' or 'validation'"),
        ({"tables__0__test_counts": {"a": "3"}}, "a.*a, b"),
        ({"tables__0__test_counts": {"a": "3", "b": "0"}}, "greater than 0"),
        ({"tables__0__images": {"a": "3", "b": "4"}}, "belong together"),
        ({"tables__0__test_share": "0.1"}, "belong together"),
        ({"tables__0__rows": [{"variant": "one"}, {"variant": "one"}]}, "two rows"),
        ({"tables__0__rows": []}, "at least 1 item"),
        ({"tables__0__classes": ["a"]}, "at least 2 items"),
        ({"tables": []}, "at least 1 item"),
        ({"unit": "hospital"}, "'patient' or 'image'"),
        ({"test_rows": "most"}, "'balanced' or 'all'"),
        ({"folds": "0"}, "greater than 0"),
        ({"exchanged": ["precision"]}, "two|2"),
        ({"exchanged": ["precision", "precision"]}, "two|2"),
        ({"exchanged": ["precision", "recall"]}, "Input should be"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, changes, message):
    with pytest.raises(ValidationError, match=message):
        read_paper(plant(tmp_path / "a.yaml", **changes))


@pytest.mark.parametrize("metric", PRINTED_PER_CLASS)
def test_exchanged_columns_are_data(tmp_path, metric):
    other = {"precision": "f1", "f1": "precision"}.get(metric, metric)
    figures = {
        f"tables__0__rows__0__{name}": {"a": f"{50 + number}.0"} for number, name in enumerate(PRINTED_PER_CLASS)
    }
    (row,) = read_paper(plant(tmp_path / "a.yaml", exchanged=["precision", "f1"], **figures)).rows
    assert row.value(metric, "a") == (50 + PRINTED_PER_CLASS.index(other)) / 100
    (note,) = write_footnotes(row)
    assert_tells(note, "precision", "f1", "exchange")
