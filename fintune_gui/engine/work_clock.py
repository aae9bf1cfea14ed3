"""A clock that counts only work: no pauses, and no time in which the computer slept or the process was stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

SHORTEST_SLEEP_S = 30.0
_BUSY = 0.05
"""A process that computes, or waits for a graphics card, uses more of its time than this share."""


class WorkClock:
    """Seconds of work. What is measured by it stays sane when a laptop is closed and opened again.

    Nobody tells a process that it slept, and whether the system's own clock went on meanwhile depends on the system. So
    `look` is called often; a long gap between two calls in which the process used no processor time was no work.

    Args:
        shortest_sleep_s: A gap that is shorter always counts as work.
    """

    def __init__(self, shortest_sleep_s: float = SHORTEST_SLEEP_S) -> None:
        self._shortest_s = shortest_sleep_s
        self._away_s = 0.0
        self._looked, self._cpu = time.monotonic(), time.process_time()

    def look(self) -> None:
        """Work goes on here."""
        now, cpu = time.monotonic(), time.process_time()
        gap, worked = now - self._looked, cpu - self._cpu
        self._looked, self._cpu = now, cpu
        if gap >= self._shortest_s and worked < _BUSY * gap:
            self._away_s += gap - worked

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Nothing within is work, whatever it computes."""
        self.look()
        began, away_s = time.monotonic(), self._away_s
        try:
            yield
        finally:
            self._looked, self._cpu = time.monotonic(), time.process_time()
            self._away_s = away_s + self._looked - began

    def now(self) -> float:
        """Seconds of work since any fixed moment."""
        self.look()
        return self._looked - self._away_s
