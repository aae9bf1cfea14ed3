"""A text field that is as high as its text, up to a limit: for texts inside a page that scrolls."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from fintune_gui.ui.theme import font

_STAY = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason, Qt.FocusReason.MenuBarFocusReason)
"""The focus comes back by itself: what is typed is not finished."""


class GrowingText(QPlainTextEdit):
    """Ctrl+Enter commits, Esc gives up what was typed, and leaving the field commits too.

    Signals:
        committed: The new text; only after a change.
        typed: Something was typed; ask `text` and the cursor.
        given_up: Esc took back what was typed.
        left: Esc was pressed with nothing to take back.
    """

    committed = Signal(str)
    typed = Signal()
    given_up = Signal()
    left = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setProperty("kind", "cell")
        self.setFont(font())
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._shown = ""
        self._most = 400
        self._lines = 1
        self.textChanged.connect(self._on_text)

    # What it holds

    def show_text(self, text: str) -> None:
        """Show `text`; what was typed meanwhile is lost, so ask `is_typing` first."""
        self._shown = text
        if text != self.toPlainText():
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)
        self.document().setModified(False)
        self._fit()

    @property
    def is_typing(self) -> bool:
        """Whether something is typed that is not committed."""
        return self.document().isModified() and self.text() != self._shown

    def text(self) -> str:
        """The text as it stands in the field."""
        return self.toPlainText()

    @property
    def at(self) -> int:
        """Where the cursor is."""
        return self.textCursor().position()

    def take_up(self, text: str, cursor: int) -> None:
        """Go on with something that was typed earlier and never committed."""
        self.setPlainText(text)
        self.document().setModified(True)
        where = self.textCursor()
        where.setPosition(min(cursor, len(text)))
        self.setTextCursor(where)
        self.setFocus()
        self._fit()

    @Slot()
    def commit(self) -> None:
        """Tell what was typed, now."""
        if self.is_typing and not self.isReadOnly():
            self._shown = self.text()
            self.document().setModified(False)
            self.document().clearUndoRedoStacks()  # from here on undo means the change, not the typing
            self.committed.emit(self._shown)

    @Slot()
    def give_up(self) -> None:
        """Show the text as it was before."""
        self.show_text(self._shown)
        self.given_up.emit()

    # Height

    def set_most(self, height: int) -> None:
        """The greatest height in pixels; longer texts scroll inside."""
        if height != self._most:
            self._most = height
            self._fit()

    @Slot()
    def _on_text(self) -> None:
        self._fit()
        if self.document().isModified():
            self.typed.emit()

    def _fit(self) -> None:
        """Count lines only until the limit is reached: a book is not laid out to learn that it is long."""
        line_height = self.fontMetrics().lineSpacing()
        most = max(1, self._most // line_height)
        lines, block = 0, self.document().firstBlock()
        while block.isValid() and lines <= most:
            self.blockBoundingRect(block)  # lays it out
            lines += max(1, block.layout().lineCount())
            block = block.next()
        self._lines = min(lines, most)
        scrolls = lines > most
        bar = Qt.ScrollBarPolicy.ScrollBarAsNeeded if scrolls else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(bar)
        self.setFixedHeight(self.sizeHint().height())

    def sizeHint(self) -> QSize:
        height = math.ceil(self._lines * self.fontMetrics().lineSpacing()) + 6
        return QSize(120, height)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    # Keys

    def event(self, event: QEvent) -> bool:
        """Keys that the window would take: Ctrl+Enter is for this field while it is in use, and so is undo while
        there is something typed to take back."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if _is_commit(event):
                event.accept()
                return True
            undo = event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)
            if undo and not self.is_typing:
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_commit(event):
            self.commit()
        elif event.key() == Qt.Key.Key_Escape:
            if self.is_typing:
                self.give_up()
            else:
                self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.isReadOnly():
            self.insertPlainText("\n")  # with Shift Qt would insert a line separator, which no file knows
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in _STAY:
            self.commit()


def _is_commit(event: QKeyEvent) -> bool:
    enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
    return enter and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
