"""The whole text of one row, with the difference to what was imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QTextBrowser, QVBoxLayout, QWidget

from fintune_gui.ui.theme import tokens
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, Label
from fintune_gui.ui.widgets.difference import difference_html
from fintune_gui.ui.widgets.feedback import escape

_MOST_CHARACTERS = 20_000


@dataclass(frozen=True)
class CellText:
    """One cell: what it holds now and what was imported."""

    column: str
    now: str
    original: str


@dataclass(frozen=True)
class RowText:
    """A row to show; `removed` is the reason why it is out, or ""."""

    row_id: int
    cells: Sequence[CellText]
    removed: str = ""


class RowDetail(QWidget):
    """Shows a `RowText`.

    Signals:
        restore_requested: The row id of a removed row that shall come back.
        original_requested: The row id of an edited row that shall get its first texts back.
    """

    restore_requested = Signal(object)
    original_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row: RowText | None = None
        self._title = Label("", "small")
        self._state = Label("", "small", tone="info")
        self.original = Button("Bring back the original", self._ask_original, kind="link")
        self.restore = Button("Bring this row back", self._ask_restore, kind="link")
        self.view = QTextBrowser()
        self.view.setProperty("kind", "bare")
        self.view.setAccessibleName("The whole row")
        self.view.setOpenLinks(False)
        self.view.setTabChangesFocus(True)
        self.view.document().setDocumentMargin(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 12, 12)
        layout.setSpacing(4)
        layout.addLayout(row(self._title, self._state, None, self.original, self.restore))
        layout.addWidget(self.view, 1)
        self.show_row(None)

    def show_row(self, shown: RowText | None) -> None:
        """Show a row; None when there is none under the cursor."""
        self._row = shown
        edited = bool(shown) and any(cell.now != cell.original for cell in shown.cells) if shown else False
        removed = shown.removed if shown else ""
        self.original.setVisible(edited)
        self.restore.setVisible(bool(removed))
        self._title.setText(f"Row {shown.row_id + 1:,}" if shown else "")
        self._state.setText(f"removed: {removed}" if removed else "edited" if edited else "")
        self._fill()

    def _fill(self) -> None:
        if self._row is None:
            self.view.setHtml(f'<span style="color:{tokens().muted}">Choose a row to see its whole text.</span>')
            return
        several = len(self._row.cells) > 1
        parts = [_cell_html(cell, named=several) for cell in self._row.cells if cell.now or cell.original]
        self.view.setHtml("".join(parts) or f'<span style="color:{tokens().muted}">This row is empty.</span>')

    def text(self) -> str:
        """What is shown, without its colours."""
        return self.view.toPlainText()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "view"):
            self._fill()

    def _ask_original(self) -> None:
        if self._row is not None:
            self.original_requested.emit(self._row.row_id)

    def _ask_restore(self) -> None:
        if self._row is not None:
            self.restore_requested.emit(self._row.row_id)


def _cell_html(cell: CellText, *, named: bool) -> str:
    now, original = cell.now[:_MOST_CHARACTERS], cell.original[:_MOST_CHARACTERS]
    cut = f" <i>… {len(cell.now) - _MOST_CHARACTERS:,} more characters</i>" if len(cell.now) > _MOST_CHARACTERS else ""
    name = f'<span style="color:{tokens().muted}">{escape(cell.column)}&nbsp;&nbsp;</span>' if named else ""
    return f'<p style="margin:0 0 4px 0;white-space:pre-wrap">{name}{difference_html(original, now)}{cut}</p>'
