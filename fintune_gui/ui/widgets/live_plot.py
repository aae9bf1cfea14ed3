"""A plot that grows while a model learns. One item per curve for life; drawn only when seen and changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QColor, QGuiApplication, QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import font, tokens
from fintune_gui.ui.theme.tokens import mix
from fintune_gui.ui.widgets.plot_clock import plot_clock
from fintune_gui.ui.widgets.pyramid import Pyramid, Smoother

CurveKind = Literal["training", "validation", "metric", "other"]
"""training: faint raw and bold smoothed, solid; validation: dotted markers; metric: solid; other: dashed grey."""

MOST_POINTS = 1600
"""Points of the raw curve: about two for each pixel."""
MOST_BOLD_POINTS = 500
"""Wide lines are dear to draw, and a smooth curve needs few points."""
SMOOTHED_OVER = 50
_RIGHT_ROOM = 1.015
"""A marker at the last step is not cut in half."""


class Curve:
    """One line of a plot. Feed it with `sync`; the plot draws it when its turn comes."""

    def __init__(self, plot: LivePlot, name: str, kind: CurveKind) -> None:
        self.name = name
        self.kind: CurveKind = kind
        self._plot = plot
        self._smoother = Smoother(SMOOTHED_OVER)
        self.points = Pyramid()
        self.smooth = Pyramid()
        self._given = 0
        self._last_x = float("nan")

    def sync(self, xs: Sequence[float] | NDArray[Any], ys: Sequence[float] | NDArray[Any]) -> None:
        """Show exactly these points. Only what is new is read, so it may be called for every batch of events.

        Args:
            xs: Rising, (n,); the same growing sequence each time. A shorter or changed one starts the curve anew.
            ys: The values, (n,).
        """
        count = len(xs)
        same = count >= self._given and (not self._given or float(xs[self._given - 1]) == self._last_x)
        if not same:
            self.clear()
        if count == self._given:
            return
        new_x = np.array(xs[self._given :], np.float64)
        new_y = np.array(ys[self._given :], np.float64)
        self._given, self._last_x = count, float(new_x[-1])
        self.points.append(new_x, new_y)
        if self.kind == "training":
            self.smooth.append(new_x, self._smoother(new_y))
        self._plot.touch()

    def clear(self) -> None:
        """Take all points away."""
        self._given, self._last_x = 0, float("nan")
        self._smoother = Smoother(SMOOTHED_OVER)
        self.points.clear()
        self.smooth.clear()
        self._plot.touch()

    @property
    def last(self) -> float | None:
        """The newest value: smoothed for a training curve."""
        source = self.smooth if self.kind == "training" else self.points
        return float(source.y[-1]) if source.size else None


class LivePlot(QWidget):
    """Curves over steps, with a target, a mark for the best so far, and a readout under the mouse.

    pyqtgraph is imported with the first plot, not with the program.

    Signals:
        copied: What was put on the clipboard, in words.
    """

    copied = Signal(str)

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
        self._target: float | None = None
        self._x_end: float | None = None
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
        for words, slot, keys in (
            ("Copy picture", self.copy_picture, None),
            ("Copy data", self.copy_data, QKeySequence.StandardKey.Copy),
        ):
            action = QAction(words, self)
            action.triggered.connect(slot)
            if keys is not None:
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
        self._view.wheelEvent = lambda event: event.ignore()  # the wheel scrolls the page
        self._target_line = pg.InfiniteLine(angle=0, movable=False)
        self._target_text = pg.TextItem(anchor=(1, 0))
        self._best_line = pg.InfiniteLine(angle=90, movable=False)
        self._best_text = pg.TextItem(anchor=(0, 0))
        self._readout = pg.TextItem(anchor=(1, 0))
        for item in (self._target_line, self._target_text, self._best_line, self._best_text, self._readout):
            item.setVisible(False)
            item.setZValue(10)
            plot.addItem(item, ignoreBounds=True)
        self._view.scene().sigMouseMoved.connect(self._on_mouse)

    # What pages say

    def add_curve(self, name: str, kind: CurveKind) -> Curve:
        """A new curve with a name for the legend, the readout and the copied data."""
        curve = Curve(self, name, kind)
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
        self.touch()

    def set_x_end(self, steps: float | None) -> None:
        """How far the x axis goes: the planned number of steps, or None for as far as there is data."""
        self._x_end = steps
        self.touch()

    def set_target(self, value: float | None, text: str = "") -> None:
        """A dashed line at the value to reach, with its words."""
        self._target = value
        self._target_line.setVisible(value is not None)
        self._target_text.setVisible(value is not None)
        if value is not None:
            self._target_line.setPos(value)
            self._target_text.setText(text or f"target {value:g}")
        self.touch()

    def set_best(self, x: float | None, text: str = "best so far") -> None:
        """A dotted upright line where the best value was seen."""
        self._best_line.setVisible(x is not None)
        self._best_text.setVisible(x is not None)
        if x is not None:
            self._best_line.setPos(x)
            self._best_text.setText(text)
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
        left, right, low, high = self._ranges()
        self._plot.setRange(xRange=(left, right), yRange=(low, high), padding=0)
        for name, curve in self.curves.items():
            faint, bold = self._items[name]
            if curve.kind == "training":
                faint.setData(*curve.points.window(left, right, MOST_POINTS))
                bold.setData(*_thinned(curve.smooth, MOST_BOLD_POINTS))
            else:
                bold.setData(*_thinned(curve.points, MOST_BOLD_POINTS))
        if self._target is not None:
            self._target_text.setAnchor((1, 1) if self._target_is_highest() else (1, 0))
            self._target_text.setPos(right, self._target)
        self._target_text.setAnchor((1, 0) if (self._target or 0) > (low + high) / 2 else (1, 1))
        if self._best_line.isVisible():
            at = float(self._best_line.value())
            self._best_text.setAnchor((1, 0) if at > (left + right) / 2 else (0, 0))
            self._best_text.setPos(at, high)
        self.setAccessibleDescription(self.summary())

    def _ranges(self) -> tuple[float, float, float, float]:
        filled = [curve.points for curve in self.curves.values() if curve.points.size]
        right = max([float(points.x[-1]) for points in filled] + ([self._x_end] if self._x_end else []), default=1.0)
        bounds = [bounds for points in filled if (bounds := points.bounds()) is not None]
        lows = [low for low, _ in bounds] + ([self._target] if self._target is not None else [])
        highs = [high for _, high in bounds] + ([self._target] if self._target is not None else [])
        low, high = min(lows, default=0.0), max(highs, default=1.0)
        room = (high - low) * 0.06 or max(abs(high) * 0.1, 1e-9)
        above = 2.5 * room if self._target_is_highest() else room  # for the target's words
        return 0.0, max(right * _RIGHT_ROOM, 1e-9), low - room, high + above

    def _target_is_highest(self) -> bool:
        tops = [bounds[1] for curve in self.curves.values() if (bounds := curve.points.bounds()) is not None]
        return self._target is not None and all(self._target >= top for top in tops)

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
        small = font("small")
        good = t.ink("good")
        self._target_line.setPen(pg.mkPen(good, style=Qt.PenStyle.DashLine))
        self._best_line.setPen(pg.mkPen(good, style=Qt.PenStyle.DotLine))
        for item, colour in ((self._target_text, good), (self._best_text, good), (self._readout, t.text)):
            item.setColor(QColor(colour))
            item.setFont(small)
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
        columns = [dict(zip(c.points.x.tolist(), c.points.y.tolist(), strict=True)) for c in self.curves.values()]
        steps = sorted({x for column in columns for x in column})
        lines = ["\t".join([self._x_name, *self.curves])]
        for x in steps:
            lines.append("\t".join([f"{x:g}", *(f"{c[x]:.6g}" if x in c else "" for c in columns)]))  # noqa: PERF401
        return "\n".join(lines)

    # Qt

    @Slot(object)
    def _on_mouse(self, position: QPointF) -> None:
        box = self._plot.getViewBox()
        if not box.sceneBoundingRect().contains(position) or not any(c.points.size for c in self.curves.values()):
            self._readout.setVisible(False)
            return
        x = box.mapSceneToView(position).x()
        lines, at = [], x
        for name, curve in self.curves.items():
            source = curve.smooth if curve.kind == "training" else curve.points
            if (point := source.nearest(x)) is not None:
                at = point[0] if curve.kind == "training" or len(self.curves) == 1 else at
                lines.append(f"{name} {point[1]:.4g}")
        self._readout.setText(f"{self._x_name} {at:,.0f}\n" + "\n".join(lines))
        (left, right), (low, high) = box.viewRange()
        self._readout.setAnchor((0, 0) if x < (left + right) / 2 else (1, 0))
        self._readout.setPos(x, high - (high - low) * 0.02)
        self._readout.setVisible(True)

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


def _thinned(points: Pyramid, most: int) -> tuple[Any, Any]:
    """At most `most` of the points, the last one always among them."""
    if points.size <= most:
        return points.x, points.y
    places = np.unique(np.linspace(0, points.size - 1, most).astype(np.int64))
    return points.x[places], points.y[places]
