"""What is being typed in a cell of the table, for `Drafts`: it survives a crash like what is typed in the pane."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QWidget

from fintune_gui.ui.widgets.rows_panel import RowsPanel


class CellDrafts(QObject):
    """Watches the editors that a table opens over its cells.

    Signals:
        typed: (row id, column, text as it stands, cursor).
        ended: (row id, column, last text, cursor): the editor has closed, whether the text became a change or not.
    """

    typed = Signal(object, str, str, int)
    ended = Signal(object, str, str, int)

    def __init__(self, rows: RowsPanel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._cell: tuple[int, str] | None = None
        self._last: tuple[str, int] | None = None
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    @Slot(QWidget, QWidget)
    def _on_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        table, model = self._rows.table, self._rows.model
        if not isinstance(now, QLineEdit | QPlainTextEdit) or now.parent() is not table.viewport():
            return
        place, column = table.current_cell()
        if now.property("watched") or not 0 <= place < model.rowCount():
            return
        now.setProperty("watched", True)
        self._cell, self._last = (model.row_id(place), column), None
        now.textChanged.connect(lambda *_: self._on_text(now))
        now.destroyed.connect(self._on_end)

    def _on_text(self, editor: QLineEdit | QPlainTextEdit) -> None:
        """Only what the user types: an editor also gets its first text."""
        if isinstance(editor, QLineEdit):
            modified, text, cursor = editor.isModified(), editor.text(), editor.cursorPosition()
        else:
            modified, text = editor.document().isModified(), editor.toPlainText()
            cursor = editor.textCursor().position()
        if self._cell is not None and modified:
            self._last = (text, cursor)
            self.typed.emit(*self._cell, text, cursor)

    @Slot()
    def _on_end(self) -> None:
        if self._cell is not None and self._last is not None:
            self.ended.emit(*self._cell, *self._last)
        self._cell = self._last = None
