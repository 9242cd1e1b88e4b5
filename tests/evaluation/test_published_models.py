"""What always holds for the figures of one confusion matrix, and for means over folds."""

from fractions import Fraction

import pytest
from printed_figures import ROUNDINGS, print_value

from pxr_tf.evaluation.published.feasibility import Figure, value_range
from pxr_tf.evaluation.published.models import NARROW, MeanOfFolds, OneMatrix

CLASSES = ("a", "b", "c")
TWO = CLASSES[:2]
HALVES = (Fraction(1, 2), Fraction(1, 2))


def printed(metric, name, percent=0):
    """Return a figure in percent with four digits after the point."""
    return Figure(metric, name, print_value(Fraction(percent) / 100, 4, ROUNDINGS[0]))


def span(model, figures, metric, name):
    return pytest.approx(tuple(map(float, value_range(model, figures, printed(metric, name)))), abs=1e-4)


def test_equal_classes_have_equal_shares():
    model = OneMatrix(CLASSES, total=9, equal=True)
    for name in CLASSES:
        assert span(model, [], "prevalence", name) == (1 / 3, 1 / 3)


def test_means_lie_between_0_and_1():
    for metric, name in (("accuracy", "all"), ("precision", "a"), ("sensitivity", "macro")):
        assert span(MeanOfFolds(TWO), [], metric, name) == (0, 1)


def test_a_mean_f1_lies_between_its_tangents_and_the_sum_less_one():
    """Precision and sensitivity of 90 %: in every fold F1 is at least p + s - 1, and its mean at most theirs."""
    figures = [printed("precision", "a", 90), printed("sensitivity", "a", 90)]
    assert span(MeanOfFolds(TWO), figures, "f1", "a") == (0.8, 0.9)


def test_known_shares_fix_the_accuracy_and_each_classs_own():
    model = MeanOfFolds(TWO, HALVES)
    sensitivities = [printed("sensitivity", "a", 100), printed("sensitivity", "b", 50)]
    assert span(model, sensitivities, "accuracy", "all") == (0.75, 0.75)
    assert span(model, sensitivities, "balanced_accuracy", "all") == (0.75, 0.75)
    specificities = [printed("specificity", "a", 50), printed("specificity", "b", 100)]
    assert span(model, specificities, "accuracy", "all") == (0.75, 0.75)
    one_class = [printed("sensitivity", "a", 90), printed("specificity", "a", 70)]
    assert span(model, one_class, "class_accuracy", "a") == (0.8, 0.8)


def test_folds_whose_shares_may_differ_leave_the_accuracy_as_much_room():
    sensitivities = [printed("sensitivity", "a", 100), printed("sensitivity", "b", 50)]
    model = MeanOfFolds(TWO, HALVES, slack=Fraction(1, 50))
    assert span(model, sensitivities, "accuracy", "all") == (0.73, 0.77)


def test_a_class_has_no_more_errors_than_there_are():
    """The misses of a, a fifth of half the images, are all errors: none is left to be a false positive of a."""
    model = MeanOfFolds(TWO, HALVES)
    figures = [printed("accuracy", "all", 90), printed("sensitivity", "a", 80)]
    assert span(model, figures, "specificity", "a") == (1, 1)


@pytest.mark.parametrize("model", [MeanOfFolds(TWO), OneMatrix(TWO, (10, 20))])
@pytest.mark.parametrize("metric", ["precision", "sensitivity", "f1"])
def test_a_micro_average_is_the_accuracy(metric, model):
    assert span(model, [printed("accuracy", "all", 80)], metric, "micro") == (0.8, 0.8)


def test_narrow_true_negatives_are_the_hits_of_the_other_classes():
    """Of ten images each, 5, 8 and 10 are right, and 2 of b are taken for a: 18 narrow true negatives of a."""
    hits = [printed("sensitivity", name, percent) for name, percent in zip(CLASSES, (50, 80, 100), strict=True)]
    figures = [*hits, printed("precision", "a", Fraction(500, 7))]
    model = OneMatrix(CLASSES, (10, 10, 10))
    assert span(model, figures, NARROW["specificity"], "a") == (18 / 20, 18 / 20)
    assert span(model, figures, NARROW["class_accuracy"], "a") == (23 / 30, 23 / 30)


@pytest.mark.parametrize(
    ("metric", "name"), [("specificity", "micro"), ("precision", "weighted"), (NARROW["specificity"], "a")]
)
def test_figures_that_put_no_limit_on_means_have_no_terms(metric, name):
    assert MeanOfFolds(CLASSES).terms(printed(metric, name)) == []
