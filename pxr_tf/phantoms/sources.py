"""Two hospitals that each have patients of every class, so that class and source are independent."""

from typing import Any

from pxr_tf.phantoms.acquisition import PLAIN, Acquisition

# Hospital B has flatter tones, coarser pictures and a stronger compression: differences that public sets have.
SOURCES = {"hospital-a": PLAIN, "hospital-b": Acquisition(contrast=0.75, resolution=0.6, quality=60)}


def source_of(patient: int) -> str:
    """Return the hospital of a class's patient, numbered from 1: they alternate."""
    return tuple(SOURCES)[(patient - 1) % len(SOURCES)]


def acquisition_of(source: str) -> Acquisition:
    """Return how a hospital takes and stores its pictures; that of a plain phantom for other sources."""
    return SOURCES.get(source, PLAIN)


def describe_sources() -> dict[str, Any]:
    """Return hospital -> its properties by name, for ``phantom.json``."""
    return {name: acquisition._asdict() for name, acquisition in SOURCES.items()}
