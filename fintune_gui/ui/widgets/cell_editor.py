"""An editor over a table's cell for texts that do not fit on one line."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from fintune_gui.ui.theme import font

LONG_CHARACTERS = 60
"""Longer texts, and those with line breaks, get this editor."""
_NARROWEST = 320
_LOWEST, _HIGHEST = 64, 200


class CellEditor(QPlainTextEdit):
    """Enter and Ctrl+Enter commit, Shift+Enter and Alt+Enter begin a line, Esc gives up; Tab goes to the next cell.

    Signals:
        done: Enter was pressed.
    """

    done = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFont(font())
        self.setTabChangesFocus(True)

    def place(self, cell: QRect, room: QRect) -> None:
        """Lie over `cell`, higher than it if the text needs that, without leaving `room`."""
        width = min(max(cell.width(), _NARROWEST), room.width())
        lines = self.fontMetrics().boundingRect(
            QRect(0, 0, width - 24, 10_000), int(Qt.TextFlag.TextWordWrap), self.toPlainText()[:4000]
        )
        height = min(max(lines.height() + 24, _LOWEST), _HIGHEST, room.height())
        left = max(room.left(), min(cell.left(), room.right() - width + 1))
        top = max(room.top(), min(cell.top(), room.bottom() - height + 1))
        self.setGeometry(left, top, width, height)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier):
            self.done.emit()
        elif enter:
            self.insertPlainText("\n")  # Qt would insert a line separator, which no file knows
        else:
            super().keyPressEvent(event)
