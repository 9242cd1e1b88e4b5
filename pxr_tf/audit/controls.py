"""The check ``controls``: what a run calls images of other data that are known not to be of a class.

It reads the evaluations in the run directory (`pxr evaluate`); it predicts nothing itself.
"""

from collections.abc import Iterator
from math import isnan

from pxr_tf.audit.material import Checked, Material
from pxr_tf.data.findings import Finding
from pxr_tf.errors import count_words
from pxr_tf.evidence.evaluations import Evaluation, read_evaluations
from pxr_tf.evidence.external import ALL_OTHERS

# More than one false alarm in ten images, beyond what the run's own test images show, and nobody can use the answer.
MOST_FALSE = 0.1
_CHECK, _FIGURE = "controls", "share called so"


def check_controls(material: Material) -> Checked:
    """Return, for each evaluation and class, how many images that are not of the class were called it."""
    evaluations = read_evaluations(material.run)
    if not evaluations:
        text = "The run was never shown other data, so nobody knows what it calls X-rays from elsewhere."
        remedy = "Evaluate it on images of other sources and on healthy people: pxr evaluate RUN DATA."
        return Checked([Finding(_CHECK, "warning", "other data", _FIGURE, text=text, remedy=remedy)])
    return Checked([finding for evaluation in evaluations for finding in _judge(evaluation)])


def _judge(evaluation: Evaluation) -> Iterator[Finding]:
    """Yield a finding per class; classes that nobody was wrongly called are one."""
    rows = evaluation.called[evaluation.called.group.str.startswith(ALL_OTHERS)]
    clean = []
    for row in rows.rename(columns={"class": "name"}).itertuples():
        name, share, own_share = row.name, row.share, 0.0 if isnan(row.internal) else row.internal
        if not share > 0:
            clean.append(name)
            continue
        own = "" if isnan(row.internal) else f" ({100 * row.internal:.1f} % in the run's own data)"
        text = (
            f"{100 * share:.1f} % of {count_words(int(row.images), 'image')} of {evaluation.name} that are not {name} "
            f"were called {name}{own}."
        )
        many = share > max(MOST_FALSE, own_share)
        certain = row.low > max(MOST_FALSE, own_share)  # never with too few patients for an interval
        grade = "passed" if not many else "critical" if certain else "warning"
        remedy = f"Do not use the answer {name} on images from elsewhere." if many else ""
        yield Finding(_CHECK, grade, name, _FIGURE, share, row.low, row.high, text, remedy)
    if clean:
        text = f"No image of {evaluation.name} was wrongly called {', '.join(clean)}."
        yield Finding(_CHECK, "passed", ", ".join(clean), _FIGURE, 0.0, text=text)
