"""Mouse and wheel over a plot, as zoom and pan: Ctrl+wheel, a dragged box, Shift+drag, a double click."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QRubberBand, QWidget

ZOOM_STEP = 0.8
_SMALLEST_BOX = 6
"""A box of fewer pixels was a click."""


class PlotGestures(QObject):
    """Watches the surface of a plot; all points are in its pixels.

    Signals:
        zoomed: Zoom by a factor (below 1: closer) around a point.
        boxed: Show what is inside a rectangle.
        dragged: The picture was pulled by so many pixels.
        reset: Show everything again.
    """

    zoomed = Signal(float, QPoint)
    boxed = Signal(QRect)
    dragged = Signal(QPoint)
    reset = Signal()

    def __init__(self, surface: QWidget) -> None:
        super().__init__(surface)
        self._surface = surface
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, surface)
        self._from: QPoint | None = None
        self._pans = False
        surface.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QWheelEvent):
            return self._wheel(event)
        if isinstance(event, QMouseEvent):
            return self._mouse(event)
        return False

    def _wheel(self, event: QWheelEvent) -> bool:
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier or not event.angleDelta().y():
            event.ignore()  # the wheel alone scrolls the page
            return True
        factor = ZOOM_STEP if event.angleDelta().y() > 0 else 1 / ZOOM_STEP
        self.zoomed.emit(factor, event.position().toPoint())
        event.accept()
        return True

    def _mouse(self, event: QMouseEvent) -> bool:
        at = event.position().toPoint()
        left = event.button() is Qt.MouseButton.LeftButton
        match event.type():
            case QEvent.Type.MouseButtonDblClick if left:
                self._from = None
                self._band.hide()
                self.reset.emit()
            case QEvent.Type.MouseButtonPress if left or event.button() is Qt.MouseButton.MiddleButton:
                shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self._from, self._pans = at, shift or not left
            case QEvent.Type.MouseMove if self._from is not None:
                self._drag(at)
            case QEvent.Type.MouseButtonRelease if self._from is not None:
                box = QRect(self._from, at).normalized()
                pans, self._from = self._pans, None
                self._band.hide()
                if not pans and min(box.width(), box.height()) >= _SMALLEST_BOX:
                    self.boxed.emit(box)
            case _:
                pass
        return False  # the plot's own hovering and focus go on

    def _drag(self, at: QPoint) -> None:
        assert self._from is not None
        if self._pans:
            self.dragged.emit(at - self._from)
            self._from = at
        else:
            self._band.setGeometry(QRect(self._from, at).normalized())
            self._band.show()
