"""How sure the lungs of one picture are."""

TRUSTED = 0.5
