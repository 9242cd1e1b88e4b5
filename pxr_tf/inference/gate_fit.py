"""Fit the gate of a run on its own pictures, on phantoms, and on pictures that it must refuse. No TensorFlow here.

Three judges are fitted, each without a third of the patients. Every film is measured by the judge that did not see its
patient; thresholds come from these held-out films, so that what is printed about them is not what was fitted.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import machine, rundir
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.evaluation.intervals import wilson_interval
from pxr_tf.events import OnEvent, emit_note, emit_progress
from pxr_tf.inference import gate_negatives
from pxr_tf.inference.distances import fit_distance
from pxr_tf.inference.gate import FRONTAL, REASONS, Gate, Judge
from pxr_tf.inference.gate_features import SIDE, describe
from pxr_tf.inference.gate_negatives import make_negatives, vary
from pxr_tf.phantoms.acquisition import acquire
from pxr_tf.phantoms.anatomy import Pose
from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.phantoms.sources import SOURCES
from pxr_tf.pictures.decode import UnreadableImageError, load_prepared, resize_grey
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.seeds import order_by_hash
from pxr_tf.sets.any_pictures import list_pictures

FILM = Preparation(gate_negatives.SIDE, "average")
MOST_FILMS = 4000  # of the run; more change little, and decoding them takes a minute
PHANTOMS = 400  # drawn: a bundle's own samples are phantoms, and must pass
DRAWN = "drawn phantoms"  # their source
JUDGES = 3
EXAMPLES = 3000  # pictures of a made kind, and half the frontal films; a judge sees two thirds
GIVEN = 900  # versions, per kind, of pictures that somebody gave to be refused
COMPONENTS, HIDDEN = 300, 128  # of a judge: principal components that it sees, and hidden units
DIRECTIONS = 60  # in which frontal films differ
ACCEPTED = 0.996  # of each source's held-out films: the aim is 0.99 for new ones
LEAST = 0.2, 0.5  # between which P(frontal) of an accepted picture is chosen
MARGIN = 1.25  # times the largest distance of held-out films: other hospitals' films are further away


class Films(NamedTuple):
    """Frontal films, and who is on them."""

    pictures: np.ndarray  # uint8 [n, side, side]
    source: np.ndarray
    patient: np.ndarray


class Given(NamedTuple):
    """Pictures that somebody gave to be refused."""

    pictures: np.ndarray  # uint8 [n, side, side]
    kind: np.ndarray  # the name of the folder that each is in


class Examples(NamedTuple):
    """What a gate is fitted on; the features of n films, and of pictures that are made of each third of them."""

    source: np.ndarray  # [n]
    third: np.ndarray  # [n], which judge does not see a film
    features: np.ndarray  # float32 [n, F]
    made: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]  # of each third: see `_describe_all`


Example = tuple[str, str, np.ndarray]  # how it was made, the kind that it shows, and the picture


def read_films(run: FinishedRun, on_event: OnEvent = lambda event: None) -> Films:
    """Return up to `MOST_FILMS` pictures of the run, all sources alike, and drawn phantoms; raise `PxrError`."""
    table = run.manifest.drop_duplicates("content").set_index("image_id")
    ranks = pd.Series({name: rank for rank, name in enumerate(order_by_hash(table.index, 0, "gate"))})
    order = ranks[table.index].groupby(table.source).rank()  # the first of each source come first
    table = table.loc[order.sort_values(kind="stable").index[:MOST_FILMS]]
    pictures = _load([*table.path], on_event)
    lost = sum(picture is None for picture in pictures)
    if lost:
        emit_note(on_event, f"{count_words(lost, 'picture')} of the run cannot be read now, and the gate lacks them.")
    if lost == len(pictures):
        raise PxrError(f"No picture of {run.folder} can be read now: {shorten(table.path, 2)}. Restore the data.")
    read = [picture is not None for picture in pictures]
    drawn = [_draw(number) for number in range(PHANTOMS)]
    return Films(
        np.stack([*(picture for picture in pictures if picture is not None), *drawn]),
        np.array([*table.source[read], *[DRAWN] * PHANTOMS]),
        np.array([*table.patient_id[read], *(f"{DRAWN} {number}" for number in range(PHANTOMS))]),
    )


def read_given(paths: Sequence[str], on_event: OnEvent = lambda event: None) -> Given | None:
    """Return the pictures of data sets or folders, None without any; raise `PxrError` if one cannot be read."""
    if not paths:
        return None
    named, notes = list_pictures(paths)
    for note in notes:
        emit_note(on_event, note)
    pictures = _load([*named.values()], on_event)
    lost = [path for path, picture in zip(named.values(), pictures, strict=True) if picture is None]
    if lost:
        raise PxrError(f"{count_words(len(lost), 'picture')} of --refuse cannot be read: {shorten(lost, 2)}.")
    return Given(np.stack(pictures), np.array([Path(path).parent.name for path in named.values()]))


def _load(paths: Sequence[str], on_event: OnEvent) -> list[np.ndarray | None]:
    """Return each file's picture, None if it cannot be read."""

    def load(path: str) -> np.ndarray | None:
        try:
            return load_prepared(path, FILM)
        except UnreadableImageError:
            return None

    found = []
    with ThreadPoolExecutor(machine.processors()) as pool:
        for picture in pool.map(load, paths):
            found.append(picture)
            emit_progress(on_event, "reading pictures", len(found), len(paths))
    return found


def _draw(number: int) -> np.ndarray:
    """Return a phantom of any class from any hospital, uint8 [side, side]."""
    taken, label = [*SOURCES.values()][number % len(SOURCES)], sorted(PHANTOM_CLASSES)[number % len(PHANTOM_CLASSES)]
    size = np.random.default_rng(number).uniform(0.85, 1.1)
    return acquire(draw_phantom(1_000_000 + number, number, label, FILM.size, Pose(zoom=size)).image, taken)


def fit_gate(films: Films, given: Given | None = None, on_event: OnEvent = lambda event: None) -> Gate:
    """Return a gate for these films; it refuses what `gate_negatives` makes, and what is `given`."""
    return fit_on(make_examples(films, on_event), given, on_event)


def make_examples(films: Films, on_event: OnEvent = lambda event: None) -> Examples:
    """Return what a gate for these films is fitted on, besides pictures that somebody gives."""
    third, made = _thirds(films.patient), []
    for number in range(JUDGES):
        emit_progress(on_event, "making pictures to refuse", number, JUDGES)
        own = films.pictures[third == number], films.source[third == number]
        made.append(_describe_all(_examples_of(*own, EXAMPLES // JUDGES, number)))
    return Examples(films.source, third, describe(_shrink(films.pictures)), tuple(made))


def fit_on(examples: Examples, given: Given | None = None, on_event: OnEvent = lambda event: None) -> Gate:
    """Return a gate that is fitted on these examples, and that refuses what is `given`, too."""
    kinds = (FRONTAL, *REASONS, *(sorted({*given.kind}) if given else ()))
    source, third, features, made = examples
    more = [_describe_all(_vary_given(given))] if given else []
    judges, shares, distances = [], np.zeros(len(third)), np.zeros(len(third))
    for number in range(JUDGES):
        emit_progress(on_event, "fitting the gate", number, JUDGES)
        seen = [*made[:number], *made[number + 1 :], *more]
        rows, _, names = map(np.concatenate, zip(*seen, strict=True))
        judges.append(_fit_judge(rows, np.array([kinds.index(name) for name in names]), number))
        mine = third == number
        found, distances[mine] = judges[-1].say(features[mine])
        shares[mine] = found[:, 0]
    emit_progress(on_event, "fitting the gate", JUDGES, JUDGES)
    least, most = _choose_thresholds(source, shares, distances)
    return Gate(kinds, tuple(judges), least, most, _describe(source, given, (shares >= least) & (distances <= most)))


def _thirds(patients: np.ndarray) -> np.ndarray:
    """Return which judge does not see each patient."""
    order = {name: number % JUDGES for number, name in enumerate(order_by_hash(set(patients), 0, "gate"))}
    return np.array([order[name] for name in patients])


def _examples_of(pictures: np.ndarray, source: np.ndarray, number: int, seed: int) -> Iterator[Example]:
    """Yield the films, versions of them, and pictures to refuse; half of what these show is of all sources alike."""
    draw = np.random.default_rng([seed, len(gate_negatives.MADE)])
    rows = [np.flatnonzero(source == name) for name in np.unique(source)]
    even = [draw.choice(own, len(source) // len(rows) + 1) for own in rows]
    films = [*pictures, *pictures[np.concatenate(even)]]
    yield from ((FRONTAL, FRONTAL, film) for film in pictures)
    yield from ((FRONTAL, FRONTAL, vary(draw, films[draw.integers(len(films))])) for _ in range(2 * number))
    yield from make_negatives(films, number, seed)


def _vary_given(given: Given) -> Iterator[Example]:
    draw = np.random.default_rng(0)
    for kind in np.unique(given.kind):
        own = given.pictures[given.kind == kind]
        yield from ((str(kind), str(kind), picture) for picture in own)
        yield from ((str(kind), str(kind), vary(draw, own[draw.integers(len(own))])) for _ in range(GIVEN))


def _describe_all(found: Iterable[Example]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (features [n, F], how each was made [n], the kind that it shows [n])."""
    makers, kinds, pictures = zip(*found, strict=True)
    return describe(_shrink(pictures)), np.array(makers), np.array(kinds)


def _shrink(pictures: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([resize_grey(picture, SIDE, "average") for picture in pictures])


def _fit_judge(features: np.ndarray, kinds: np.ndarray, seed: int) -> Judge:
    """Return a judge; its principal components are folded into the weights, so that it takes plain features."""
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits  # scikit-learn needs it, too

    pca = PCA(COMPONENTS, svd_solver="covariance_eigh").fit(features)
    scores = pca.transform(features)
    spread = scores.std(0)
    scale = 0.5 * np.sqrt(spread * spread[0])  # between whitened and plain: fine directions count, but less
    network = MLPClassifier(
        (HIDDEN,), alpha=1e-2, early_stopping=True, n_iter_no_change=5, max_iter=40, random_state=seed, batch_size=256
    )
    with warnings.catch_warnings(), threadpool_limits(1):  # small products: threads would mostly wait for each other
        warnings.simplefilter("ignore", ConvergenceWarning)  # 40 rounds are enough: validation stops most before
        network.fit(scores / scale, kinds)
    (hidden, output), (hidden_bias, output_bias) = network.coefs_, network.intercepts_
    folded = pca.components_.T @ (hidden / scale[:, None])
    return Judge(
        folded,
        hidden_bias - pca.mean_ @ folded,
        output,
        output_bias,
        *fit_distance(features[kinds == 0], DIRECTIONS),
    )


def _choose_thresholds(source: np.ndarray, shares: np.ndarray, distances: np.ndarray) -> tuple[float, float]:
    """Return (least P(frontal), largest distance): of each source's held-out films, `ACCEPTED` pass each of them."""
    names = np.unique(source)
    least = min(np.quantile(shares[source == name], 1 - ACCEPTED) for name in names)
    most = max(np.quantile(distances[source == name], ACCEPTED) for name in names)
    return float(np.clip(least, *LEAST)), MARGIN * float(most)


def _describe(source: np.ndarray, given: Given | None, accepted: np.ndarray) -> Mapping[str, object]:
    """Return counts and shares of held-out films by source, with Wilson intervals; no path, no patient."""
    held_out = {}
    for name in np.unique(source):
        own = accepted[source == name]
        low, high = wilson_interval(float(own.mean()), len(own))
        held_out[str(name)] = {"films": len(own), "accepted": int(own.sum()), "low": low, "high": high}
    kinds = {} if given is None else {str(kind): int((given.kind == kind).sum()) for kind in np.unique(given.kind)}
    return {"held_out": held_out, "given": kinds, "versions": rundir.versions()}
