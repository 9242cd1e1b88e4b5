"""Papers whose figures are those of confusion matrices, for tests of the check of published figures."""

import numpy as np
from printed_figures import measure, print_figures

from pxr_tf.evaluation.published.papers import Paper

CLASSES = ("a", "b", "c")
EXCHANGED = {"precision": "sensitivity", "sensitivity": "precision"}
COUNTS = {"a": 90, "b": 60, "c": 150}


def paper_of(figures, counts=None, classes=CLASSES, **more):
    """Return a paper with one row per list of figures."""
    rows = []
    for number, some in enumerate(figures):
        row = {"model": f"model {number}"}
        for metric, name, printed in some:
            if name in classes:
                row.setdefault(metric, {})[name] = printed.number
            else:
                row |= (
                    {"average": row.get("average", {}) | {metric: printed.number}}
                    if name != "all"
                    else {metric: printed.number}
                )
        rows.append(row)
    table = {"classes": classes, "rows": rows} | ({"test_counts": counts} if counts else {})
    return Paper.model_validate({"title": "T", "scheme": "official", "test_rows": "all", "tables": [table], **more})


def random_matrices(number, seed=0):
    random = np.random.default_rng(seed)
    for _ in range(number):
        rows = [random.multinomial(n, [0.8, 0.12, 0.08]) for n in (90, 60, 150)]
        yield [np.roll(row, place).tolist() for place, row in enumerate(rows)]


def of_classes(*metrics):
    return [(metric, name) for metric in metrics for name in CLASSES]


def exchanged_figures(matrix):
    """Return precision, sensitivity and accuracy of a matrix; the columns of the first two have each other's name."""
    some = print_figures(measure(matrix, CLASSES), [*of_classes("precision", "sensitivity"), ("accuracy", "all")])
    return [one._replace(metric=EXCHANGED.get(one.metric, one.metric)) for one in some]
