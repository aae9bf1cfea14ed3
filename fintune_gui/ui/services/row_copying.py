"""The chosen rows on the clipboard as text for other programs; Ctrl+C is for spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from fintune_gui.ui.services.background import run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_editing import RowEditing
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.row_export import TextKind

TEXT_KINDS: tuple[tuple[str, TextKind], ...] = (("CSV", "csv"), ("JSON lines", "jsonl"), ("Markdown", "markdown"))


class RowCopying(QObject):
    """Copies the columns of the chosen block; of a single cell the whole row, as it is shown."""

    def __init__(self, editing: RowEditing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._editing = editing

    def copy(self, words: str, kind: TextKind) -> None:
        """Put the rows on the clipboard as `kind`, which people call `words`."""
        rows = self._editing.rows
        ids, names = self._editing.chosen(), self._columns()
        dataset = self._editing.session.dataset()
        if dataset is None or not len(ids) or not names:
            return

        def write(_task: object) -> str:
            from fintune_gui.dataset.row_export import rows_as_text

            return rows_as_text(dataset, ids, names, kind)

        def put(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            notifications().say(f"Copied {counted(len(ids), 'row')} as {words}.", key="copied")

        rows.table.setFocus()
        run_in_background(self, write, success=put)

    def _columns(self) -> list[str]:
        """Names of the columns, from left to right."""
        table, columns = self._editing.rows.table, self._editing.rows.model.columns
        chosen = table.selected()
        block = chosen.columns if len(chosen.columns) * chosen.count(2) > 1 else ()
        sections = [section for section in table.columns.shown() if not block or section in block]
        return [columns[section - 1] for section in sections if 1 <= section <= len(columns)]
