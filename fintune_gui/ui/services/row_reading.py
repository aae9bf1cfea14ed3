"""Fills the detail pane with the row at the cursor, and carries out what is asked for there."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from fintune_gui.ui.services.row_editing import RowEditing
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.widgets.row_detail import CellText, RowDetail, RowText


class RowReading(QObject):
    """Between a `RowDetail` and the rows."""

    def __init__(self, detail: RowDetail, view: RowView, editing: RowEditing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._detail = detail
        self._view = view
        view.row_shown.connect(self.show_row)
        detail.restore_requested.connect(editing.restore_one)
        detail.original_requested.connect(editing.bring_back_original)

    @Slot(object)
    def show_row(self, row_id: int | None) -> None:
        """Show the whole text of a row; None when there is none."""
        dataset = self._view.dataset
        if dataset is None or row_id is None:
            self._detail.show_row(None)
            return
        columns = self._view.columns
        cells = [
            CellText(column, text or "", dataset.original(row_id, column) or "")
            for column, text in zip(columns, dataset.cells([row_id], columns)[0], strict=True)
        ]
        removed = (dataset.removal_reason(row_id) or "") if dataset.is_removed(row_id) else ""
        self._detail.show_row(RowText(row_id, cells, removed))
