"""Choosing cells and rows with the mouse."""

from __future__ import annotations

from PySide6.QtCore import QBasicTimer, QPoint, Qt, QTimerEvent
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from fintune_gui.ui.widgets.table_selection import Cell
from fintune_gui.ui.widgets.table_view import TableView

_SCROLL_MS = 40
_EDGE_STEP = 24


class MouseTable(TableView):
    """A click chooses a cell, a drag a block; the numbers at the left choose whole rows. Shift extends, Ctrl adds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dragging = False
        self._adds = False
        self._last_place = QPoint()
        self._scroll = QBasicTimer()

    def _is_number(self, section: int) -> bool:
        return self.columns.numbered and section == 0

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if not index.isValid():
            return
        cell, numbers = Cell(index.row(), index.column()), self._is_number(index.column())
        if event.button() is not Qt.MouseButton.LeftButton:
            if not self.choice.contains(*cell):
                self.choice.choose(cell, whole_rows=numbers)
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._adds = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if shift:
            self.choice.whole_rows = self.choice.whole_rows or numbers
            self.choice.extend(cell)
        elif self._adds:
            self.choice.toggle(cell, whole_rows=numbers)
        else:
            self.choice.choose(cell, whole_rows=numbers)
        self._dragging = True
        self.pressed.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._dragging or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        self._last_place = event.position().toPoint()
        inside = self.viewport().rect().contains(self._last_place)
        if inside:
            self._scroll.stop()
        elif not self._scroll.isActive():
            self._scroll.start(_SCROLL_MS, self)
        self._drag()

    def _drag(self) -> None:
        """Let the block reach to the mouse, or to the edge that is nearest to it."""
        at = self._last_place
        first, last = self.visible_rows()
        row = self.rowAt(max(0, min(at.y(), self.viewport().height() - 1)))
        cell = Cell(row if row >= 0 else last, self.columns.nearest(at.x()))
        current = self.currentIndex()
        if first <= last and cell != (current.row(), current.column()):
            self.choice.extend(cell, add=self._adds)

    def timerEvent(self, event: QTimerEvent) -> None:
        if event.timerId() != self._scroll.timerId():
            super().timerEvent(event)
            return
        at, room = self._last_place, self.viewport().rect()
        if not room.top() <= at.y() <= room.bottom():
            bar = self.verticalScrollBar()
            away = at.y() - (room.bottom() if at.y() > 0 else 0)
            bar.setValue(bar.value() + (away // _EDGE_STEP or (1 if away > 0 else -1)))
        if not room.left() <= at.x() <= room.right():
            across = self.horizontalScrollBar()
            across.setValue(across.value() + (_EDGE_STEP if at.x() > 0 else -_EDGE_STEP))
        self._drag()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._scroll.stop()
        if self._dragging and event.button() is Qt.MouseButton.LeftButton:
            self._dragging = False
            index = self.indexAt(event.position().toPoint())
            if index.isValid() and index == self.currentIndex():
                self.clicked.emit(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if not index.isValid() or event.button() is not Qt.MouseButton.LeftButton:
            return
        self.choice.choose(Cell(index.row(), index.column()), whole_rows=self._is_number(index.column()))
        self.doubleClicked.emit(index)
        if self.editTriggers() & QAbstractItemView.EditTrigger.DoubleClicked:
            self.edit_with()

    def edit_with(self, first: str | None = None) -> bool:
        """Open an editor on the current cell."""
        raise NotImplementedError
