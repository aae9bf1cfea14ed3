"""Lines of a log that may flood: a bounded view that keeps up at its own pace."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from fintune_gui.ui.theme import Tone, font, tokens

_MOST_LINES = 2000
_MOST_CHARACTERS = 500
_REFRESH_MS = 200


class LogView(QPlainTextEdit):
    """Append as often as you like; the view is brought up to date five times a second, while it is seen."""

    def __init__(self, name: str = "Log", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setReadOnly(True)
        self.setMaximumBlockCount(_MOST_LINES)
        self.setFont(font("code"))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setProperty("kind", "bare")
        self._waiting: list[tuple[str, Tone]] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self.flush)

    def add(self, line: str, tone: Tone = "neutral") -> None:
        """Append a line; "warn" and "bad" lines also begin with the word."""
        prefix = {"warn": "Warning: ", "bad": "Error: "}.get(tone, "")
        self._waiting.append((prefix + line[:_MOST_CHARACTERS], tone))
        del self._waiting[:-_MOST_LINES]
        if not self._timer.isActive():
            self._timer.start()

    def set_lines(self, lines: list[str]) -> None:
        """Show these lines instead of the present ones."""
        self._waiting.clear()
        self.setPlainText("\n".join(line[:_MOST_CHARACTERS] for line in lines[-_MOST_LINES:]))

    @Slot()
    def flush(self) -> None:
        """Show what is waiting, and stay at the end if the view was there."""
        at_end = self.verticalScrollBar().value() >= self.verticalScrollBar().maximum() - 2
        waiting, self._waiting = self._waiting, []
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for line, tone in waiting:
            shape = QTextCharFormat()
            shape.setForeground(QColor(tokens().text if tone == "neutral" else tokens().ink(tone)))
            if not self.document().isEmpty():
                cursor.insertBlock()
            cursor.insertText(line, shape)
        cursor.endEditBlock()
        if at_end:
            self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
