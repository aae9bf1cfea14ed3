"""The curves of a run that matter now and then: gradient norm, speed, useful tokens and memory."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from fintune_gui.project.history import RunHistory
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.live_plot import LivePlot
from fintune_gui.ui.widgets.run_axis import XAxis

_HEIGHT = 210
_GIB = 1 << 30
_SHOWN = (
    ("grad_norm", "Gradient norm", 1.0),
    ("tokens_per_second", "Tokens per second", 1.0),
    ("useful_share", "Useful tokens per computed token", 1.0),
    ("memory_bytes", "Memory, GB", 1.0 / _GIB),
)
"""The name in the history, the title, and the factor to its unit."""


class RunCurves(QWidget):
    """Four small plots, two by two; each is raw and smoothed.

    Attributes:
        plots: By the name in the history.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._newest: tuple[RunHistory, XAxis] | None = None
        self.plots: dict[str, LivePlot] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(metrics.GAP)
        for place, (name, title, _factor) in enumerate(_SHOWN):
            plot = LivePlot(title)
            plot.add_curve(title.lower(), "training")
            card = Card(title)
            card.setFixedHeight(_HEIGHT)
            card.add(plot, 1)
            grid.addWidget(card, place // 2, place % 2)
            self.plots[name] = plot

    def clear(self) -> None:
        """Forget the run."""
        self._newest = None
        for plot in self.plots.values():
            plot.clear()

    def forget_points(self) -> None:
        """The points are to be fed anew."""
        for plot in self.plots.values():
            for curve in plot.curves.values():
                curve.clear()

    def show_history(self, history: RunHistory, axis: XAxis) -> None:
        """Take in what is new, now or when it is seen: a million steps take a moment."""
        self._newest = (history, axis)
        if not self.isVisible():
            return
        for name, _title, factor in _SHOWN:
            plot = self.plots[name]
            plot.set_x_name(axis.value, axis.decimals)
            plot.set_x_end(axis.end(history))
            (curve,) = plot.curves.values()
            curve.sync(axis.of_steps(history), history.curves[name], factor)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._newest is not None:
            self.show_history(*self._newest)
