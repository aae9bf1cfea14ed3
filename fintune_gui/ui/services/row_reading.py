"""Fills the detail pane with the row at the cursor, and carries out what is asked for there."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.ui.services.cell_drafts import CellDrafts
from fintune_gui.ui.services.drafts import Drafts
from fintune_gui.ui.services.row_editing import RowEditing
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.widgets.row_detail import RowDetail
from fintune_gui.ui.widgets.row_text import CellText, RowText


class RowReading(QObject):
    """Between a `RowDetail` and the rows.

    Signals:
        kept_aside: A text could not be stored just now: (row id, column, text, cursor), to be offered again.
    """

    kept_aside = Signal(object, str, str, int)

    def __init__(
        self,
        detail: RowDetail,
        view: RowView,
        editing: RowEditing,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._detail = detail
        self._view = view
        self._editing = editing
        self._row_id: int | None = None
        self._open = True
        self.drafts = Drafts(editing.session, self)
        self._cells = CellDrafts(editing.rows, self)
        self._cells.typed.connect(self.drafts.typing)
        self._cells.ended.connect(self._end_cell)
        view.row_shown.connect(self.show_row)
        detail.committed.connect(self._commit)
        detail.typed.connect(self.drafts.typing)
        detail.given_up.connect(lambda _row_id: self.drafts.forget())
        detail.restore_requested.connect(editing.restore_one)
        detail.original_requested.connect(editing.bring_back_original)
        detail.flag_requested.connect(lambda row_id, on: editing.mark([row_id], flag=on))
        detail.star_requested.connect(lambda row_id, on: editing.mark([row_id], star=on))
        detail.note_committed.connect(editing.set_note)

    def set_open(self, *, is_open: bool) -> None:
        """A closed pane costs nothing."""
        self._open = is_open
        self.show_row(self._row_id)

    @Slot(object)
    def show_row(self, row_id: int | None) -> None:
        """Show the whole text of a row; None when there is none."""
        self._row_id = row_id
        self._detail.show_row(self._row(row_id) if self._open and row_id is not None else None)

    def _row(self, row_id: int) -> RowText | None:
        dataset = self._view.dataset
        if dataset is None or row_id >= dataset.total_rows:
            return None
        picture = dataset.picture
        columns = [column for column in self._view.columns if column in picture.columns]
        cells = []
        for column, text in zip(columns, picture.cells([row_id], columns)[0], strict=True):
            edited = picture.is_edited(row_id, column)
            cells.append(CellText(column, text, picture.column_of(column).original(row_id) if edited else text))
        removed = (dataset.removal_reason(row_id) or "") if picture.removed_mask[row_id] else ""
        marks = picture.marks_of(row_id)
        added = bool(picture.added_mask()[row_id])
        return RowText(row_id, cells, removed, added, marks.flag, marks.star, marks.note)

    @Slot(object, str, str, int)
    def _end_cell(self, row_id: int, column: str, text: str, cursor: int) -> None:
        """An editor over a cell has closed: its text is a change now, or was given up, unless nothing can be changed
        just now."""
        if self._editing.free:
            self.drafts.forget()
        else:
            self.kept_aside.emit(row_id, column, text, cursor)

    @Slot(object, str, str)
    def _commit(self, row_id: int, column: str, text: str) -> None:
        if self._editing.edit(row_id, column, text):
            self.drafts.forget()
        else:
            self.drafts.typing(row_id, column, text, len(text))
            self.kept_aside.emit(row_id, column, text, len(text))
