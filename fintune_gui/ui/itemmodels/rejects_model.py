"""Rows that could not be read, as a table: where each stands, why, and what the user has made of it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from fintune_gui.ui.theme import tokens

if TYPE_CHECKING:
    from fintune_gui.dataset.importing import Rejected

Index = QModelIndex | QPersistentModelIndex

_NOWHERE = QModelIndex()
_HEADERS = ("File", "Line", "Column", "Reason", "Text")
_RIGHT = (1, 2)
_TEXT = 4
_SHOWN_CHARACTERS = 300


class RejectsModel(QAbstractTableModel):
    """Reads `Rejected` lazily; a text that the user is mending is shown instead of the file's, with a mark."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rejects: Sequence[Rejected] = ()
        self._texts: Mapping[int, str] = {}

    def show_rejects(self, rejects: Sequence[Rejected], texts: Mapping[int, str]) -> None:
        """Show these; `texts` are those that the user has changed, by place, and is read again when painting."""
        self.beginResetModel()
        self._rejects, self._texts = rejects, texts
        self.endResetModel()

    def text_changed(self, place: int) -> None:
        """The text of one of them was changed by the user."""
        self.dataChanged.emit(self.index(place, 0), self.index(place, _TEXT))

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rejects)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._words(index.row(), index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == _TEXT and index.row() in self._texts:
            return QColor(tokens().ink("info"))
        return None

    def _words(self, place: int, section: int) -> str:
        reject = self._rejects[place]
        if section == _TEXT:
            mended = self._texts.get(place)
            text = (reject.text if mended is None else mended)[:_SHOWN_CHARACTERS]
            return text.replace("\r\n", "\n").replace("\n", " ↵ ").replace("\t", " ⇥ ")
        column = "" if reject.column is None else f"{reject.column:,}"
        return (reject.file, f"{reject.line:,}", column, reject.reason)[section]


def _alignment(section: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if section in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
