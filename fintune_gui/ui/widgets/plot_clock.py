"""Whose turn it is to draw: plots wait for one another, so that several never paint in one go."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

TICK_MS = 60
"""One plot is drawn at each tick."""


class Redrawn(Protocol):
    """A plot."""

    def redraw(self) -> None: ...


class PlotClock(QObject):
    """Lets waiting plots draw one after another, one at each tick; stands still when nothing is waiting."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: list[Redrawn] = []
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def wake(self, plot: Redrawn) -> None:
        if plot not in self._waiting:
            self._waiting.append(plot)
        if not self._timer.isActive():
            self._timer.start()

    def forget(self, plot: Redrawn) -> None:
        if plot in self._waiting:
            self._waiting.remove(plot)

    @Slot()
    def _tick(self) -> None:
        if not self._waiting:
            self._timer.stop()
            return
        plot = self._waiting.pop(0)
        if isValid(plot):
            plot.redraw()


@lru_cache(maxsize=1)
def _clock_of(app: QApplication) -> PlotClock:
    return PlotClock(app)


def plot_clock() -> PlotClock:
    """The one clock of the program."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return _clock_of(app)
