"""Which label was taken for which: expected labels as rows, answers as columns, the weakest label first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from fintune_gui.project.report import LabelScores
from fintune_gui.ui.theme import tokens

Index = QModelIndex | QPersistentModelIndex

_NOWHERE = QModelIndex()


class ConfusionModel(QAbstractTableModel):
    """A square of counts; the first column names the expected label."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._counts: list[list[int]] = []

    def show_confusion(self, labels: Sequence[LabelScores], confusion: Sequence[Sequence[int]]) -> None:
        """Show the counts of a report; `confusion` is in the order of `labels`."""
        order = sorted(range(len(labels)), key=lambda place: labels[place].f1)
        self.beginResetModel()
        self._names = [labels[place].label for place in order]
        self._counts = [[confusion[row][column] for column in order] for row in order] if confusion else []
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._counts)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() or not self._counts else 1 + len(self._names)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._names[section - 1] if section else "expected ↓  answered →"
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = index.row(), index.column() - 1
        count = self._counts[row][column] if column >= 0 else 0
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._names[row] if column < 0 else f"{count:,}" if count else ""
        if role == Qt.ItemDataRole.BackgroundRole and column >= 0 and count:
            return QColor(tokens().soft("good" if column == row else "bad"))
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole) and column >= 0:
            return f"Expected {self._names[row]}, answered {self._names[column]}: {count:,}"
        return None
