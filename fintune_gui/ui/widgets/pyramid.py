"""A growing curve that can be drawn at any width: levels of minima and maxima, kept up to date as points arrive."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_FACTOR = 8
_FIRST_CAPACITY = 1024


class _Level:
    """Minimum and maximum of consecutive blocks of the level below."""

    def __init__(self) -> None:
        self.size = 0
        self.low: Floats = np.empty(_FIRST_CAPACITY)
        self.high: Floats = np.empty(_FIRST_CAPACITY)

    def append(self, low: Floats, high: Floats) -> None:
        end = self.size + len(low)
        if end > len(self.low):
            self.low = _grown(self.low, end)
            self.high = _grown(self.high, end)
        self.low[self.size : end] = low
        self.high[self.size : end] = high
        self.size = end


class Pyramid:
    """Points with rising x. Appending n points costs O(n), a picture of any range O(pixels).

    Not-a-number and infinite values are left out: they are told as events, not drawn.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.size = 0
        self._x: Floats = np.empty(_FIRST_CAPACITY)
        self._y: Floats = np.empty(_FIRST_CAPACITY)
        self._levels: list[_Level] = []
        self._bounds: tuple[float, float] | None = None

    @property
    def x(self) -> Floats:
        """All x so far; a view, not a copy."""
        return self._x[: self.size]

    @property
    def y(self) -> Floats:
        """All y so far; a view, not a copy."""
        return self._y[: self.size]

    def append(self, x: ArrayLike, y: ArrayLike) -> None:
        """Add points to the right end; `x` (n,) and `y` (n,)."""
        xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
        finite = np.isfinite(ys)
        if not finite.all():
            xs, ys = xs[finite], ys[finite]
        end = self.size + len(xs)
        if end > len(self._x):
            self._x, self._y = _grown(self._x, end), _grown(self._y, end)
        self._x[self.size : end] = xs
        self._y[self.size : end] = ys
        self.size = end
        if len(ys):
            low, high = self._bounds or (math.inf, -math.inf)
            self._bounds = min(low, float(ys.min())), max(high, float(ys.max()))
        self._raise_levels()

    def _raise_levels(self) -> None:
        """Complete the blocks that the new points have filled, level by level."""
        below_size, number = self.size, 0
        while below_size >= _FACTOR:
            if number == len(self._levels):
                self._levels.append(_Level())
            level = self._levels[number]
            below = self._levels[number - 1] if number else None
            low, high = (below.low, below.high) if below else (self._y, self._y)
            start, end = level.size * _FACTOR, below_size // _FACTOR * _FACTOR
            if end > start:
                level.append(
                    low[start:end].reshape(-1, _FACTOR).min(axis=1), high[start:end].reshape(-1, _FACTOR).max(axis=1)
                )
            below_size, number = level.size, number + 1

    def window(self, left: float, right: float, most: int) -> tuple[Floats, Floats]:
        """At most about `most` points that look like the curve between x = `left` and `right`, both (m,)."""
        first = max(0, int(np.searchsorted(self.x, left)) - 1)
        last = min(self.size, int(np.searchsorted(self.x, right, side="right")) + 1)
        number, block = 0, 1
        while (last - first) / block * 2 > most and number < len(self._levels):
            number, block = number + 1, block * _FACTOR
        if number == 0:
            return self._x[first:last], self._y[first:last]
        return self._from_level(number - 1, block, first, last)

    def _from_level(self, number: int, block: int, first: int, last: int) -> tuple[Floats, Floats]:
        """Two points (lowest, highest) for each whole block of a level, and the raw points left over at the end."""
        level = self._levels[number]
        begin, end = first // block, min(level.size, last // block)
        count = max(0, end - begin)
        rest = self._y[max(first, end * block) : last]
        x = np.empty(2 * count + 2 * (len(rest) > 0))
        y = np.empty_like(x)
        x[0 : 2 * count : 2] = self._x[begin * block : end * block : block]
        x[1 : 2 * count : 2] = x[0 : 2 * count : 2]
        y[0 : 2 * count : 2] = level.low[begin:end]
        y[1 : 2 * count : 2] = level.high[begin:end]
        if len(rest):
            x[-2:] = self._x[last - 1]
            y[-2:] = rest.min(), rest.max()
        return x, y

    def nearest(self, x: float) -> tuple[float, float] | None:
        """The point whose x is nearest."""
        if not self.size:
            return None
        place = int(np.searchsorted(self.x, x))
        around = [i for i in (place - 1, place) if 0 <= i < self.size]
        best = min(around, key=lambda i: abs(float(self._x[i]) - x))
        return float(self._x[best]), float(self._y[best])

    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest y."""
        return self._bounds


class Smoother:
    """Moving average over about `points` points, fed in pieces; without the bias of its start.

    A plain exponential average runs behind a falling curve. Averaging it once more shows by how much, and twice the
    first minus the second takes that away. Where a falling curve becomes flat, that goes too far: what is shown stays
    between the lowest and the highest value so far, and no loss is shown below zero.
    """

    def __init__(self, points: int) -> None:
        self._keep = 1 - 2 / (points + 1)
        self._at_once = max(1, 10 * points)  # so that powers of `keep` stay well inside a float
        self._once = 0.0
        self._twice = 0.0
        self._fed = 0
        self._last = math.nan
        self._lowest, self._highest = math.inf, -math.inf

    def __call__(self, values: ArrayLike) -> Floats:
        """The average after each of `values` (n,), as (n,). What is not a number repeats the average before it."""
        given = np.atleast_1d(np.asarray(values, np.float64))
        finite = np.isfinite(given)
        kept = given[finite]
        parts = [self._smoothed(kept[start : start + self._at_once]) for start in range(0, len(kept), self._at_once)]
        smooth = np.concatenate([np.array([self._last]), *parts])
        self._last = float(smooth[-1])
        result: Floats = smooth[np.cumsum(finite)]
        return result

    def _smoothed(self, values: Floats) -> Floats:
        if self._keep <= 0:
            return values
        powers: Floats = np.power(self._keep, np.arange(1, len(values) + 1), dtype=np.float64)
        weight = 1 - self._keep**self._fed * powers
        once = self._averaged(values, powers, self._once)
        twice = self._averaged(once / weight, powers, self._twice)
        self._once, self._twice, self._fed = float(once[-1]), float(twice[-1]), self._fed + len(values)
        lowest = np.minimum(np.minimum.accumulate(values), self._lowest)
        highest = np.maximum(np.maximum.accumulate(values), self._highest)
        self._lowest, self._highest = float(lowest[-1]), float(highest[-1])
        result: Floats = np.clip((2 * once - twice) / weight, lowest, highest)
        return result

    def _averaged(self, values: Floats, powers: Floats, before: float) -> Floats:
        """x[t] = keep * x[t - 1] + (1 - keep) * value[t], without a loop."""
        result: Floats = powers * (before + (1 - self._keep) * np.cumsum(values / powers))
        return result


def _grown(array: NDArray[Any], needed: int) -> Floats:
    """The same values with room for at least twice `needed`, so that growth costs little on the whole."""
    larger = np.empty(2 * needed)
    larger[: len(array)] = array
    return larger
