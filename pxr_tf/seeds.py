"""Random choices decided by a seed, a purpose and a name alone: the same on every machine and in every version."""

import hashlib
from collections.abc import Iterable


def order_by_hash(names: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Return the names in a random order in which the order of any two never depends on the others.

    With one name more, a generator would shuffle all names differently; here a new image moves no other image.
    `purpose` makes the choices of one seed independent: ``"holdout"`` and ``"balanced"`` give unrelated orders.
    """
    return sorted(names, key=lambda name: hashlib.blake2b(f"{seed}\x1f{purpose}\x1f{name}".encode()).digest())
