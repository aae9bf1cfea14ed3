"""The menu of the rows in a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from fintune_gui.ui.services.row_asking import RowAsking
from fintune_gui.ui.services.row_copying import TEXT_KINDS, RowCopying
from fintune_gui.ui.services.row_editing import RowEditing
from fintune_gui.ui.widgets.rows_panel import RowsPanel
from fintune_gui.ui.widgets.words import counted

Entry = tuple[str, str, Callable[[], object], bool]
"""Words, key, what to do, and whether that is possible now."""


class RowMenu(QObject):
    """Opens where the table asks for a menu; says how many rows each entry is about.

    Signals:
        note_requested: A note on the row at the cursor.
        pane_requested: Edit the cell in the detail pane.
    """

    note_requested = Signal()
    pane_requested = Signal()

    def __init__(
        self,
        rows: RowsPanel,
        editing: RowEditing,
        asking: RowAsking,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._rows = rows
        self._editing = editing
        self._asking = asking
        self._copying = RowCopying(editing, self)
        rows.table.customContextMenuRequested.connect(self.open)

    @Slot(QPoint)
    def open(self, at: QPoint) -> None:
        """Show the menu at a place of the table's viewport."""
        table = self._rows.table
        if not table.selected() and not table.currentIndex().isValid():
            return
        menu = QMenu(table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for part in self.entries():
            for words, key, act, possible in part:
                action = menu.addAction(f"{words}\t{key}" if key else words)
                action.triggered.connect(lambda _checked=False, act=act: act())
                action.setEnabled(possible)
            menu.addSeparator()
        menu.popup(table.viewport().mapToGlobal(at))

    def entries(self) -> list[list[Entry]]:
        """What the menu offers now, in groups."""
        table, editing, asking = self._rows.table, self._editing, self._asking
        free, show = editing.free, self._rows.filter.show_what
        chosen = table.selected()
        count = counted(max(1, chosen.count(self._rows.model.rowCount())), "row")
        column = asking.column_at()
        as_text = [(f"Copy as {kind}", "", partial(self._copying.copy, kind, code), True) for kind, code in TEXT_KINDS]
        return [
            [
                ("Edit the cell", "F2", lambda: table.edit(table.currentIndex()), free and bool(column)),
                (
                    f"Set “{column}” in many rows …" if column else "Set a value …",
                    "",
                    asking.ask_value,
                    free and bool(column),
                ),
                ("Edit the whole text", "Shift+F2", self.pane_requested.emit, free and bool(column)),
                ("Fill down", "Ctrl+D", lambda: asking.fill_down(table.selected()), free and bool(column)),
                ("Paste", "Ctrl+V", lambda: asking.paste(QGuiApplication.clipboard().text()), free),
            ],
            [
                (f"Copy {count}", "Ctrl+C", table.copy, True),
                *as_text,
                ("Show the whole row", "Space", table.detail_requested.emit, True),
            ],
            [
                (f"Flag {count}", "F", editing.flag, free),
                (f"Star {count}", "S", editing.star, free),
                ("Write a note …", "", self.note_requested.emit, free),
            ],
            [
                ("Add a row", "Ctrl+Ins", editing.add_row, free),
                (f"Remove {count}", "Del", editing.remove, free and show != "removed"),
                (f"Remove {count} with a reason …", "", asking.ask_reason, free and show != "removed"),
                (f"Bring {count} back", "", editing.restore, free and show in ("removed", "all")),
            ],
        ]
