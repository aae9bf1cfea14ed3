"""One curve of a live plot: all its points, what of them is drawn, and its smoothed version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fintune_gui.ui.widgets.pyramid import Floats, Pyramid, Smoother

Drawn = tuple[Floats, Floats]
"""x and y, each (m,)."""
_NOTHING: Drawn = (np.empty(0), np.empty(0))

CurveKind = Literal["training", "validation", "metric", "other"]
"""training: faint raw and bold smoothed, solid; validation: dotted markers; metric: solid; other: dashed grey."""

MOST_POINTS = 1600
"""Points of the raw curve: about two for each pixel."""
MOST_BOLD_POINTS = 280
"""Wide lines are dear to draw, and a smooth curve needs few points."""
SMOOTHED_OVER = 50


class Curve:
    """One line of a plot. Feed it with `sync`; the plot draws it when its turn comes."""

    def __init__(self, changed: Callable[[], None], name: str, kind: CurveKind) -> None:
        self.name = name
        self.kind: CurveKind = kind
        self._changed = changed
        self.smoothed_over = SMOOTHED_OVER
        self._smoother = Smoother(SMOOTHED_OVER)
        self.points = Pyramid()
        self.smooth = Pyramid()
        self._given = 0
        self._last_x = float("nan")

    def sync(self, xs: Sequence[float] | NDArray[Any], ys: Sequence[float] | NDArray[Any], factor: float = 1.0) -> None:
        """Show exactly these points. Only what is new is read, so it may be called for every batch of events.

        Args:
            xs: Rising, (n,); the same growing sequence each time. A shorter or changed one starts the curve anew.
            ys: The values, (n,).
            factor: What the values are multiplied with, always the same.
        """
        count = len(xs)
        same = count >= self._given and (not self._given or float(xs[self._given - 1]) == self._last_x)
        if not same:
            self.clear()
        if count == self._given:
            return
        new_x = np.array(xs[self._given :], np.float64)
        new_y = np.array(ys[self._given :], np.float64) * factor
        self._given, self._last_x = count, float(new_x[-1])
        self.points.append(new_x, new_y)
        if self.kind == "training":
            self.smooth.append(new_x, self._smoother(new_y))
        self._changed()

    def clear(self) -> None:
        """Take all points away."""
        self._given, self._last_x = 0, float("nan")
        self._smoother = Smoother(self.smoothed_over)
        self.points.clear()
        self.smooth.clear()
        self._changed()

    @property
    def last(self) -> float | None:
        """The newest value: smoothed for a training curve."""
        source = self.smooth if self.kind == "training" else self.points
        return float(source.y[-1]) if source.size else None

    def set_smoothing(self, points: int) -> None:
        """Smooth a training curve over about so many points; 1 is not at all."""
        if points == self.smoothed_over:
            return
        self.smoothed_over, self._smoother = points, Smoother(points)
        self.smooth.clear()
        if self.kind == "training":
            self.smooth.append(self.points.x, self._smoother(self.points.y))
        self._changed()

    def drawn(self, left: float, right: float) -> tuple[Drawn, Drawn]:
        """The points to draw between x = `left` and `right`: (faint, bold)."""
        if self.kind == "training":
            return self.points.window(left, right, MOST_POINTS), _thinned(self.smooth, left, right)
        return _NOTHING, _thinned(self.points, left, right)


def _thinned(points: Pyramid, left: float, right: float) -> Drawn:
    """At most `MOST_BOLD_POINTS` of the points in sight and one beyond each side, the last one always among them."""
    first = max(0, int(np.searchsorted(points.x, left)) - 1)
    last = min(points.size, int(np.searchsorted(points.x, right, side="right")) + 1)
    if last - first <= MOST_BOLD_POINTS:
        return points.x[first:last], points.y[first:last]
    places = np.unique(np.linspace(first, last - 1, MOST_BOLD_POINTS).astype(np.int64))
    return points.x[places], points.y[places]


def points_as_text(curves: Mapping[str, Curve], x_name: str) -> str:
    """All points as tab-separated lines with a head line: x, and one column for each curve."""
    columns = [dict(zip(c.points.x.tolist(), c.points.y.tolist(), strict=True)) for c in curves.values()]
    lines = ["\t".join([x_name, *curves])]
    for x in sorted({x for column in columns for x in column}):
        lines.append("\t".join([f"{x:.10g}", *(f"{c[x]:.6g}" if x in c else "" for c in columns)]))  # noqa: PERF401
    return "\n".join(lines)
