"""Mean and spread of any stretch of a growing curve, each in constant time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

_LARGEST = 1e4
"""Values beyond are cut: one explosion must not swallow the digits of all sums after it."""


@dataclass(frozen=True)
class Stretch:
    """What a piece of a curve looks like.

    Attributes:
        mean: Of its values.
        spread: Their standard deviation.
        count: How many there are.
    """

    mean: float
    spread: float
    count: int

    @property
    def error(self) -> float:
        """The standard error of the mean, for steps that do not depend on each other."""
        return self.spread / math.sqrt(self.count) if self.count else math.inf


class Stretches:
    """Sums over everything so far; the difference of two is the sum of a stretch."""

    def __init__(self) -> None:
        self._sums, self._squares = array("d", [0.0]), array("d", [0.0])

    def __len__(self) -> int:
        return len(self._sums) - 1

    def extend(self, values: Iterable[float]) -> None:
        """Append values; what is not a number counts as the largest."""
        total, squares = self._sums[-1], self._squares[-1]
        for value in values:
            kept = min(max(value, -_LARGEST), _LARGEST) if math.isfinite(value) else _LARGEST
            total += kept
            squares += kept * kept
            self._sums.append(total)
            self._squares.append(squares)

    def between(self, start: int, end: int) -> Stretch:
        """The values with `start` <= place < `end`; an empty stretch has no mean."""
        count = end - start
        if count <= 0:
            return Stretch(math.nan, 0.0, 0)
        mean = (self._sums[end] - self._sums[start]) / count
        variance = (self._squares[end] - self._squares[start]) / count - mean * mean
        return Stretch(mean, math.sqrt(max(variance, 0.0) * count / max(count - 1, 1)), count)
