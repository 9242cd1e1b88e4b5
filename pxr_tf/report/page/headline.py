"""The result in one sentence that a clinician understands."""

from pxr_tf.evaluation.metrics import value_of
from pxr_tf.evidence.verdicts import NOT_COMPARED
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.words import figure, interval


def headline(facts: RunFacts) -> str:
    """Return ``On 6,005 held-out X-rays of 2,134 patients, the network was right in 82.7 % (...)``."""
    value, low, high, level = (
        value_of(facts.table, "mean", "all", "accuracy", column) for column in ("value", "low", "high", "level")
    )
    ends = interval(low, high)
    words = f" ({100 * level:.0f} % interval {ends} %)" if ends else ""
    return f"On {facts.counted}, the network was right in {figure(value)}{words}{facts.folds_words}{_paper(facts)}."


def _paper(facts: RunFacts) -> str:
    printed = facts.paper.printed("accuracy") if facts.paper else None
    if printed is None:
        return ""
    table = facts.verdicts
    (verdict,) = table.verdict[(table["class"] == "all") & (table.metric == "accuracy")] if len(table) else ("",)
    said = "cannot be compared" if verdict.startswith(NOT_COMPARED) else f"is {verdict}"
    return f"; the paper printed {printed.words}" + (f", which {said}" if verdict else "")
