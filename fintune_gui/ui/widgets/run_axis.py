"""What a run's curves are drawn over: steps, epochs, tokens or time."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from enum import StrEnum
from typing import overload

import numpy as np

from fintune_gui.project.history import RunHistory


class XAxis(StrEnum):
    """The name of each is what the readout calls it."""

    STEP = "step"
    EPOCH = "epoch"
    TOKENS = "tokens"
    TIME = "minutes"

    @property
    def decimals(self) -> int:
        """Digits after the point worth reading."""
        return {XAxis.EPOCH: 2, XAxis.TIME: 1}.get(self, 0)

    def of_steps(self, history: RunHistory) -> Sequence[float]:
        """x of each training step, rising, (n,); only what is asked for is computed."""
        if self is XAxis.STEP:
            return history.steps
        if self is XAxis.TIME:
            return _Minutes(history.curves["time"])
        return history.curves[self.value]

    def of_step(self, history: RunHistory, step: int) -> float:
        """x of one step; of the nearest one that is known."""
        xs = self.of_steps(history)
        if self is XAxis.STEP or not len(xs):
            return float(step)
        return float(xs[min(bisect_left(history.steps, step), len(xs) - 1)])

    def end(self, history: RunHistory) -> float | None:
        """How far to draw: to the planned end, but at most four times what is done, so that a beginning can be seen.

        The end moves by doubling, so that the picture stands still most of the time. None where nobody knows an end,
        or where it has come.
        """
        if history.plan is None or history.finished or self in (XAxis.TOKENS, XAxis.TIME):
            return None
        steps = float(history.plan.total_steps)
        while history.last_step is not None and steps > 4 * history.last_step.step:
            steps /= 2
        return steps if self is XAxis.STEP else steps / max(history.plan.steps_per_epoch, 1)


class _Minutes(Sequence[float]):
    """Seconds since 1970 as minutes since the first of them."""

    def __init__(self, times: array[float]) -> None:
        self._times = times

    def __len__(self) -> int:
        return len(self._times)

    @overload
    def __getitem__(self, place: int) -> float: ...
    @overload
    def __getitem__(self, place: slice) -> list[float]: ...
    def __getitem__(self, place: int | slice) -> float | list[float]:
        start = self._times[0] if self._times else 0.0
        if isinstance(place, slice):
            minutes: list[float] = ((np.array(self._times[place]) - start) / 60).tolist()
            return minutes
        return (self._times[place] - start) / 60
