"""Files in a table: those that shall be imported with what was found out about each, and those that rows came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from fintune_gui.ui.theme import Tone, tokens

Index = QModelIndex | QPersistentModelIndex

_NOWHERE = QModelIndex()


@dataclass(frozen=True)
class FileLine:
    """One file: `cells` under the headers, the whole text for the tool tip, and the tone of the cell `toned`."""

    key: str
    cells: tuple[str, ...]
    tip: str = ""
    tone: Tone | None = None
    toned: int = 1


class FilesModel(QAbstractTableModel):
    """Lines below headers; figures (the sections in `right`) stand at the right."""

    def __init__(self, headers: Sequence[str], right: Sequence[int] = (), parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._headers = tuple(headers)
        self._right = frozenset(right)
        self._lines: tuple[FileLine, ...] = ()

    def show_lines(self, lines: Sequence[FileLine]) -> None:
        """Show these lines; lines at the same places with the same keys keep the selection."""
        lines = tuple(lines)
        if [line.key for line in lines] == [line.key for line in self._lines]:
            self._lines = lines
            if lines:
                self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, len(self._headers) - 1))
            return
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()

    def line(self, place: int) -> FileLine | None:
        """The line at a place, if there is one."""
        return self._lines[place] if 0 <= place < len(self._lines) else None

    def place_of(self, key: str) -> int:
        """Where the line with `key` stands; -1 if nowhere."""
        return next((place for place, line in enumerate(self._lines) if line.key == key), -1)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._headers)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headers[section] if section < len(self._headers) else None
        return self._alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line = self._lines[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return line.cells[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return line.tip or line.cells[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(index.column())
        if role == Qt.ItemDataRole.ForegroundRole and line.tone is not None and index.column() == line.toned:
            return QColor(tokens().ink(line.tone))
        return None

    def _alignment(self, section: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if section in self._right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter
