"""A field for a few sentences that saves itself: when the user pauses, and when the field is left."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

_PAUSE_MS = 600


class NotesField(QPlainTextEdit):
    """Several lines of plain text. Tab leaves it.

    Signals:
        committed: The new text, after a pause in typing or when the field is left.
    """

    committed = Signal(str)

    def __init__(self, name: str, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self._told = ""
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.commit)
        self.textChanged.connect(self._pause.start)

    def set_text(self, text: str) -> None:
        """Show `text`, unless the user has typed something that is not told yet."""
        if text == self._told or self._pause.isActive():
            return
        self._told = text
        if self.toPlainText() != text:
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)

    @Slot()
    def commit(self) -> None:
        """Tell a change now."""
        self._pause.stop()
        if self.toPlainText() != self._told:
            self._told = self.toPlainText()
            self.committed.emit(self._told)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.commit()
