"""Notes on a published row, in sentences; every number in them is computed from the row's figures."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from pxr_tf.errors import count_words
from pxr_tf.evaluation.published import consistency
from pxr_tf.evaluation.published.feasibility import Figure, impossible, value_range
from pxr_tf.evaluation.published.interpretations import OTHER_NAMES, implied_mean
from pxr_tf.evaluation.published.models import OneMatrix
from pxr_tf.evaluation.published.papers import PaperRow, paper_rows
from pxr_tf.evaluation.published.printed import Printed, Range
from pxr_tf.evaluation.published.search import find_matrix

UNLIKELY = 3  # standard deviations: a random test part that differs by more is worth a sentence
RARE = 2  # standard deviations: one random test part in 22 differs by more; a guess that needs such a part must say so


def write_footnotes(row: PaperRow) -> list[str]:
    """Return the paragraphs of notes on a row."""
    notes = [_exchanged(row), _no_area(row), _misfit(row), " ".join(_contradictions(row)), _threshold(row)]
    return [note for note in notes if note]


def write_count_note(row: PaperRow, counted: int) -> str:
    """Return one sentence: how many test images the paper's counts or figures imply, and how many our result counts."""
    return f"{write_implied(row)}; our result counts {counted:,}."


def misfits(row: PaperRow) -> dict[str, Printed]:
    """Return class or ``all`` -> figure that does not fit the numbers of test images that the paper states.

    The figure of ``all`` is the accuracy, which must also equal the sum of the sensitivities' images.
    """
    counts = row.table.test_counts
    if counts is None or row.paper.folds > 1:
        return {}
    figures, accuracy, total = _sensitivities(row), row.printed("accuracy"), sum(counts.values())
    found = {name: figure for name, figure in figures.items() if not consistency.fits(figure, counts[name])}
    if accuracy and not consistency.fits(accuracy, total):
        return found | {"all": accuracy}
    if accuracy and not found and set(figures) == set(counts):
        model = OneMatrix(row.table.classes, tuple(counts[name] for name in row.table.classes))
        every = [Figure("sensitivity", name, figure) for name, figure in figures.items()]
        return {"all": accuracy} if impossible(model, [*every, Figure("accuracy", "all", accuracy)]) else {}
    return found


def best_row(paper: str | None, classes: tuple[str, ...]) -> PaperRow | None:
    """Return the row with the highest accuracy for these classes, or None.

    Rows whose figures cannot come from the paper's stated test images do not count.
    """
    rows = [row for row in paper_rows(paper, classes) if row.printed("accuracy") and not misfits(row)]
    return max(rows, key=lambda row: row.value("accuracy"), default=None)


def _sensitivities(row: PaperRow) -> dict[str, Printed]:
    printed = {name: row.printed("sensitivity", name) for name in row.table.classes}
    return {name: figure for name, figure in printed.items() if figure}


def _exchanged(row: PaperRow) -> str:
    if not row.paper.exchanged:
        return ""
    one, other = row.paper.exchanged
    return (
        f"The paper prints its {one} and {other} the other way round{_why_exchanged(row)}. This comparison "
        "exchanges the two columns."
    )


def _no_area(row: PaperRow) -> str:
    """Return what the paper's AUC is if it is not an area under ROC curves."""
    figure = row.printed("mean_sensitivity_specificity")
    if figure is None:
        return ""
    found = implied_mean(row)
    proof = "" if found is None else f": its own sensitivities and precisions give {100 * float(found[0]):.2f} %"
    return (
        f"What the paper calls AUC ({figure.words}) is not an area under a ROC curve. It is the mean over classes of "
        f"(sensitivity + specificity) / 2{proof}. Ours next to it is computed in the same way."
    )


def _why_exchanged(row: PaperRow) -> str:
    """Return the evidence that sensitivity is in another column; only balanced test folds can show it."""
    if "sensitivity" not in row.paper.exchanged or row.paper.test_rows != "balanced":
        return ""
    column = next(name for name in row.paper.exchanged if name != "sensitivity")
    rows = [
        one for one in row.siblings if one.printed("accuracy") and set(_sensitivities(one)) == set(one.table.classes)
    ]
    return (
        ", as its own accuracies show: on test folds with equally many images per class, accuracy is the mean "
        f"sensitivity, and in {sum(map(_mean_is_accuracy, rows))} of {count_words(len(rows), 'cell')} it equals "
        f"the mean of the "
        f"printed {column} to the last digit"
    )


def _mean_is_accuracy(row: PaperRow) -> bool:
    numbers = [figure.number for figure in _sensitivities(row).values()]
    accuracy = row.printed("accuracy").number
    half_unit = Decimal(1).scaleb(accuracy.as_tuple().exponent) / 2
    return abs(sum(numbers) / len(numbers) - accuracy) <= half_unit


def _misfit(row: PaperRow) -> str:
    found, counts = misfits(row), row.table.test_counts
    if not found:
        return ""
    total = sum(counts.values())
    if list(found) == ["all"] and consistency.fits(found["all"], total):
        words = found["all"].words
        return (
            f"On the paper's {count_words(total, 'test image')}, its sensitivities do not add up to its accuracy of "
            f"{words}."
        )
    what = ", ".join(
        f"{figure.words} of {total if name == 'all' else counts[name]} {'' if name == 'all' else name}".rstrip()
        for name, figure in found.items()
    )
    smallest = {name: consistency.smallest_count([figure]) for name, figure in _sensitivities(row).items()}
    note = (
        f"The paper's figures cannot come from its {count_words(total, 'test image')}: no whole number of images "
        f"gives {what}."
    )
    least = f" The smallest image counts that fit its sensitivities are {_list_counts(smallest)}."
    return note + (least if smallest else "")


def write_implied(row: PaperRow) -> str:
    """Return how many test images the paper's counts or the row's figures imply, as the start of a sentence."""
    if row.paper.folds > 1 and row.paper.test_rows == "balanced" and _sensitivities(row):
        return _implied_by_folds(row)
    if row.table.images:
        images = sum(row.table.images.values())
        share = f"{100 * float(row.table.test_share):g} % of {images:,}"
        return f"The paper's counts imply {count_words(row.table.num_tested, 'test image')} ({share})"
    counts, wrong = row.table.test_counts, misfits(row)
    rows = [row] if wrong or not counts else [one for one in row.siblings if not misfits(one)]
    smallest = _smallest_counts(rows)
    if not counts:
        return _implied_alone(row, sum(smallest.values()))
    total = sum(counts.values())
    if wrong:
        return f"{_implied_alone(row, sum(smallest.values()))}, but not the paper's {total:,}"
    if smallest == counts:
        return f"The printed figures imply {count_words(total, 'test image')} ({_list_counts(counts)})"
    fitting = f"The printed figures fit the paper's {count_words(total, 'test image')} ({_list_counts(counts)})"
    return f"{fitting} and imply at least {sum(smallest.values()):,}" if smallest else fitting


def _implied_alone(row: PaperRow, classes: int) -> str:
    """Return what the figures imply without any count by the paper; `classes`: images that the sensitivities need."""
    accuracy = row.printed("accuracy")
    least = max(classes, consistency.smallest_count([accuracy]) if accuracy else 0)
    if least == 0:
        return "The printed figures do not show how many images were tested"
    return f"The printed figures imply at least {count_words(least, 'test image')}"


def _implied_by_folds(row: PaperRow) -> str:
    """Return how many images per class give all sensitivities of the table, if each class has equally many."""
    figures = [figure for one in row.siblings for figure in _sensitivities(one).values()]
    first, last = consistency.first_counts(figures, row.paper.folds)
    classes = len(row.table.classes)
    return (
        f"The printed figures imply {_span(first, last)} test images per class over {row.paper.folds} folds, "
        f"{_span(first * classes, last * classes)} in all"
    )


def _smallest_counts(rows: list[PaperRow]) -> dict[str, int]:
    """Return class -> smallest number of its images that the sensitivities of all rows fit."""
    figures = [_sensitivities(row) for row in rows]
    names = [name for name in rows[0].table.classes if any(name in found for found in figures)]
    return {name: consistency.smallest_count([found[name] for found in figures if name in found]) for name in names}


def _contradictions(row: PaperRow) -> Iterator[str]:
    """Yield sentences on a class, of two, whose sensitivity, specificity and balanced accuracy do not agree."""
    number = row.printed("balanced_accuracy")
    for name in row.table.classes if len(row.table.classes) == 2 and number else ():
        balanced = Figure("balanced_accuracy", "all", number)
        printed = {metric: row.printed(metric, name) for metric in ("sensitivity", "specificity", "precision")}
        figures = [Figure(metric, name, figure) for metric, figure in printed.items() if figure]
        sensitivity, specificity = printed["sensitivity"], printed["specificity"]
        if (
            not sensitivity
            or not specificity
            or not impossible(OneMatrix(row.table.classes, whole=False), [*figures[:2], balanced])
        ):
            continue
        yield (
            f"The paper's figures contradict each other: the mean of its sensitivity ({sensitivity.words}) and "
            f"specificity ({specificity.words}) is {(sensitivity.number + specificity.number) / 2} %, but its balanced "
            f"accuracy is {number.words}."
        )
        if printed["precision"] and row.table.images:
            yield from _wrong_share(row, name, figures)
            yield from _other_reading(row, name, [*figures, balanced])


def _wrong_share(row: PaperRow, name: str, figures: list[Figure]) -> Iterator[str]:
    """Yield a sentence if the figures need a share of the class that a random part of the images cannot have."""
    share = Range(
        *value_range(OneMatrix(row.table.classes, whole=False), figures, Figure("prevalence", name, figures[0].printed))
    )
    expected, sd = row.table.expected_share(name)
    if share.low - UNLIKELY * sd < expected < share.high + UNLIKELY * sd:
        return
    yield (
        f"With its precision, they imply that {_percent_span(share)} of the test images are {name}; in a random "
        f"{row.table.num_tested:,} of its images, {100 * float(expected):.1f} ± {100 * float(sd):.1f} % are."
    )


def _other_reading(row: PaperRow, name: str, figures: list[Figure]) -> Iterator[str]:
    """Yield a sentence if the figures agree once the specificity is read as the negative predictive value."""
    first, other = row.table.classes[0], next(other for other in row.table.classes if other != name)
    read = [one._replace(metric=OTHER_NAMES.get(one.metric, one.metric)) for one in figures]
    total = row.table.num_tested
    matrix = find_matrix(OneMatrix(row.table.classes, total=total), read, row.table.expected_share(first)[0])
    if matrix is None:
        return
    counts = {
        one: (found[place], sum(found))
        for place, (one, found) in enumerate(zip(row.table.classes, matrix, strict=True))
    }
    (right, images), (others_right, others) = counts[name], counts[other]
    yield (
        f"Perhaps its specificity is the negative predictive value (the precision of {other}). Then all four agree, "
        f"for example with {right} of {images} {name} and {others_right} of "
        f"{others} {other} test images correct ({100 * images / total:.1f} % {name})."
        f"{_how_rare(row, name, Fraction(images, total))}"
    )


def _how_rare(row: PaperRow, name: str, share: Fraction) -> str:
    """Return a sentence if hardly any random test part has this share of the class; else ``""``."""
    expected, sd = row.table.expected_share(name)
    distance = abs(share - expected) / sd
    if distance <= RARE:
        return ""
    return (
        f" But that share is {float(distance):.1f} standard deviations from the {100 * float(expected):.1f} ± "
        f"{100 * float(sd):.1f} % of a random {row.table.num_tested:,} of its images."
    )


def _threshold(row: PaperRow) -> str:
    threshold, accuracy = row.printed("threshold"), row.printed("accuracy_at_threshold")
    if not threshold or not accuracy:
        return ""
    chosen = row.entry.threshold_from
    where = {"test": ", chosen on the test images themselves, which is optimistic", "validation": ""}.get(chosen, "")
    return f"With a threshold of {threshold.words}{where}, the paper's accuracy is {accuracy.words}."


def _list_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{images:,} {name}" for name, images in counts.items())


def _span(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _percent_span(share: Range) -> str:
    """Return the range in percent, rounded outwards."""
    return f"{floor(1000 * share.low) / 10:.1f} to {ceil(1000 * share.high) / 10:.1f} %"
