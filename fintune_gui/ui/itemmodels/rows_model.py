"""The dataset as a table model: an array of row ids over the store, read in windows, never as a whole."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from fintune_gui.ui.theme import Tone, tokens

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

Index = QModelIndex | QPersistentModelIndex

_WINDOW = 128
"""Rows read at a time."""
_WINDOWS_KEPT = 24
_SHOWN_CHARACTERS = 600
"""A cell shows two lines; laying out a book for them would freeze the table."""

ROW_ID_ROLE = int(Qt.ItemDataRole.UserRole) + 1
SORT_KEY_ROLE = int(Qt.ItemDataRole.UserRole) + 2
"""Of a header: what a `Sort` calls this column."""

_NOWHERE = QModelIndex()


class RowsModel(QAbstractTableModel):
    """Columns: "#" (row id + 1), the dataset's columns, and "note" if `show_notes`.

    The model never writes: an edit is a wish that the page carries out and then answers with `refresh`.

    Signals:
        edit_requested: (row id, column name, new text).
    """

    edit_requested = Signal(object, str, str)

    def __init__(self, *, editable: bool = True, show_notes: bool = False, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.editable = editable
        self._show_notes = show_notes
        self._dataset: Dataset | None = None
        self._columns: tuple[str, ...] = ()
        self._view: np.ndarray[Any, np.dtype[np.int64]] = np.empty(0, np.int64)
        self._windows: OrderedDict[int, list[tuple[str | None, ...]]] = OrderedDict()
        self._notes: dict[int, tuple[str, Tone]] = {}
        self._marks: dict[tuple[int, str], Tone] = {}

    # What the page says

    def show_rows(
        self,
        dataset: Dataset | None,
        view: np.ndarray[Any, np.dtype[np.int64]] | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        """Show the rows with the ids of `view` (int64, in order) of `dataset`; `columns` None shows all of them."""
        self.beginResetModel()
        self._dataset = dataset
        self._columns = tuple(columns if columns is not None else dataset.columns) if dataset else ()
        self._view = np.empty(0, np.int64) if view is None else view
        self._windows.clear()
        self.endResetModel()

    def set_notes(self, notes: dict[int, tuple[str, Tone]]) -> None:
        """Remarks by row id, shown in the column "note"."""
        self._notes = notes
        self._repaint()

    def set_marks(self, marks: dict[tuple[int, str], Tone]) -> None:
        """Cells to colour, by row id and column."""
        self._marks = marks
        self._repaint()

    def refresh(self) -> None:
        """Read the shown cells again: rows were edited, the view is the same."""
        self._windows.clear()
        self._repaint()

    def _repaint(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    # What the page asks

    @property
    def columns(self) -> tuple[str, ...]:
        """The dataset's columns that are shown."""
        return self._columns

    @property
    def view_ids(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Row ids of all rows of the view, in order."""
        return self._view

    def row_id(self, row: int) -> int:
        """The row id at a place of the view."""
        return int(self._view[row])

    def row_ids(self, rows: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The row ids at several places of the view."""
        return self._view[np.asarray(rows, np.int64)]

    def place_of(self, row_id: int) -> int | None:
        """Where a row id stands in the view; None if it is not in it."""
        places = np.flatnonzero(self._view == row_id)
        return int(places[0]) if len(places) else None

    def cell(self, row: int, column: str) -> str | None:
        """The whole text of a cell."""
        return self._cells(row)[self._columns.index(column)]

    def _cells(self, row: int) -> tuple[str | None, ...]:
        """The cells of a row, from a window that is read at the first touch."""
        number = row // _WINDOW
        window = self._windows.get(number)
        if window is None:
            assert self._dataset is not None
            ids = self._view[number * _WINDOW : (number + 1) * _WINDOW]
            window = self._dataset.cells(ids, self._columns)
            self._windows[number] = window
            if len(self._windows) > _WINDOWS_KEPT:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(number)
        return window[row % _WINDOW]

    # What Qt asks

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._view)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() or not self._dataset else 1 + len(self._columns) + self._show_notes

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._header(section)
        if role == SORT_KEY_ROLE:
            return self._header(section) if section <= len(self._columns) else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def _header(self, section: int) -> str:
        return ("#", *self._columns, "note")[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        reader = self._readers.get(role)
        return reader(self, index.row(), index.column()) if reader and index.isValid() else None

    def _display(self, row: int, section: int) -> str:
        row_id = self.row_id(row)
        if section == 0:
            return f"{row_id + 1:,}"
        if section > len(self._columns):
            return self._note(row_id)[0]
        text = self._cells(row)[section - 1] or ""
        return text[:_SHOWN_CHARACTERS].replace("\r\n", "\n").replace("\n", " ↵ ").replace("\t", " ⇥ ")

    def _note(self, row_id: int) -> tuple[str, Tone]:
        if row_id in self._notes:
            return self._notes[row_id]
        dataset = self._dataset
        if dataset is None:
            return "", "neutral"
        if dataset.is_removed(row_id):
            return dataset.removal_reason(row_id) or "removed", "neutral"
        if any(dataset.is_edited(row_id, column) for column in self._columns):
            return "edited", "info"
        return "", "neutral"

    def _edit(self, row: int, section: int) -> str:
        if 1 <= section <= len(self._columns):
            return self._cells(row)[section - 1] or ""
        return self._display(row, section)

    def _tool_tip(self, row: int, section: int) -> str | None:
        if not 1 <= section <= len(self._columns) or self._dataset is None:
            return None
        row_id, column = self.row_id(row), self._columns[section - 1]
        if self._dataset.is_edited(row_id, column):
            before = self._dataset.original(row_id, column) or "(empty)"
            return f"Was: {before[:_SHOWN_CHARACTERS]}"
        return None

    def _foreground(self, row: int, section: int) -> QColor | None:
        row_id = self.row_id(row)
        if section == 0:
            return QColor(tokens().muted)
        if section > len(self._columns):
            return QColor(tokens().ink(self._note(row_id)[1]))
        dataset = self._dataset
        if dataset is None:
            return None
        if dataset.is_removed(row_id):
            return QColor(tokens().muted)
        if dataset.is_edited(row_id, self._columns[section - 1]):
            return QColor(tokens().ink("info"))
        return None

    def _background(self, row: int, section: int) -> QColor | None:
        if not self._marks or not 1 <= section <= len(self._columns):
            return None
        tone = self._marks.get((self.row_id(row), self._columns[section - 1]))
        return QColor(tokens().soft(tone)) if tone else None

    def _accessible(self, row: int, section: int) -> str:
        """What a screen reader says: the column, the text, and what the colours mean."""
        said = f"{self._header(section)}: {self._display(row, section) or 'empty'}"
        row_id = self.row_id(row)
        if 1 <= section <= len(self._columns) and self._dataset is not None:
            if self._dataset.is_removed(row_id):
                said += ", removed"
            if self._dataset.is_edited(row_id, self._columns[section - 1]):
                said += ", edited"
        return said

    _readers: ClassVar[dict[int, Callable[[RowsModel, int, int], Any]]] = {
        int(Qt.ItemDataRole.DisplayRole): _display,
        int(Qt.ItemDataRole.EditRole): _edit,
        int(Qt.ItemDataRole.ToolTipRole): _tool_tip,
        int(Qt.ItemDataRole.ForegroundRole): _foreground,
        int(Qt.ItemDataRole.BackgroundRole): _background,
        int(Qt.ItemDataRole.AccessibleTextRole): _accessible,
        ROW_ID_ROLE: lambda model, row, _section: model.row_id(row),
    }

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if self.editable and 1 <= index.column() <= len(self._columns):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        section = index.column()
        if role != Qt.ItemDataRole.EditRole or not self.editable or not 1 <= section <= len(self._columns):
            return False
        if str(value) == self._edit(index.row(), section):
            return False
        self.edit_requested.emit(self.row_id(index.row()), self._columns[section - 1], str(value))
        return True
