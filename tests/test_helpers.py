"""What the tests lean on catches what it must: a fact that is not told, an import that is not allowed."""

from importlib import import_module

import pytest
from light import without_tensorflow
from messages import WHOLE_NUMBER, assert_says, assert_tells, at_least, refused

from pxr_tf.errors import PxrError


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ("splits.folds received 1; accepted: 2 or more.", ("splits.folds", "1", at_least(2))),
        ("Accepted for splits.folds: at least 2. Received: 1.", ("splits.folds", "1", at_least(2))),
        ("Give `seed` an integer, not '5'.", ("seed", "'5'", WHOLE_NUMBER)),
        ("margin received -0.1.", ("-0.1",)),
        ("See runs/a.csv.", ("a.csv",)),
        ("Images of class flu: none.", ("image", "flu", "none")),
    ],
)
def test_facts_may_be_worded_and_ordered_in_any_way(message, facts):
    assert_says(message, *facts)


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        ("received 12", "2"),
        ("received 2.5", "2"),
        ("received 1.2", "2"),
        ("received -2", "2"),
        ("received '5'", "'6'"),
        ("lungs_only", "lungs"),
        ("1 images", "1 image"),
        ("accepted: 2 or less", at_least(2)),
        ("accepted: 12 or more", at_least(2)),
        ("", "2"),
        ("2\nTraceback", "2"),
    ],
)
def test_a_fact_that_is_not_told_is_missed(message, fact):
    with pytest.raises(AssertionError):
        assert_says(message, fact)


def test_a_text_of_several_lines_may_break_a_fact():
    assert_tells("3 patients are in\n  training and test", "in training")


def test_a_refusal_is_an_error_of_one_line_that_tells_the_facts():
    with refused("--crop", "'lung'"):
        raise PxrError("--crop received 'lung'.")
    with pytest.raises(AssertionError), refused("'lungs'"):
        raise PxrError("--crop received 'lung'.")
    with pytest.raises(pytest.fail.Exception), refused("'lung'"):
        pass


@pytest.mark.parametrize("name", ["tensorflow", "keras"])
def test_without_tensorflow_its_import_fails(name):
    with without_tensorflow(), pytest.raises(ImportError):
        import_module(name)
