"""Find words in the text fields of a pane: how many there are, and from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QTextEdit, QWidget

from fintune_gui.ui.theme import colour, tokens
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, Label, LineEdit

MOST_MATCHES = 1000


class PaneSearch(QWidget):
    """A line with a field. Enter and F3 go on, with Shift back; Esc closes.

    Args:
        fields: Gives the text fields to look in (QPlainTextEdit or QTextEdit), from top to bottom.

    Signals:
        reached: (field, cursor): the present match, to be brought into view.
        closed: The line was closed.
    """

    reached = Signal(object, object)
    closed = Signal()

    def __init__(self, fields: Callable[[], Sequence[Any]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fields = fields
        self._matches: list[tuple[Any, QTextCursor]] = []
        self._at = 0
        self.words = LineEdit("Find in this row", placeholder="Find in this row")
        self.count = Label("", "small")
        self.words.textChanged.connect(self.search)
        back = Button("Previous match", self.previous, kind="bare_icon", icon_name="back", tool_tip="Shift+F3")
        on = Button("Next match", self.next, kind="bare_icon", icon_name="forward", tool_tip="F3")
        close = Button("Close the search", self.close_line, kind="bare_icon", icon_name="close")
        layout = row(self.words, self.count, back, on, close, spacing=4)
        layout.setStretch(0, 1)
        layout.setContentsMargins(0, 0, 0, 4)
        self.setLayout(layout)
        self.hide()

    def open(self) -> None:
        """Show the line with the cursor in it."""
        self.show()
        self.words.setFocus()
        self.words.selectAll()
        self.search()

    @Slot()
    def close_line(self) -> None:
        """Hide the line and take the marks away."""
        self.hide()
        self._matches = []
        self._mark()
        self.closed.emit()

    @Slot()
    def search(self) -> None:
        """Look again: other words, or another row."""
        if self.isHidden():
            return
        self._matches, self._at = [], 0
        words = self.words.text()
        for field in self._fields() if words else ():
            for cursor in _found(field.document(), words):
                self._matches.append((field, cursor))
                if len(self._matches) == MOST_MATCHES:
                    break
        self._show()

    @Slot()
    def next(self) -> None:
        """Go to the next match; after the last comes the first."""
        self._go(1)

    @Slot()
    def previous(self) -> None:
        """Go back by one match."""
        self._go(-1)

    def _go(self, by: int) -> None:
        if self._matches:
            self._at = (self._at + by) % len(self._matches)
            self._show()

    def _show(self) -> None:
        if self._matches:
            more = "+" if len(self._matches) >= MOST_MATCHES else ""
            self.count.setText(f"{self._at + 1:,} of {len(self._matches):,}{more}")
            self.reached.emit(*self._matches[self._at])
        else:
            self.count.setText("not in this row" if self.words.text() else "")
        self._mark()

    def _mark(self) -> None:
        """Colour all matches, and underline the present one."""
        marks: dict[int, list[QTextEdit.ExtraSelection]] = {}
        for number, (field, cursor) in enumerate(self._matches):
            mark = QTextEdit.ExtraSelection()
            style = QTextCharFormat()
            present = number == self._at
            style.setBackground(colour(tokens().soft("info" if present else "warn")))
            style.setForeground(colour(tokens().text))
            style.setFontUnderline(present)
            mark.format, mark.cursor = style, cursor
            marks.setdefault(id(field), []).append(mark)
        for field in self._fields():
            field.setExtraSelections(marks.get(id(field), []))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() == Qt.Key.Key_Escape:
            self.close_line()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F3):
            self._go(-1 if back else 1)
        else:
            super().keyPressEvent(event)


def _found(document: QTextDocument, words: str) -> list[QTextCursor]:
    found: list[QTextCursor] = []
    cursor = document.find(words)
    while not cursor.isNull() and len(found) < MOST_MATCHES:
        found.append(cursor)
        cursor = document.find(words, cursor)
    return found
