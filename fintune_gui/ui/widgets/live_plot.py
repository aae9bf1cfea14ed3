"""A plot that grows while a model learns. One item per curve for life; drawn only when seen and changed."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QFocusEvent, QGuiApplication, QHideEvent, QKeyEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.widgets.plot_clock import plot_clock
from fintune_gui.ui.widgets.plot_curve import Curve, CurveKind, points_as_text
from fintune_gui.ui.widgets.plot_gestures import ZOOM_STEP
from fintune_gui.ui.widgets.plot_part import Part
from fintune_gui.ui.widgets.plot_surface import LOWEST, PlotSurface

_RIGHT_ROOM = 1.015
"""A marker at the last step is not cut in half."""
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
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._name = name
        self._x_name = x_name
        self.curves: dict[str, Curve] = {}
        self._x_end: float | None = None
        self._x_decimals = 0
        self._zoom: Part | None = None
        self._pointed_at: float | None = None
        self.logarithmic = False
        self.dirty = False
        self.redraws = 0
        self.surface = PlotSurface(self)
        self.surface.pointed_at.connect(self._on_mouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.surface)
        gestures = self.surface.gestures
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

    # What pages say

    def add_curve(self, name: str, kind: CurveKind) -> Curve:
        """A new curve with a name for the legend, the readout and the copied data."""
        curve = Curve(self.touch, name, kind)
        self.curves[name] = curve
        self.surface.add(name, kind)
        self._restyle()
        return curve

    def remove_curve(self, name: str) -> None:
        """Take a curve away for good, for example one of a compared run."""
        self.curves.pop(name)
        self.surface.remove(name)
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
        self.surface.target.set(value, text or ("" if value is None else f"target {value:g}"))
        self.touch()

    def set_best(self, x: float | None, text: str = "best so far") -> None:
        """A dotted upright line where the best value was seen."""
        self.surface.best.set(x, text)
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
        self.surface.show_figures(any(curve.points.size for curve in self.curves.values()))
        self.surface.show_part(part)
        for name, curve in self.curves.items():
            self.surface.draw(name, curve, part, logarithmic=self.logarithmic)
        if self.surface.target.value is not None:
            at = self._scaled(self.surface.target.value)
            pixels_above = (part.high - at) / part.height * self.surface.height_within
            wanted_above = at <= (part.low + part.high) / 2 or self._target_is_highest()
            self.surface.target.place_across(part, at, words_above=wanted_above and pixels_above > _WORDS_HEIGHT - 4)
        if self.surface.best.value is not None:
            self.surface.best.place_upright(part, self.surface.best.value)
        self.setAccessibleDescription(self.summary())

    def _scaled(self, y: float) -> float:
        return math.log10(max(y, LOWEST)) if self.logarithmic else y

    def _ranges(self) -> Part:
        filled = [curve.points for curve in self.curves.values() if curve.points.size]
        right = max([float(points.x[-1]) for points in filled] + ([self._x_end] if self._x_end else []), default=1.0)
        bounds = [bounds for points in filled if (bounds := points.bounds()) is not None]
        wanted = [] if self.surface.target.value is None else [self.surface.target.value]
        lows, highs = [low for low, _ in bounds] + wanted, [high for _, high in bounds] + wanted
        lowest, highest = min(lows, default=0.0), max(highs, default=1.0)
        if self.logarithmic:
            lowest = max(lowest, highest * _SMALLEST_SHARE)
        low, high = self._scaled(lowest), self._scaled(highest)
        room = (high - low) * 0.06 or max(abs(high) * 0.1, 1e-9)
        above = room
        if self._target_is_highest():
            pixels = self.surface.height_within
            above = max(room, (high - low + room) * _WORDS_HEIGHT / max(pixels - _WORDS_HEIGHT, _WORDS_HEIGHT))
        return Part(0.0, max(right * _RIGHT_ROOM, 1e-9), low - room, high + above)

    def _target_is_highest(self) -> bool:
        tops = [bounds[1] for curve in self.curves.values() if (bounds := curve.points.bounds()) is not None]
        target = self.surface.target.value
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
        self.surface.set_logarithmic(self.logarithmic)
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

    @Slot(float, QPoint)
    def _zoom_around(self, factor: float, point: QPoint) -> None:
        self._scale_view(factor, *self.surface.shares(point))

    @Slot(QRect)
    def _zoom_to(self, box: QRect) -> None:
        (x0, y1), (x1, y0) = self.surface.shares(box.topLeft()), self.surface.shares(box.bottomRight())
        self._show_part((self._zoom or self._ranges()).inside(x0, x1, y0, y1))

    @Slot(QPoint)
    def _pan_pixels(self, moved: QPoint) -> None:
        self._pan(*self.surface.shares_moved(moved))

    def _pan(self, x_share: float, y_share: float) -> None:
        if self._zoom is not None:  # else everything is in sight
            self._show_part(self._zoom.moved(x_share, y_share))

    def summary(self) -> str:
        """The state in words, for screen readers and tests."""
        parts = [f"{name} {curve.last:.4g}" for name, curve in self.curves.items() if curve.last is not None]
        return f"{self._name}: {', '.join(parts)}" if parts else f"{self._name}: no data yet"

    def _restyle(self) -> None:
        self.surface.restyle()
        self.touch()

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
    def _on_mouse(self, x: float | None) -> None:
        if x is None or not any(curve.points.size for curve in self.curves.values()):
            self.surface.hide_readout()
        else:
            self._point_at(x)

    def _point_at(self, x: float) -> None:
        """Show the values at `x` beside it."""
        self._pointed_at = x
        lines, at = [], x
        for name, curve in self.curves.items():
            source = curve.smooth if curve.kind == "training" else curve.points
            if (point := source.nearest(x)) is not None:
                at = point[0] if curve.kind == "training" or len(self.curves) == 1 else at
                lines.append(f"{name} {point[1]:.4g}")
        head = f"{self._x_name} {at:,.{self._x_decimals}f}"
        self.surface.show_readout("\n".join([head, *lines]), x)

    @property
    def readout(self) -> str:
        """The values that are shown beside the mouse or the arrow keys' place; "" while none are."""
        return self.surface.readout

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
        self.surface.show_focus(focused=True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.surface.show_focus(focused=False)

    def leaveEvent(self, event: QEvent) -> None:
        self.surface.hide_readout()
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
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "surface"):
            self._restyle()

    def sizeHint(self) -> QSize:
        return QSize(360, 200)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 110)
