"""The controls under a plot: what x counts, the scale, the smoothing, and the way back from a zoom."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.controls import Button, CheckBox, ComboBox, Label
from fintune_gui.ui.widgets.live_plot import LivePlot
from fintune_gui.ui.widgets.plot_curve import SMOOTHED_OVER
from fintune_gui.ui.widgets.run_axis import XAxis

SMOOTHINGS = (1, 5, 10, 20, SMOOTHED_OVER, 100, 200, 500, 1000)
"""Steps that the slider smooths over, from left to right."""
_SLIDER_WIDTH = 80


class PlotBar(QWidget):
    """Acts on one plot; what x counts is told, because others follow.

    Signals:
        axis_chosen: An `XAxis`.
        smoothed: The training loss is smoothed over another number of steps.
    """

    axis_chosen = Signal(object)
    smoothed = Signal()

    def __init__(self, plot: LivePlot, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = plot
        self.axis = ComboBox("What the curves are drawn over", [(f"over {a.value}", a) for a in XAxis])
        self.axis.set_value(XAxis.STEP)
        self.axis.chosen.connect(self.axis_chosen)
        self.logarithmic = CheckBox("Log")
        self.logarithmic.setToolTip("Logarithmic scale (L)")
        self.logarithmic.setAccessibleName("Logarithmic scale")
        self.logarithmic.clicked.connect(plot.toggle_logarithmic)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Smoothing")
        self.slider.setRange(0, len(SMOOTHINGS) - 1)
        self.slider.setPageStep(2)
        self.slider.setFixedWidth(_SLIDER_WIDTH)
        self.slider.setValue(SMOOTHINGS.index(SMOOTHED_OVER))
        self.slider.valueChanged.connect(self._smooth)
        self.everything = Button("Show all", plot.show_everything, kind="link", tool_tip="Show everything again (0)")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.SMALL_GAP)
        for widget in (self.axis, self.logarithmic, Label("Smoothing", "small"), self.slider):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self.everything)
        plot.view_changed.connect(self._show_view)
        self._show_view()
        self._show_smoothing()

    @property
    def smoothed_over(self) -> int:
        """Steps that the training loss is smoothed over."""
        return SMOOTHINGS[self.slider.value()]

    @Slot()
    def _show_view(self) -> None:
        self.everything.setVisible(self._plot.is_zoomed)
        self.logarithmic.setChecked(self._plot.logarithmic)

    @Slot()
    def _smooth(self) -> None:
        self._plot.set_smoothing(self.smoothed_over)
        self._show_smoothing()
        self.smoothed.emit()

    def _show_smoothing(self) -> None:
        words = "off" if self.smoothed_over == 1 else f"{self.smoothed_over:,} steps"
        self.slider.setAccessibleDescription(words)
        self.slider.setToolTip(f"Smoothing: {words}")
