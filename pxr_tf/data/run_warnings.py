"""Warnings, as data: found when a run is prepared, kept in its directory, shown with every result."""

from typing import Literal, NamedTuple


class RunWarning(NamedTuple):
    """One reason not to believe a run's numbers: an entry of its ``warnings.json``, or a mix of environments."""

    # its kind; leak: patients or pictures on both sides of a split; one class: a fold predicts nothing else; audit: a
    # critical finding
    what: Literal["shortcut", "split", "leak", "lungs", "labels", "environments", "one class", "audit"]
    label: str = ""  # the class that it is about; "" for all classes
    property: str = ""  # what gives the class away (a key of `shortcuts.PROPERTIES`), or what is on both sides
    # shortcut, split: balanced accuracy of the property alone; leak: share of the test images; lungs: share of the
    # class's images that are shown whole; labels, environments, one class, audit: 1
    strength: float = 1.0
    text: str = ""  # the sentence for people
