"""The menu of the rows in a table."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, Qt, Slot
from PySide6.QtWidgets import QMenu

from fintune_gui.ui.services.row_editing import RowEditing
from fintune_gui.ui.widgets.rows_panel import RowsPanel
from fintune_gui.ui.widgets.words import counted


class RowMenu(QObject):
    """Opens where the table asks for a menu; says how many rows each entry is about."""

    def __init__(self, rows: RowsPanel, editing: RowEditing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._editing = editing
        rows.table.customContextMenuRequested.connect(self.open)

    @Slot(QPoint)
    def open(self, at: QPoint) -> None:
        """Show the menu at a place of the table's viewport."""
        table, editing = self._rows.table, self._editing
        chosen = table.selected()
        if not chosen:
            return
        count = counted(chosen.count(self._rows.model.rowCount()), "row")
        free, show = editing.free, self._rows.filter.show_what
        menu = QMenu(table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        entries: list[tuple[str, Callable[[], object], bool]] = [
            ("Edit the cell", lambda: table.edit(table.currentIndex()), free),
            (f"Copy {count}", table.copy, True),
            (f"Remove {count}", editing.remove, free and show != "removed"),
            (f"Bring {count} back", editing.restore, free and show in ("removed", "all")),
        ]
        for words, act, possible in entries:
            action = menu.addAction(words)
            action.triggered.connect(lambda _checked=False, act=act: act())
            action.setEnabled(possible)
        menu.popup(table.viewport().mapToGlobal(at))
