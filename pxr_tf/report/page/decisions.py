"""The sections on calibration and on decisions."""

from collections.abc import Iterator

import pandas as pd

from pxr_tf.errors import PxrError
from pxr_tf.evidence.calibration import TOP
from pxr_tf.evidence.crossfit import cross_fit
from pxr_tf.evidence.decisions import POOLED
from pxr_tf.report.calibration import RULE_WORDS, STATES
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.figures import WIDTH, new_panel
from pxr_tf.report.page.inline import COLOURS, GRID, INK
from pxr_tf.report.page.parts import Drawing, Drawings, Part, Prose, Table
from pxr_tf.report.page.words import figure, with_ends

RATES = {"sensitivity": "sensitivity", "specificity": "specificity", "ppv": "PPV", "npv": "NPV"}
BAR = 0.15  # height of the longest bar of counts, as a share of the figure
POLICIES = {"model": "as predicted", "calibrated": "with temperature", "everyone": "act on everyone"}


def calibration(facts: RunFacts) -> Iterator[Part]:
    """Yield whether probabilities can be believed, or why it was not measured."""
    tables = facts.calibration
    if tables is None:
        try:
            cross_fit(facts.run)
        except PxrError as error:
            yield Prose(f"Not measured. {error}")
        return
    yield from (Prose(sentence) for sentence in tables.calibration["sentences"])
    yield Drawings([_reliability(tables.bins), _referral(tables.risk_coverage)])


def operating_points(facts: RunFacts) -> Iterator[Part]:
    """Yield thresholds with their rates, net benefit and conformal sets; nothing without calibration."""
    tables = facts.calibration
    if tables is None:
        return
    rows = tables.decisions[tables.decisions.fold == POOLED]
    frame = pd.DataFrame({"class and rule": rows["class"] + ", " + rows.rule.replace(RULE_WORDS)})
    frame["threshold for new pictures"] = rows.threshold.map("{:.3f}".format)
    for rate, words in RATES.items():
        frame[words] = [
            with_ends(*ends) for ends in rows[[rate, f"{rate}_low", f"{rate}_high"]].itertuples(index=False)
        ]
    frame["prevalence"] = rows.prevalence.map(figure)
    caption = (
        f"Rates of thresholds that were chosen for each fold on {tables.calibration['fitted_on']}, without the "
        "patients that judge them; PPV and NPV at the prevalence named. The threshold for new pictures is chosen on "
        "all rows."
    )
    yield Table("operating-points", caption, frame)
    yield Prose("Net benefit: found cases per image, less false alarms weighed by the threshold.", "faint")
    yield Drawings([_benefit(part, name, n) for n, (name, part) in enumerate(tables.net_benefit.groupby("class"), 1)])
    yield _sets(tables.conformal)


def _sets(rows: pd.DataFrame) -> Table:
    frame = pd.DataFrame({"class": rows["class"], "promised": rows.promised.map(figure)})
    frame["patients"] = rows.patients.map("{:,}".format)
    frame["covered"] = [with_ends(*ends) for ends in rows[["covered", "low", "high"]].itertuples(index=False)]
    frame["classes per set"] = rows["size"].map("{:.2f}".format)
    return Table("sets", "Conformal sets: how often a set of classes holds the true class.", frame)


def _reliability(bins: pd.DataFrame) -> Drawing:
    drawn, axes = new_panel(WIDTH, WIDTH)
    axes.plot([0, 1], [0, 1], color=GRID, linewidth=1)
    first = bins[(bins.state == next(iter(STATES))) & (bins["class"] == TOP)]
    axes.bar(first.probability, BAR * first.images / first.images.max(), width=0.02, color=GRID)
    for number, (state, words) in enumerate(STATES.items()):
        rows = bins[(bins.state == state) & (bins["class"] == TOP)]
        axes.vlines(rows.probability, rows.low, rows.high, color=COLOURS[number], linewidth=1)
        axes.plot(rows.probability, rows.share, "os"[number] + "-", color=COLOURS[number], markersize=4, label=words)
    axes.set(xlabel="probability of the predicted class", ylabel="share that is right", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(fontsize=8, frameon=False, labelcolor=INK)
    caption = (
        "Reliability: on the diagonal, probabilities can be taken at their word. The bars at the bottom count the "
        f"images of each bin as predicted, {first.images.max():,.0f} at most."
    )
    pairs = ", ".join(f"{row.probability:.2f}: {row.share:.2f} of {row.images:,.0f}" for row in first.itertuples())
    return Drawing("reliability", caption, f"Mean probability and share that is right, by bin: {pairs}.", drawn)


def _referral(curve: pd.DataFrame) -> Drawing:
    drawn, axes = new_panel(WIDTH, WIDTH)
    curve = curve[curve.images > 0]
    axes.fill_between(1 - curve.kept, curve.low, curve.high, color=COLOURS[2], alpha=0.2, linewidth=0)
    axes.plot(1 - curve.kept, curve.accuracy, color=COLOURS[2], marker=".")
    axes.set(xlabel="share referred to a person", ylabel="accuracy of the rest")
    pairs = ", ".join(f"{1 - row.kept:.2f}: {row.accuracy:.2f}" for row in curve.itertuples())
    caption = "Referral: accuracy of the rest if a person reads the least sure images."
    return Drawing("referral", caption, f"Share referred and accuracy of the rest: {pairs}.", drawn)


def _benefit(rows: pd.DataFrame, name: str, number: int) -> Drawing:
    drawn, axes = new_panel(WIDTH, WIDTH)
    axes.axhline(0, color=GRID, linewidth=1)
    for line, (policy, words) in enumerate(POLICIES.items()):
        own = rows[rows.policy == policy]
        axes.plot(own.threshold, own.net_benefit, ("-", "--", ":")[line], color=COLOURS[line], label=words)
    best = max(rows.net_benefit.max(), 0.01)
    axes.set(xlabel="probability from which one would act", ylabel="net benefit", ylim=(-0.25 * best, 1.1 * best))
    axes.legend(fontsize=8, frameon=False, labelcolor=INK)
    own = rows[rows.policy == "model"]
    pairs = ", ".join(f"{row.threshold:.2f}: {row.net_benefit:.3f}" for row in own.itertuples())
    caption = f"{name}: net benefit at a prevalence of {figure(rows.prevalence.iloc[0])}; the line at 0 acts on nobody."
    return Drawing(f"net-benefit-{number}", caption, f"Threshold and net benefit of the model: {pairs}.", drawn)
