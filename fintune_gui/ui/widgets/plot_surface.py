"""What a live plot is drawn on: axes, one pair of lines for each curve, two marks, and a readout. All of pyqtgraph."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.ui.theme import font, tokens
from fintune_gui.ui.theme.tokens import mix
from fintune_gui.ui.widgets.plot_curve import Curve, CurveKind
from fintune_gui.ui.widgets.plot_gestures import PlotGestures
from fintune_gui.ui.widgets.plot_marks import Mark, grouped
from fintune_gui.ui.widgets.plot_part import Part

LOWEST = 1e-9
"""The smallest value that has a logarithm here."""
_SYMBOL_SIZE = 6


class PlotSurface(QWidget):
    """Draws what it is told; knows nothing of zoom, of ranges, or of what a curve means.

    Attributes:
        target: A dashed line across.
        best: A dotted upright line.
        gestures: What the mouse and the wheel do over it.
        items: The faint and the bold line of each curve, by its name; the same for the curve's life.

    Signals:
        pointed_at: x under the mouse; None when it has left the axes.
    """

    pointed_at = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        import pyqtgraph as pg

        self._pg = pg
        self.items: dict[str, tuple[Any, Any]] = {}
        self._kinds: dict[str, CurveKind] = {}
        self._view = pg.GraphicsLayoutWidget(parent=self)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot = self._view.addPlot(enableMenu=False)
        menu = self._plot.ctrlMenu  # made whether it is wanted or not, and owned by nobody
        menu.setParent(self, menu.windowFlags())
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self.box.setDefaultPadding(0.0)
        self._view.ci.layout.setContentsMargins(0, 4, 4, 0)
        self.target = Mark(self._plot, angle=0, style=Qt.PenStyle.DashLine)
        self.best = Mark(self._plot, angle=90, style=Qt.PenStyle.DotLine)
        self._readout = pg.TextItem(anchor=(1, 0))
        self._readout.setVisible(False)
        self._readout.setZValue(10)
        self._plot.addItem(self._readout, ignoreBounds=True)
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            usual = axis.tickStrings
            axis.tickStrings = lambda *args, usual=usual: grouped(usual(*args))
        self._view.scene().sigMouseMoved.connect(self._on_mouse)
        self.gestures = PlotGestures(self._view.viewport())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)

    @property
    def box(self) -> Any:
        """The view box: what lies within the axes."""
        return self._plot.getViewBox()

    @property
    def viewport(self) -> QWidget:
        """The widget that gets the mouse."""
        viewport: QWidget = self._view.viewport()
        return viewport

    @property
    def height_within(self) -> float:
        """Pixels from the lowest to the highest shown value."""
        return float(self.box.height())

    def add(self, name: str, kind: CurveKind) -> None:
        """Lines for a new curve."""
        faint = self._pg.PlotDataItem(skipFiniteCheck=True)
        bold = self._pg.PlotDataItem(skipFiniteCheck=True, antialias=True)
        self._plot.addItem(faint)
        self._plot.addItem(bold)
        self.items[name], self._kinds[name] = (faint, bold), kind

    def remove(self, name: str) -> None:
        """Take the lines of a curve away."""
        del self._kinds[name]
        for item in self.items.pop(name):
            self._plot.removeItem(item)

    def set_logarithmic(self, logarithmic: bool) -> None:
        """Whether y is drawn as its logarithm."""
        self._plot.getAxis("left").setLogMode(False, logarithmic)

    def show_figures(self, shown: bool) -> None:
        """Numbers along the axes; where nothing is drawn they would mean nothing."""
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            if axis.style["showValues"] != shown:
                axis.setStyle(showValues=shown)

    def show_part(self, part: Part) -> None:
        """Let the axes show these ranges."""
        self._plot.setRange(xRange=part[:2], yRange=part[2:], padding=0)

    def draw(self, name: str, curve: Curve, part: Part, *, logarithmic: bool) -> None:
        """Draw what of a curve lies in `part`."""
        faint, bold = self.items[name]
        for item, (x, y) in zip((faint, bold), curve.drawn(part.left, part.right), strict=True):
            item.setData(x, np.log10(np.maximum(y, LOWEST)) if logarithmic else y)
        if curve.kind in ("metric", "other"):
            lone = "o" if curve.points.size == 1 else None  # a point alone has no line
            if bold.opts["symbol"] != lone:
                bold.setSymbol(lone)

    def shares(self, point: QPoint) -> tuple[float, float]:
        """Where a point of the viewport lies within the axes, as shares from the lower left corner."""
        box = self.box.sceneBoundingRect()
        at = self._view.mapToScene(point)
        return (at.x() - box.left()) / max(box.width(), 1), (box.bottom() - at.y()) / max(box.height(), 1)

    def shares_moved(self, moved: QPoint) -> tuple[float, float]:
        """How far the part in sight goes when the picture is pulled by so many pixels, as shares."""
        box = self.box.sceneBoundingRect()
        return -moved.x() / max(box.width(), 1), moved.y() / max(box.height(), 1)

    # What is read

    def show_readout(self, text: str, x: float) -> None:
        """Show words beside `x`, on the side where there is room."""
        self._readout.setText(text)
        (left, right), (low, high) = self.box.viewRange()
        self._readout.setAnchor((0, 0) if x < (left + right) / 2 else (1, 0))
        self._readout.setPos(x, high - (high - low) * 0.02)
        self._readout.setVisible(True)

    def hide_readout(self) -> None:
        self._readout.setVisible(False)

    @property
    def readout(self) -> str:
        """The shown words; "" while none are."""
        text: str = self._readout.toPlainText() if self._readout.isVisible() else ""
        return text

    def _on_mouse(self, position: Any) -> None:
        inside = self.box.sceneBoundingRect().contains(position)
        self.pointed_at.emit(float(self.box.mapSceneToView(position).x()) if inside else None)

    # How it looks

    def show_focus(self, *, focused: bool) -> None:
        """A frame that says that the keys act here now."""
        self.box.setBorder(self._pg.mkPen(tokens().accent) if focused else None)

    def restyle(self) -> None:
        """Take the colours of the theme."""
        pg, t = self._pg, tokens()
        self._view.setBackground(QColor(t.surface))
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(t.line))
            axis.setTextPen(pg.mkPen(t.muted))
            axis.setStyle(tickFont=font("small"), tickLength=4, autoExpandTextSpace=True)
            axis.enableAutoSIPrefix(False)
        for mark in (self.target, self.best):
            mark.restyle()
        self._readout.setColor(QColor(t.text))
        self._readout.setFont(font("small"))
        self._readout.fill = pg.mkBrush(t.raised)
        self._readout.border = pg.mkPen(t.line)
        for name, (faint, bold) in self.items.items():
            self._dress(faint, bold, self._kinds[name])

    def _dress(self, faint: Any, bold: Any, kind: CurveKind) -> None:
        pg, t = self._pg, tokens()
        faint.setPen(pg.mkPen(mix(t.surface, t.accent, 0.45), width=1))
        colour = {"validation": t.series_2, "other": t.muted}.get(kind, t.accent)
        if kind == "other":
            bold.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine))
        else:
            bold.setPen(pg.mkPen(colour, width=2))
        bold.setSymbolSize(_SYMBOL_SIZE)
        bold.setSymbolBrush(pg.mkBrush(colour))
        bold.setSymbolPen(None)
        if kind == "validation":
            bold.setSymbol("o")
