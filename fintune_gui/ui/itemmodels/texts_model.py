"""A small table of texts that is held in memory: previews and lists of what was rejected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from fintune_gui.ui.theme import tokens

Index = QModelIndex | QPersistentModelIndex

_NOWHERE = QModelIndex()
_SHOWN_CHARACTERS = 600


class TextsModel(QAbstractTableModel):
    """Rows of texts below headers. None is an empty cell; `numbered` shows a first column "#"."""

    def __init__(self, *, numbered: bool = False, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbered = numbered
        self._headers: tuple[str, ...] = ()
        self._rows: Sequence[Sequence[str | None]] = ()

    def show_texts(self, headers: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
        """Show other rows; each as long as `headers`."""
        self.beginResetModel()
        self._headers = ("#", *headers) if self._numbered else tuple(headers)
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._headers)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headers[section] if section < len(self._headers) else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if self._numbered and index.column() == 0:
            shown = {Qt.ItemDataRole.DisplayRole: f"{index.row() + 1:,}"}
            return (
                QColor(tokens().muted) if role == Qt.ItemDataRole.ForegroundRole else shown.get(Qt.ItemDataRole(role))
            )
        text = self._rows[index.row()][index.column() - self._numbered] or ""
        if role == Qt.ItemDataRole.DisplayRole:
            return text[:_SHOWN_CHARACTERS].replace("\r\n", "\n").replace("\n", " ↵ ").replace("\t", " ⇥ ")
        if role == Qt.ItemDataRole.EditRole:
            return text
        return text[:_SHOWN_CHARACTERS] if role == Qt.ItemDataRole.ToolTipRole else None
