"""Download public data sets: the licence is accepted first, a stopped download continues, and bytes are checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pxr_tf import locks
from pxr_tf.errors import PxrError, count_words, nearest
from pxr_tf.events import OnProgress
from pxr_tf.sets.fetch_github import GitHubFolder
from pxr_tf.sets.fetch_kaggle import KaggleSet
from pxr_tf.sets.find import read_source
from pxr_tf.sets.licences import DATA, Licence

AGAIN = "Run the same command again: it continues."


class Source(NamedTuple):
    """Where a data set is, and what it holds."""

    place: KaggleSet | GitHubFolder
    images: (
        Mapping[str, int] | int
    )  # class -> number, or the number of all, as `find.read_source` reads them; 0: unknown


# Kaggle's are pinned to a version, so that the numbers hold. GitHub's set has a digest per file instead.
SOURCES = {
    "kermany": Source(
        KaggleSet("paultimothymooney/chest-xray-pneumonia", 2), {"bacterial": 2780, "normal": 1583, "viral": 1493}
    ),
    "covid-chestxray": Source(
        GitHubFolder("ieee8023/covid-chestxray-dataset", "master", ("images/", "metadata.csv", "README.md")), 0
    ),
    "radiography": Source(
        KaggleSet("tawsifurrahman/covid19-radiography-database", 5),
        {"covid19": 3616, "lung_opacity": 6012, "normal": 10192, "viral": 1345},
    ),
    # 5,910 rows, of which two (Stress-Smoking) have no class
    "coronahack": Source(KaggleSet("praveengovi/coronahack-chest-xraydataset", 3), 5908),
}


@dataclass(frozen=True)
class Downloaded:
    """A data set on this disk."""

    folder: Path
    images: dict[str, int]  # class -> number
    notes: tuple[str, ...]  # what was left out, and counts that differ from the published ones


def find_source(name: str) -> tuple[Source, Licence]:
    """Return a public data set and its licence; raise `PxrError` for an unknown name."""
    if name not in SOURCES:
        raise PxrError(f"SET received {name!r}; accepted: {', '.join(SOURCES)}.{nearest(name, SOURCES)}")
    return SOURCES[name], DATA[name]


def download(name: str, out: Path, on_progress: OnProgress = lambda done, total: None) -> Downloaded:
    """Download a public data set to ``out/<name>`` and return what it holds; the caller has its licence accepted.

    What is there already is checked, and not downloaded again. Raises `PxrError` if it cannot be reached, if a file has
    other bytes than its publisher says, and if the folder holds something else.
    """
    source, _ = find_source(name)
    folder = out / name
    out.mkdir(parents=True, exist_ok=True)
    with locks.hold(locks.lock_of(folder)):
        source.place.fetch(folder, on_progress)
    rows, notes = read_source(folder)
    found: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: row["label"]):
        found[row["label"]] = found.get(row["label"], 0) + 1
    return Downloaded(folder, found, (*notes, *_differences(source.images, found)))


def _differences(published: Mapping[str, int] | int, found: Mapping[str, int]) -> list[str]:
    """Return a note per number of images that is not the published one."""
    if isinstance(published, int):
        published, found = {"all classes": published}, {"all classes": sum(found.values())}
    return [
        f"Check the data: {count_words(found.get(name, 0), 'image')} of {name}, but {number:,} were published."
        for name, number in published.items()
        if number and found.get(name, 0) != number
    ]
