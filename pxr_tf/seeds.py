"""Random choices that a seed, a purpose and a name decide, the same on every machine and in every version."""

import hashlib
from collections.abc import Iterable


def order_by_hash(names: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Return the names in a random order in which the place of any two never depends on the others.

    A shuffle by a generator would deal everything anew for one more name; here a new image moves no other one.
    `purpose` keeps the choices of one seed apart: ``"holdout"`` says nothing of ``"balanced"``.
    """
    return sorted(names, key=lambda name: hashlib.blake2b(f"{seed}\x1f{purpose}\x1f{name}".encode()).digest())
