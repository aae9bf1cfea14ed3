"""The part of a plot that is in sight, and what zoom and pan make of it."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """Ranges of x and y as drawn. Shares count from the lower left corner, 0 to 1."""

    left: float
    right: float
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.high - self.low

    def scaled(self, factor: float, x_share: float, y_share: float) -> Part:
        """`factor` times as large; the point at these shares stays where it is."""
        x, y = self.left + self.width * x_share, self.low + self.height * y_share
        return Part(
            x + (self.left - x) * factor,
            x + (self.right - x) * factor,
            y + (self.low - y) * factor,
            y + (self.high - y) * factor,
        )

    def moved(self, x_share: float, y_share: float) -> Part:
        """As large, so many shares further."""
        x, y = self.width * x_share, self.height * y_share
        return Part(self.left + x, self.right + x, self.low + y, self.high + y)

    def inside(self, x0: float, x1: float, y0: float, y1: float) -> Part:
        """What lies between these shares."""
        left, low = self.left + self.width * max(x0, 0.0), self.low + self.height * max(y0, 0.0)
        return Part(left, self.left + self.width * min(x1, 1.0), low, self.low + self.height * min(y1, 1.0))
