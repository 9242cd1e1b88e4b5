"""A number as a paper prints it, and the values that it may mean."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple


class Range(NamedTuple):
    """The values from `low` up to, but not including, `high`, as exact fractions (0-1)."""

    low: Fraction
    high: Fraction

    def __contains__(self, value: object) -> bool:
        return self.low <= value < self.high

    def meets(self, low: Fraction, high: Fraction) -> bool:
        """Return whether a value from low to high, both included, is in the range."""
        return self.low <= high and low < self.high


@dataclass(frozen=True, eq=False)
class Printed:
    """A printed number with all digits, including final zeros: in percent, or a fraction if it is 1 or less.

    92.3 and 92.30 are not equal, as decimals are: they mean other values.
    """

    number: Decimal

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Printed) and self.number.as_tuple() == other.number.as_tuple()

    def __hash__(self) -> int:
        return hash(self.number.as_tuple())

    @property
    def scale(self) -> int:
        """The number to divide by to get a fraction."""
        return 1 if self.number <= 1 else 100

    @property
    def value(self) -> float:
        """The number as a fraction (0-1)."""
        return float(self.number / self.scale)

    @property
    def range(self) -> Range:
        """The values that the number may mean: [x - u/2, x + u), where u is one unit of its last digit.

        Papers round or cut off, sometimes both in one table: 576 of 624 are 92.308 %, printed 92.30; 451 of 624 are
        72.2756 %, printed 72.276. The range allows both, so no possible value is called impossible.
        """
        number, unit = Fraction(self.number), Fraction(Decimal(1).scaleb(self.number.as_tuple().exponent))
        return Range(max(Fraction(0), number - unit / 2) / self.scale, (number + unit) / self.scale)

    @property
    def words(self) -> str:
        """The number as the paper prints it: ``92.30 %``, ``0.80``."""
        return f"{self.number} %" if self.scale == 100 else f"{self.number}"
