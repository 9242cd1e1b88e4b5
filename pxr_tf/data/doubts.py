"""What makes a number doubtful, as data: found when a run is prepared, written beside it, shown with every result."""

from typing import Literal, NamedTuple


class Doubt(NamedTuple):
    """One reason not to believe a number; ``Doubt(**doubt._asdict())`` is the same again, by way of JSON or CSV."""

    what: Literal["shortcut", "split", "leak", "lungs", "labels"]
    label: str  # the class that it is about; "" for all of them
    property: str  # what gives the class away (a key of `shortcuts.PROPERTIES`), or what is on both sides
    # shortcut, split: balanced accuracy of the property alone; leak: share of the test images; lungs: share of the
    # class's images that are shown whole; labels: 1
    strength: float
    text: str  # the sentence for people
