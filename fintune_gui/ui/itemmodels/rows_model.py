"""The dataset as a table model: an array of row ids over the store, read in windows, never as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from fintune_gui.project.errors import FintuneError
from fintune_gui.ui.itemmodels.cell_look import ROW_NUMBERS, SHOWN_CHARACTERS, SORT_KEY_ROLE, CellLook, readable
from fintune_gui.ui.theme import Tone, tokens

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

Index = QModelIndex | QPersistentModelIndex

__all__ = ["ROW_ID_ROLE", "SORT_KEY_ROLE", "RowsModel"]

RowIds = np.ndarray[Any, np.dtype[np.int64]]

_WINDOW = 128
"""Rows read at a time when they are asked for one by one."""
_MOST_CELLS = 20_000
_FEW_COLUMNS = 16
"""Tables with more of them are read only where they are looked at."""

ROW_ID_ROLE = int(Qt.ItemDataRole.UserRole) + 1

_NOWHERE = QModelIndex()
_GONE = (IndexError, KeyError, FintuneError)
"""What reading raises between an undo that takes rows or columns away and the page's next `show_rows`: it happens in
another thread, and a table that is painted meanwhile shows nothing there."""
_PLAIN_TEXT = str.maketrans({"\n": " ↵ ", "\r": "", "\t": " ⇥ "})


class _RowState(NamedTuple):
    """What is known of a row beside its texts."""

    row_id: int
    removed: bool
    added: bool
    flag: bool
    star: bool
    note: str


class RowsModel(QAbstractTableModel):
    """Columns: "#" (row id + 1, with flag, star and note), the dataset's columns, and "note" if `show_notes`.

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
        self._view: RowIds = np.empty(0, np.int64)
        self._texts: dict[tuple[int, int], str | None] = {}
        """What is shown, by place and section: a conversation reads as people read one."""
        self._conversations: set[tuple[int, int]] = set()
        """Cells that cannot be edited in place, since they do not show what they hold."""
        self._states: dict[int, _RowState] = {}
        self._edited: dict[tuple[int, int], bool] = {}
        self._notes: dict[int, tuple[str, Tone]] = {}
        self._marks: dict[tuple[int, str], Tone] = {}
        self._described: dict[str, str] = {}

    # What the page says

    def show_rows(
        self, dataset: Dataset | None, view: RowIds | None = None, columns: Sequence[str] | None = None
    ) -> None:
        """Show the rows with the ids of `view` (int64, in order) of `dataset`; `columns` None shows all of them."""
        self.beginResetModel()
        self._dataset = dataset
        self._columns = tuple(columns if columns is not None else dataset.columns) if dataset else ()
        self._view = np.empty(0, np.int64) if view is None else view
        self._forget()
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
        """Read the shown cells again: rows were edited or marked, the view is the same."""
        self._forget()
        self._repaint()

    def _forget(self) -> None:
        self._texts.clear()
        self._conversations.clear()
        self._states.clear()
        self._edited.clear()

    def _repaint(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    # What the page asks

    @property
    def columns(self) -> tuple[str, ...]:
        """The dataset's columns that are shown."""
        return self._columns

    @property
    def view_ids(self) -> RowIds:
        """Row ids of all rows of the view, in order."""
        return self._view

    def row_id(self, row: int) -> int:
        """The row id at a place of the view."""
        return int(self._view[row])

    def row_ids(self, rows: Sequence[int]) -> RowIds:
        """The row ids at several places of the view."""
        return self._view[np.asarray(rows, np.int64)]

    def place_of(self, row_id: int) -> int | None:
        """Where a row id stands in the view; None if it is not in it."""
        places = np.flatnonzero(self._view == row_id)
        return int(places[0]) if len(places) else None

    def cell(self, row: int, column: str) -> str | None:
        """The whole text of a cell."""
        return None if self._dataset is None else self._dataset.cells([self.row_id(row)], [column])[0][0]

    # Reading: only the beginning of each text is kept, and only of the cells that were looked at last

    def prepare(self, first: int, last: int, sections: Sequence[int]) -> None:
        """Read these sections of the rows `first` to `last`, both included, in one go: they will be painted."""
        wanted = [section for section in sections if 1 <= section <= len(self._columns)]
        texts = self._texts
        rows = [row for row in range(first, last + 1) if any((row, section) not in texts for section in wanted)]
        if not rows or self._dataset is None:
            return
        if len(texts) > _MOST_CELLS:
            for key in list(texts)[: len(texts) - _MOST_CELLS // 2]:
                del texts[key]
        columns = [self._columns[section - 1] for section in wanted]
        try:
            lines = self._dataset.cells(self._view[rows], columns)
        except _GONE:
            lines = [("",) * len(columns)] * len(rows)
        for row, line in zip(rows, lines, strict=True):
            for section, text in zip(wanted, line, strict=True):
                shown = readable(text)
                texts[row, section] = shown if shown is None else shown[: SHOWN_CHARACTERS + 1]
                if shown is not text:
                    self._conversations.add((row, section))

    def _text(self, row: int, section: int) -> str | None:
        """The beginning of a cell's text, read with those around it at the first touch."""
        if (row, section) not in self._texts:
            start = row - row % _WINDOW
            few = len(self._columns) <= _FEW_COLUMNS
            sections = range(1, 1 + len(self._columns)) if few else (section,)
            self.prepare(start, min(start + _WINDOW, self.rowCount()) - 1, sections)
        return self._texts[row, section]

    def _state(self, row: int) -> _RowState:
        state = self._states.get(row)
        if state is None:
            if len(self._states) > _MOST_CELLS:
                self._states.clear()
            try:
                state = self._read_state(self.row_id(row))
            except _GONE:
                state = _RowState(self.row_id(row), removed=True, added=False, flag=False, star=False, note="")
            self._states[row] = state
        return state

    def _read_state(self, row_id: int) -> _RowState:
        dataset = self._dataset
        assert dataset is not None
        marks = dataset.marks_of(row_id)
        return _RowState(
            row_id,
            removed=dataset.is_removed(row_id),
            added=bool(dataset.added_mask()[row_id]),
            flag=marks.flag,
            star=marks.star,
            note=marks.note,
        )

    def _is_edited(self, row: int, section: int) -> bool:
        edited = self._edited.get((row, section))
        if edited is None:
            assert self._dataset is not None
            if len(self._edited) > _MOST_CELLS:
                self._edited.clear()
            try:
                edited = self._dataset.is_edited(self.row_id(row), self._columns[section - 1])
            except _GONE:
                edited = False
            self._edited[row, section] = edited
        return edited

    # What the table asks

    def look(self, row: int, section: int) -> CellLook:
        """How a cell looks."""
        state = self._state(row)
        if section == 0:
            number = f"{'+' if state.added else ''}{state.row_id + 1:,}"
            return CellLook(number, _muted(tokens().name), struck=state.removed, icons=_icons(state))
        if section > len(self._columns):
            words, tone = self._note(row)
            return CellLook(words, _ink(tokens().name, tone))
        text = self._text(row, section)
        mark = self._marks.get((state.row_id, self._columns[section - 1])) if self._marks else None
        return CellLook(
            text or "",
            _muted(tokens().name) if state.removed else None,
            _soft(tokens().name, mark) if mark else None,
            missing=text is None,
            edited=self._is_edited(row, section),
            struck=state.removed,
        )

    def texts(self, rows: Sequence[int], sections: Sequence[int]) -> list[list[str | None]]:
        """The whole texts of these cells, row by row."""
        columns = {section: self._columns[section - 1] for section in sections if 1 <= section <= len(self._columns)}
        places = {section: place for place, section in enumerate(columns)}
        assert self._dataset is not None
        lines = self._dataset.cells(self.row_ids(rows), list(columns.values()))
        return [
            [line[places[section]] if section in places else self._display(row, section) for section in sections]
            for row, line in zip(rows, lines, strict=True)
        ]

    # What Qt asks

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._view)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() or not self._dataset else 1 + len(self._columns) + self._show_notes

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Vertical or not 0 <= section < self.columnCount():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._header(section)
        if role == SORT_KEY_ROLE:
            return self._header(section) if section <= len(self._columns) else None
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return self._described.get(self._header(section))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def setHeaderData(
        self, section: int, orientation: Qt.Orientation, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """What a screen reader says about a column; the table knows more about it than the model."""
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.AccessibleDescriptionRole:
            return False
        self._described[self._header(section)] = str(value)
        return True

    def _header(self, section: int) -> str:
        return (ROW_NUMBERS, *self._columns, "note")[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        reader = self._readers.get(role)
        return reader(self, index.row(), index.column()) if reader and index.isValid() else None

    def _display(self, row: int, section: int) -> str:
        if section == 0:
            return f"{self.row_id(row) + 1:,}"
        if section > len(self._columns):
            return self._note(row)[0]
        return (self._text(row, section) or "")[:SHOWN_CHARACTERS].translate(_PLAIN_TEXT)

    def _note(self, row: int) -> tuple[str, Tone]:
        """The user's own note and what was found, else what happened to the row."""
        state = self._state(row)
        found, tone = self._notes.get(state.row_id, ("", "neutral"))
        words = " · ".join(text for text in (state.note, found) if text)
        if words:
            return words, tone if found else "info"
        if state.removed and self._dataset is not None:
            return self._dataset.removal_reason(state.row_id) or "removed", "neutral"
        if any(self._is_edited(row, section) for section in range(1, 1 + len(self._columns))):
            return "edited", "info"
        return ("added", "good") if state.added else ("", "neutral")

    def _edit(self, row: int, section: int) -> str:
        if 1 <= section <= len(self._columns):
            return self.cell(row, self._columns[section - 1]) or ""
        return self._display(row, section)

    def _tool_tip(self, row: int, section: int) -> str | None:
        if not 1 <= section <= len(self._columns) or self._dataset is None:
            return self._marks_in_words(self._state(row)) or None if section == 0 else None
        if self._is_edited(row, section):
            before = self._dataset.original(self.row_id(row), self._columns[section - 1]) or "(empty)"
            return f"Was: {before[:SHOWN_CHARACTERS]}"
        return None

    def _accessible(self, row: int, section: int) -> str:
        """What a screen reader says: the column, the text, and what the marks mean."""
        state = self._state(row)
        if section == 0:
            marks = self._marks_in_words(state)
            return f"row {state.row_id + 1:,}" + (f", {marks}" if marks else "")
        shown = self._display(row, section)
        if 1 <= section <= len(self._columns) and not shown:
            shown = "missing" if self._text(row, section) is None else "empty"
        words = [f"{self._header(section)}: {shown}"]
        if 1 <= section <= len(self._columns):
            words += ["removed"] * state.removed + ["edited"] * self._is_edited(row, section)
        return ", ".join(words)

    @staticmethod
    def _marks_in_words(state: _RowState) -> str:
        said = {"flagged": state.flag, "starred": state.star, "added": state.added, "removed": state.removed}
        words = [word for word, true in said.items() if true]
        return ", ".join([*words, *([f"note: {state.note}"] if state.note else [])])

    _readers: ClassVar[dict[int, Callable[[RowsModel, int, int], Any]]] = {
        int(Qt.ItemDataRole.DisplayRole): _display,
        int(Qt.ItemDataRole.EditRole): _edit,
        int(Qt.ItemDataRole.ToolTipRole): _tool_tip,
        int(Qt.ItemDataRole.AccessibleTextRole): _accessible,
        ROW_ID_ROLE: lambda model, row, _section: model.row_id(row),
    }

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        row, section = index.row(), index.column()
        if self.editable and 1 <= section <= len(self._columns) and (row, section) not in self._conversations:
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


def _icons(state: _RowState) -> tuple[tuple[str, str], ...]:
    wanted = (("flag", "warn", state.flag), ("star", "accent", state.star), ("note", "muted", bool(state.note)))
    return tuple((name, role) for name, role, there in wanted if there)


# Colours are made once for each theme; thousands of cells ask for them


@lru_cache(maxsize=8)
def _muted(_theme: str) -> QColor:
    return QColor(tokens().muted)


@lru_cache(maxsize=16)
def _ink(_theme: str, tone: Tone) -> QColor:
    return QColor(tokens().ink(tone))


@lru_cache(maxsize=16)
def _soft(_theme: str, tone: Tone) -> QColor:
    return QColor(tokens().soft(tone))
