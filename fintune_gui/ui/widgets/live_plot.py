"""A plot that grows while a model learns. One item per curve for life; drawn only when seen and changed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QColor, QFocusEvent, QGuiApplication, QHideEvent, QKeyEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import font, tokens
from fintune_gui.ui.theme.tokens import mix
from fintune_gui.ui.widgets.plot_clock import plot_clock
from fintune_gui.ui.widgets.plot_curve import Curve, CurveKind, points_as_text
from fintune_gui.ui.widgets.plot_gestures import ZOOM_STEP, PlotGestures
from fintune_gui.ui.widgets.plot_marks import Mark, grouped
from fintune_gui.ui.widgets.plot_part import Part

_RIGHT_ROOM = 1.015
"""A marker at the last step is not cut in half."""
_LOWEST = 1e-9
"""The smallest value that has a logarithm here."""
_WORDS_HEIGHT = 20
"""Pixels above a target that is higher than all curves, for its words."""
_SMALLEST_SHARE = 1e-5
"""A logarithmic scale begins no lower than this share of its highest value, whatever a zero would ask for."""


class LivePlot(QWidget):
    """Curves over steps, with a target, a mark for the best so far, and a readout under the mouse or the arrow keys.

    Ctrl+wheel, a dragged box, or "+" and "-" zoom; Shift+drag or Shift+arrows pan; a double click or "0" shows
    everything; "L" changes between a plain and a logarithmic scale. pyqtgraph is imported with the first plot, not with
    the program.

    Attributes:
        logarithmic: Whether the y axis is.

    Signals:
        copied: What was put on the clipboard, in words.
        view_changed: Zoomed, or another scale.
    """

    copied = Signal(str)
    view_changed = Signal()

    def __init__(self, name: str, *, x_name: str = "step", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        import pyqtgraph as pg

        self._pg = pg
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._name = name
        self._x_name = x_name
        self.curves: dict[str, Curve] = {}
        self._items: dict[str, tuple[Any, Any]] = {}
        self._x_end: float | None = None
        self._x_decimals = 0
        self._zoom: Part | None = None
        self._pointed_at: float | None = None
        self.logarithmic = False
        self.dirty = False
        self.redraws = 0
        self._view = pg.GraphicsLayoutWidget(parent=self)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot = self._view.addPlot(enableMenu=False)
        menu = self._plot.ctrlMenu  # made whether it is wanted or not, and owned by nobody
        menu.setParent(self, menu.windowFlags())
        self._set_up()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        gestures = PlotGestures(self._view.viewport())
        gestures.zoomed.connect(self._zoom_around)
        gestures.boxed.connect(self._zoom_to)
        gestures.dragged.connect(self._pan_pixels)
        gestures.reset.connect(self.show_everything)
        for words, slot, keys in (
            ("Zoom in", self.zoom_in, "+"),
            ("Zoom out", self.zoom_out, "-"),
            ("Show everything", self.show_everything, "0"),
            ("Logarithmic scale on or off", self.toggle_logarithmic, "L"),
            ("Copy picture", self.copy_picture, "Ctrl+Shift+C"),
            ("Copy data", self.copy_data, QKeySequence.StandardKey.Copy),
        ):
            action = QAction(words, self)
            action.triggered.connect(slot)
            action.setShortcut(keys)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self.addAction(action)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self._restyle()

    def _set_up(self) -> None:
        pg = self._pg
        plot = self._plot
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.getViewBox().setDefaultPadding(0.0)
        self._view.ci.layout.setContentsMargins(0, 4, 4, 0)
        self._target = Mark(plot, angle=0, style=Qt.PenStyle.DashLine)
        self._best = Mark(plot, angle=90, style=Qt.PenStyle.DotLine)
        self._readout = pg.TextItem(anchor=(1, 0))
        self._readout.setVisible(False)
        self._readout.setZValue(10)
        plot.addItem(self._readout, ignoreBounds=True)
        for side in ("left", "bottom"):
            axis = plot.getAxis(side)
            usual = axis.tickStrings
            axis.tickStrings = lambda *args, usual=usual: grouped(usual(*args))
        self._view.scene().sigMouseMoved.connect(self._on_mouse)

    # What pages say

    def add_curve(self, name: str, kind: CurveKind) -> Curve:
        """A new curve with a name for the legend, the readout and the copied data."""
        curve = Curve(self.touch, name, kind)
        self.curves[name] = curve
        faint = self._pg.PlotDataItem(skipFiniteCheck=True)
        bold = self._pg.PlotDataItem(skipFiniteCheck=True, antialias=True)
        self._plot.addItem(faint)
        self._plot.addItem(bold)
        self._items[name] = (faint, bold)
        self._restyle()
        return curve

    def remove_curve(self, name: str) -> None:
        """Take a curve away for good, for example one of a compared run."""
        self.curves.pop(name)
        for item in self._items.pop(name):
            self._plot.removeItem(item)
        self.touch()

    def clear(self) -> None:
        """Take all points, the target and the mark away; the curves stay."""
        for curve in self.curves.values():
            curve.clear()
        self.set_target(None)
        self.set_best(None)
        self._x_end = None
        self.show_everything()

    def set_x_end(self, steps: float | None) -> None:
        """How far the x axis goes: the planned number of steps, or None for as far as there is data."""
        self._x_end = steps
        self.touch()

    def set_x_name(self, name: str, decimals: int = 0) -> None:
        """What x counts from now on, and how many digits it is read with; the curves are to be fed anew."""
        if name != self._x_name:
            self._x_name, self._x_decimals = name, decimals
            self.show_everything()

    def set_smoothing(self, points: int) -> None:
        """Smooth the training curves over about so many points; 1 is not at all."""
        for curve in self.curves.values():
            curve.set_smoothing(points)

    def set_target(self, value: float | None, text: str = "") -> None:
        """A dashed line at the value to reach, with its words."""
        self._target.set(value, text or ("" if value is None else f"target {value:g}"))
        self.touch()

    def set_best(self, x: float | None, text: str = "best so far") -> None:
        """A dotted upright line where the best value was seen."""
        self._best.set(x, text)
        self.touch()

    def touch(self) -> None:
        """Something changed: draw when it is this plot's turn, if it can be seen."""
        self.dirty = True
        if self.isVisible():
            plot_clock().wake(self)

    # Drawing

    def redraw(self) -> None:
        """Bring the picture up to date now."""
        self.dirty = False
        self.redraws += 1
        part = self._zoom or self._ranges()
        self._plot.setRange(xRange=part[:2], yRange=part[2:], padding=0)
        for name, curve in self.curves.items():
            for item, (x, y) in zip(self._items[name], curve.drawn(part.left, part.right), strict=True):
                item.setData(x, np.log10(np.maximum(y, _LOWEST)) if self.logarithmic else y)
            lone = "o" if curve.kind == "metric" and curve.points.size == 1 else None  # a point alone has no line
            if curve.kind == "metric" and self._items[name][1].opts["symbol"] != lone:
                self._items[name][1].setSymbol(lone)
        if self._target.value is not None:
            at = self._scaled(self._target.value)
            pixels_above = (part.high - at) / part.height * self._plot.getViewBox().height()
            wanted_above = at <= (part.low + part.high) / 2 or self._target_is_highest()
            self._target.place_across(part, at, words_above=wanted_above and pixels_above > _WORDS_HEIGHT - 4)
        if self._best.value is not None:
            self._best.place_upright(part, self._best.value)
        self.setAccessibleDescription(self.summary())

    def _scaled(self, y: float) -> float:
        return math.log10(max(y, _LOWEST)) if self.logarithmic else y

    def _ranges(self) -> Part:
        filled = [curve.points for curve in self.curves.values() if curve.points.size]
        right = max([float(points.x[-1]) for points in filled] + ([self._x_end] if self._x_end else []), default=1.0)
        bounds = [bounds for points in filled if (bounds := points.bounds()) is not None]
        lows = [low for low, _ in bounds] + ([self._target.value] if self._target.value is not None else [])
        highs = [high for _, high in bounds] + ([self._target.value] if self._target.value is not None else [])
        lowest, highest = min(lows, default=0.0), max(highs, default=1.0)
        if self.logarithmic:
            lowest = max(lowest, highest * _SMALLEST_SHARE)
        low, high = self._scaled(lowest), self._scaled(highest)
        room = (high - low) * 0.06 or max(abs(high) * 0.1, 1e-9)
        above = room
        if self._target_is_highest():
            pixels = self._plot.getViewBox().height()
            above = max(room, (high - low + room) * _WORDS_HEIGHT / max(pixels - _WORDS_HEIGHT, _WORDS_HEIGHT))
        return Part(0.0, max(right * _RIGHT_ROOM, 1e-9), low - room, high + above)

    def _target_is_highest(self) -> bool:
        tops = [bounds[1] for curve in self.curves.values() if (bounds := curve.points.bounds()) is not None]
        target = self._target.value
        return target is not None and all(target >= top for top in tops)

    # Zoom

    @property
    def is_zoomed(self) -> bool:
        """Whether only a part is shown."""
        return self._zoom is not None

    @Slot()
    def show_everything(self) -> None:
        """Zoom out to everything, and follow the curves again."""
        self._show_part(None)

    @Slot()
    def zoom_in(self) -> None:
        """Closer, around the middle."""
        self._scale_view(ZOOM_STEP, 0.5, 0.5)

    @Slot()
    def zoom_out(self) -> None:
        """Further away, around the middle."""
        self._scale_view(1 / ZOOM_STEP, 0.5, 0.5)

    @Slot()
    def toggle_logarithmic(self) -> None:
        """Change between a plain and a logarithmic y axis."""
        self.logarithmic = not self.logarithmic
        self._plot.getAxis("left").setLogMode(False, self.logarithmic)
        self._show_part(None)

    def _show_part(self, part: Part | None) -> None:
        self._zoom = part
        self.touch()
        self.view_changed.emit()

    def _scale_view(self, factor: float, x_share: float, y_share: float) -> None:
        whole = self._ranges()
        part = (self._zoom or whole).scaled(factor, x_share, y_share)
        if part.width >= 0.999 * whole.width and part.height >= 0.999 * whole.height:
            self._show_part(None)
        elif factor > 1 or part.width > 1e-6 * whole.width:
            self._show_part(part)

    def _shares(self, point: QPoint) -> tuple[float, float]:
        """Where a point of the surface lies within the axes, as shares from the lower left corner."""
        box = self._plot.getViewBox().sceneBoundingRect()
        at = self._view.mapToScene(point)
        return (at.x() - box.left()) / max(box.width(), 1), (box.bottom() - at.y()) / max(box.height(), 1)

    @Slot(float, QPoint)
    def _zoom_around(self, factor: float, point: QPoint) -> None:
        self._scale_view(factor, *self._shares(point))

    @Slot(QRect)
    def _zoom_to(self, box: QRect) -> None:
        (x0, y1), (x1, y0) = self._shares(box.topLeft()), self._shares(box.bottomRight())
        self._show_part((self._zoom or self._ranges()).inside(x0, x1, y0, y1))

    @Slot(QPoint)
    def _pan_pixels(self, moved: QPoint) -> None:
        box = self._plot.getViewBox().sceneBoundingRect()
        self._pan(-moved.x() / max(box.width(), 1), moved.y() / max(box.height(), 1))

    def _pan(self, x_share: float, y_share: float) -> None:
        if self._zoom is not None:  # else everything is in sight
            self._show_part(self._zoom.moved(x_share, y_share))

    def summary(self) -> str:
        """The state in words, for screen readers and tests."""
        parts = [f"{name} {curve.last:.4g}" for name, curve in self.curves.items() if curve.last is not None]
        return f"{self._name}: {', '.join(parts)}" if parts else f"{self._name}: no data yet"

    def _restyle(self) -> None:
        pg, t = self._pg, tokens()
        self._view.setBackground(QColor(t.surface))
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(t.line))
            axis.setTextPen(pg.mkPen(t.muted))
            axis.setStyle(tickFont=font("small"), tickLength=4, autoExpandTextSpace=True)
            axis.enableAutoSIPrefix(False)
        for mark in (self._target, self._best):
            mark.restyle()
        self._readout.setColor(QColor(t.text))
        self._readout.setFont(font("small"))
        self._readout.fill = pg.mkBrush(t.raised)
        self._readout.border = pg.mkPen(t.line)
        for name, curve in self.curves.items():
            self._dress(*self._items[name], curve.kind)
        self.touch()

    def _dress(self, faint: Any, bold: Any, kind: CurveKind) -> None:
        pg, t = self._pg, tokens()
        faint.setPen(pg.mkPen(mix(t.surface, t.accent, 0.45), width=1))
        if kind == "validation":
            bold.setPen(pg.mkPen(t.series_2, width=2))
            bold.setSymbol("o")
            bold.setSymbolSize(6)
            bold.setSymbolBrush(pg.mkBrush(t.series_2))
            bold.setSymbolPen(None)
        elif kind == "other":
            bold.setPen(pg.mkPen(t.muted, width=1, style=Qt.PenStyle.DashLine))
        else:
            bold.setPen(pg.mkPen(t.accent, width=2))
            bold.setSymbolSize(6)
            bold.setSymbolBrush(pg.mkBrush(t.accent))
            bold.setSymbolPen(None)

    # Copying

    @Slot()
    def copy_picture(self) -> None:
        """Put the plot on the clipboard as a picture."""
        QGuiApplication.clipboard().setPixmap(self.grab())
        self.copied.emit(f"The plot “{self._name}” was copied as a picture.")

    @Slot()
    def copy_data(self) -> None:
        """Put all points on the clipboard as tab-separated text: x, and one column for each curve."""
        QGuiApplication.clipboard().setText(self.data_text())
        self.copied.emit(f"The data of “{self._name}” were copied.")

    def data_text(self) -> str:
        """All points as tab-separated lines with a head line."""
        return points_as_text(self.curves, self._x_name)

    # Qt

    @Slot(object)
    def _on_mouse(self, position: QPointF) -> None:
        box = self._plot.getViewBox()
        if not box.sceneBoundingRect().contains(position) or not any(c.points.size for c in self.curves.values()):
            self._readout.setVisible(False)
            return
        self._point_at(box.mapSceneToView(position).x())

    def _point_at(self, x: float) -> None:
        """Show the values at `x` beside it."""
        self._pointed_at = x
        lines, at = [], x
        for name, curve in self.curves.items():
            source = curve.smooth if curve.kind == "training" else curve.points
            if (point := source.nearest(x)) is not None:
                at = point[0] if curve.kind == "training" or len(self.curves) == 1 else at
                lines.append(f"{name} {point[1]:.4g}")
        self._readout.setText(f"{self._x_name} {at:,.{self._x_decimals}f}\n" + "\n".join(lines))
        (left, right), (low, high) = self._plot.getViewBox().viewRange()
        self._readout.setAnchor((0, 0) if x < (left + right) / 2 else (1, 0))
        self._readout.setPos(x, high - (high - low) * 0.02)
        self._readout.setVisible(True)

    @property
    def readout(self) -> str:
        """The values that are shown beside the mouse or the arrow keys' place; "" while none are."""
        text: str = self._readout.toPlainText() if self._readout.isVisible() else ""
        return text

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Down: (0, -1), Qt.Key.Key_Up: (0, 1)}
        x, y = moves.get(Qt.Key(event.key()), (0, 0))
        left, right, _low, _high = self._zoom or self._ranges()
        if (x or y) and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._pan(0.1 * x, 0.1 * y)
        elif x and any(curve.points.size for curve in self.curves.values()):
            at = self._pointed_at if self._pointed_at is not None else (left + right) / 2
            self._point_at(min(max(at + x * (right - left) / 100, left), right))
        elif event.key() == Qt.Key.Key_Escape and self.is_zoomed:
            self.show_everything()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._plot.getViewBox().setBorder(self._pg.mkPen(tokens().accent))  # the keys act here now

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._plot.getViewBox().setBorder(None)

    def leaveEvent(self, event: QEvent) -> None:
        self._readout.setVisible(False)
        super().leaveEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.dirty:
            plot_clock().wake(self)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        plot_clock().forget(self)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "_readout"):
            self._restyle()

    def sizeHint(self) -> QSize:
        return QSize(360, 200)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 110)
