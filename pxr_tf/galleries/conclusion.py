"""What the checks of a gallery say in a few words: a sentence for the page, and a remark for each method's map."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from pxr_tf.errors import count_words
from pxr_tf.explain.verdicts import counted
from pxr_tf.galleries.sheet import NOT_CHECKED, Checked
from pxr_tf.galleries.tables import method_title

ENOUGH = 2  # checks that a method must at least have passed before a page says nothing against it


class Tally(NamedTuple):
    """How many checks of a method had which result."""

    passed: int
    failed: int
    undecided: int
    unmeasured: int

    @property
    def measured(self) -> int:
        return self.passed + self.failed + self.undecided

    @property
    def good(self) -> bool:
        """Whether the method passed every check that was measured."""
        return self.passed == self.measured >= ENOUGH


def tally_of(checks: pd.DataFrame, method: str) -> Tally:
    """Return the results of a method in ``checks.csv``."""
    states = list(checks.state[(checks.method == method) & (checks.state != "")])
    return Tally(*(states.count(state) for state in ("passed", "failed", "undecided", "not measured")))


def checked_words(checks: pd.DataFrame) -> dict[str, Checked]:
    """Return method -> the result of its checks; an unchecked method does not look as if it had passed."""
    names = map(str, dict.fromkeys(checks.method[checks.state != ""]))
    return {name: Checked(_count(tally), bool(tally.failed)) for name in names for tally in [tally_of(checks, name)]}


def conclude(methods: Sequence[str], roles: pd.Series, checks: pd.DataFrame | None) -> str:
    """Return one sentence: what the checks found, and whether to rely on the maps. `checks` is None if there are none.

    `roles` has the role of each picture for the model that explains it.
    """
    if checks is None:
        return "These maps were not checked: do not rely on them."
    if not counted(roles).any():
        return f"{describe_seen(roles)}, so the maps could not be checked: do not rely on them."
    tallies = {name: tally_of(checks, name) for name in methods}
    results = "; ".join(f"{method_title(name)} {_result(tally)}" for name, tally in tallies.items())
    bad = [method_title(name) for name, tally in tallies.items() if not tally.good]
    them = "it" if len(methods) == 1 else "them"
    if not bad:
        return f"{results}: the maps show what the model uses, not what the patient has."
    return f"{results}: do not rely on {them if len(bad) == len(methods) else ' or '.join(bad)}."


def describe_seen(roles: pd.Series) -> str:
    """Return how the models used pictures of which none counts, as the start of a sentence."""
    known = {"train": "trained", "val": "validated"}
    return (
        f"The models were {' or '.join(word for role, word in known.items() if role in set(roles))} on these pictures"
    )


def _result(tally: Tally) -> str:
    """Return the result of a method, and how many of its checks say nothing."""
    if not tally.measured:
        return "could not be checked"
    more = [f"{tally.undecided} undecided"] if tally.undecided else []
    more += [f"{tally.unmeasured} not measured"] if tally.unmeasured and tally.passed == tally.measured else []
    return ", ".join([_count(tally), *more])


def _count(tally: Tally) -> str:
    """Return the result of a method in a few words."""
    if not tally.measured:
        return NOT_CHECKED
    if tally.failed:
        return f"failed {tally.failed} of {tally.measured} checks"
    if tally.good:
        return f"passed all {tally.measured} checks"
    return f"passed {tally.passed} of {count_words(tally.measured, 'check')}"
