"""What the tables of the check ``source`` say, as findings. All its thresholds are here, each with its reason."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from pxr_tf.data.findings import Finding, Grade
from pxr_tf.errors import shorten
from pxr_tf.evaluation.comparisons import ALPHA

CHECK = "source"
# Areas, as for file facts in the probes: at 0.8 a rule gets about three of four images right, below 0.65 two of three.
STRONG, WEAK = 0.8, 0.65
ABOVE = 0.6  # a lower end that is well above chance
CANNOT = "cannot be answered with these data"


def judge_sources(groups: Sequence[tuple[str, ...]], table: pd.DataFrame, within: pd.DataFrame) -> Iterator[Finding]:
    """Yield what sources do to the question: classes that share none, and how a class is told within a source.

    `groups` are classes that are linked through sources (`attributes.link_classes`), `table` has ``label, source``.
    """
    if table.source.nunique() == 1:
        yield Finding(CHECK, "passed", "sources", "number of sources", 1.0, text="All images come from one source.")
        return
    sources = {label: sorted(own.source.unique()) for label, own in table.groupby("label")}
    for group in groups[1:]:
        others = sorted(set(sources) - set(group))
        yield _coincide(group, others, sources, table)
    if len(groups) == 1:
        text = "Every class shares a source with another one, so sources and classes do not coincide."
        yield Finding(CHECK, "passed", "sources", "groups of classes", 1.0, text=text)
    for row in within.itertuples():
        yield _judge_within(row.source, row[2], row.area, row.low, row.high)


def judge_attributes(tables: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    """Yield a finding per attribute: on the class of which it says the most."""
    for name, rows in tables["utility"].groupby("attribute", sort=False):
        if rows.area.notna().any():
            best = rows.loc[rows.area.idxmax()]
            yield _judge_attribute(best, tables["detectability"], tables["alignment"])
        else:
            yield Finding(CHECK, "note", name, "AUC of the attribute", text=f"{name}: too few images to say anything.")


def _coincide(
    group: tuple[str, ...], others: Sequence[str], sources: Mapping[str, list[str]], table: pd.DataFrame
) -> Finding:
    ours = sorted({source for label in group for source in sources[label]})
    theirs = sorted({source for label in others for source in sources[label]})
    share = float(table.label.isin(group).mean())
    names, rest = shorten(group, 5), shorten(others, 5)
    text = (
        f"{names}: no source has 10 patients of it and of another class ({shorten(ours, 3)} against "
        f"{shorten(theirs, 3)}). Whether a model finds the disease or the source {CANNOT}."
    )
    remedy = f"Needed: images of {names} from {shorten(theirs, 3)}, or of {rest} from {shorten(ours, 3)}."
    return Finding(CHECK, "critical", names, "share of images that share no source", share, text=text, remedy=remedy)


def _judge_within(source: str, name: str, area: float, low: float, high: float) -> Finding:
    grade: Grade = "passed" if low >= ABOVE else "warning"
    ends = "" if np.isnan(low) else f" ({low:.2f} to {high:.2f})"
    text = f"{name} within {source}: told from the other classes of that source with AUC {area:.2f}{ends}."
    remedy = "" if grade == "passed" else f"Do not claim that {name} is recognised in {source}."
    return Finding(CHECK, grade, name, f"AUC within {source}", area, low, high, text, remedy)


def _judge_attribute(best: pd.Series, detectability: pd.DataFrame, alignment: pd.DataFrame) -> Finding:
    name, label = best.attribute, best["class"]
    shown = detectability[detectability.attribute == name]
    overall, within = shown[shown.within == ""].iloc[0], shown[(shown.within != "") & shown.area.notna()]
    clear = within.loc[within.area.idxmax()] if len(within) else overall
    useful, seen = _level(best), _level(clear)
    used = alignment[(alignment.attribute == name) & (alignment.p_holm < ALPHA)]
    grade: Grade = ("passed", "warning", "critical")[min(useful, seen)]
    if grade == "warning" and len(used):
        grade = "critical"
    text = f"{name} tells {label} with AUC {_spell(best)}; pictures show it with AUC {_spell(clear)}"
    text += f" within {clear.within}." if len(within) else ", but no class has two values of it." if useful else "."
    text += _describe_use(alignment[alignment.attribute == name], used)
    remedy = "" if grade == "passed" else f"Take as many images of each {name} for every class, or test within one."
    return Finding(CHECK, grade, name, "AUC of the attribute", best.area, best.low, best.high, text, remedy)


def _describe_use(tried: pd.DataFrame, used: pd.DataFrame) -> str:
    if len(used):
        most = used.loc[used.correlation.abs().idxmax()]
        return (
            f" The trained heads use it: the weights of {most['class']} and of {most.value} correlate with "
            f"{most.correlation:.2f} (chance {most.by_chance:.2f})."
        )
    return " There is no sign that the trained heads use it." if tried.p.notna().any() else ""


def _level(row: pd.Series) -> int:
    """Return 2 for a strong area, 1 for a weak one, 0 for one that may be chance."""
    if not row.low >= ABOVE:
        return 0
    return int(row.area >= WEAK) + int(row.area >= STRONG)


def _spell(row: pd.Series) -> str:
    return f"{row.area:.2f}" + ("" if np.isnan(row.low) else f" ({row.low:.2f} to {row.high:.2f})")
