"""Shortcuts: properties outside the lungs that are planted in a class on purpose, so that they give it away."""

from collections.abc import Mapping

from pxr_tf.errors import PxrError, nearest
from pxr_tf.phantoms.acquisition import Acquisition
from pxr_tf.phantoms.diseases import check_class
from pxr_tf.phantoms.layouts import seed_of_patient
from pxr_tf.phantoms.sources import SOURCES, source_of

# A property of `Acquisition` -> its value at strength 1, where people see each in pictures of 96 pixels and still see
# the lungs. At 0.25, people hardly see quality and resolution.
SHORTCUTS = {
    "body_size": 0.75,
    "border": 1.0,
    "contrast": 2.0,
    "marker": 1.0,
    "polarity": 1.0,
    "quality": 25,
    "resolution": 0.25,
}
_FACTORS = ("body_size", "contrast", "resolution")  # half-way between 1 and 0.25 is 0.5


def parse_shortcuts(text: str) -> dict[str, frozenset[str]]:
    """Return class -> names of shortcuts from ``covid19:marker,normal:border+quality``; empty text plants none.

    ``marker`` is a bright letter in a corner, ``border`` a black frame, ``quality`` poor JPEG quality, ``contrast`` a
    steeper tone curve, ``resolution`` a picture enlarged from fewer pixels, ``body_size`` a chest that fills less of
    the frame, ``polarity`` inverted greys. Raises `PxrError`.
    """
    shortcuts: dict[str, frozenset[str]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        label, colon, names = (piece.strip() for piece in part.partition(":"))
        if not colon or label in shortcuts:
            raise PxrError(
                f"Shortcut {part!r} {'names a class twice' if colon else 'has no colon'}. "
                "Write each class once, as in covid19:marker,normal:border+quality."
            )
        shortcuts[label] = frozenset(name.strip() for name in names.split("+"))
    check_shortcuts(shortcuts)
    return shortcuts


def check_shortcuts(shortcuts: Mapping[str, frozenset[str]]) -> None:
    """Raise `PxrError` for a class or a shortcut that does not exist."""
    for label, names in shortcuts.items():
        check_class(label)
        for name in sorted(names.difference(SHORTCUTS)):
            raise PxrError(
                f"Unknown shortcut {name!r} for class {label}. Known: {', '.join(SHORTCUTS)}.{nearest(name, SHORTCUTS)}"
            )


def check_strength(shortcuts: Mapping[str, frozenset[str]], strength: float, share: float) -> None:
    """Raise `PxrError` if strength or share is not in (0, 1], or is given without a shortcut."""
    for name, value in (("strength", strength), ("share", share)):
        if not 0 < value <= 1:
            raise PxrError(f"Received the {name} {value} of shortcuts; give a number above 0, up to 1.")
        if value != 1 and not shortcuts:
            raise PxrError(
                f"Received the {name} {value}, but no shortcut that has it. Name one, as in covid19:marker, or leave "
                f"the {name} at 1."
            )


def choose_patients(seed: int, label: str, patients: int, share: float) -> frozenset[int]:
    """Return the patients of a class, numbered from 1, who get its shortcuts: a share, rounded, but at least one.

    A larger share contains the patients of a smaller one. All sources have as many of them, or one more.
    """
    order = sorted(range(1, patients + 1), key=lambda patient: seed_of_patient(seed, f"shortcut/{label}", patient))
    rank_in_source = {}
    for source in SOURCES:
        rank_in_source |= {patient: rank for rank, patient in enumerate(p for p in order if source_of(p) == source)}
    order.sort(key=rank_in_source.get)  # patients of equal rank keep their random order
    return frozenset(order[: max(1, round(share * patients))])


def plant_shortcuts(acquisition: Acquisition, names: frozenset[str], strength: float) -> Acquisition:
    """Return the acquisition with shortcuts; `strength` says how far each is from the acquisition to `SHORTCUTS`."""
    return acquisition._replace(**{name: _move(name, getattr(acquisition, name), strength) for name in names})


def _move(name: str, start: float, strength: float) -> float:
    end = SHORTCUTS[name]
    return start ** (1 - strength) * end**strength if name in _FACTORS else start + strength * (end - start)
