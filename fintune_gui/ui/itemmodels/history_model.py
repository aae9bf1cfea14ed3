"""The history of changes as a list: one line for each operation, hand edits in a row taken together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Operation

Index = QModelIndex | QPersistentModelIndex

LINE_ROLE = int(Qt.ItemDataRole.UserRole) + 1
_NOWHERE = QModelIndex()
_BY_HAND = {"edit": "Edited by hand", "remove": "Removed by hand"}
_COUNTS = re.compile(r"(?: in [\d,]+ (?:cell|row)s?(?: of [\d,]+ rows?)?|: [\d,]+ rows?)$")
"""The counts at the end of an operation's sentence; the list shows them in a column of their own."""
_MOST_TOLD = 12


@dataclass(frozen=True)
class HistoryLine:
    """Operations that are shown as one.

    Attributes:
        last: `seq` of the last of them: going there means that all of them are in force.
        count: What they touched, in words: "14 cells"; "" if the sentence says it.
    """

    number: int
    last: int
    text: str
    count: str
    in_force: bool
    tip: str = ""


def history_lines(operations: Sequence[Operation]) -> list[HistoryLine]:
    """Lines for the operations, oldest first."""
    groups: list[list[Operation]] = []
    for operation in operations:
        before = groups[-1][-1] if groups else None
        if before is not None and _go_together(before, operation):
            groups[-1].append(operation)
        else:
            groups.append([operation])
    return [_line(number, group) for number, group in enumerate(groups, start=1)]


def _go_together(before: Operation, after: Operation) -> bool:
    same_reason = before.label.partition(": ")[2] == after.label.partition(": ")[2] or after.kind == "edit"
    return before.kind == after.kind and before.in_force == after.in_force and after.kind in _BY_HAND and same_reason


def _line(number: int, group: list[Operation]) -> HistoryLine:
    last = group[-1]
    cells, rows = sum(op.cells for op in group), sum(op.rows for op in group)
    count = _counted(rows, "row") if last.kind in ("remove", "restore") or not cells else _counted(cells, "cell")
    if len(group) > 1 or last.kind == "remove":
        text = _BY_HAND[last.kind] if last.kind == "edit" else last.label.partition(": ")[2] or last.label
    else:
        text = _COUNTS.sub("", last.label)
    if last.kind == "restore" or (last.kind == "edit" and len(group) == 1):
        count = ""  # the sentence says it
    tip = "\n".join(op.label for op in group[-_MOST_TOLD:])
    return HistoryLine(number, last.seq, text, count, last.in_force, tip)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class HistoryModel(QAbstractListModel):
    """Lines of the history; line 0 is the import."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: list[HistoryLine] = []

    def show_operations(self, operations: Sequence[Operation]) -> None:
        """Show another history."""
        lines = [HistoryLine(0, 0, "As imported", "", in_force=True), *history_lines(operations)]
        if lines == self.lines:
            return
        self.beginResetModel()
        self.lines = lines
        self.endResetModel()

    @property
    def present(self) -> int:
        """Place of the last line that is in force."""
        return max(place for place, line in enumerate(self.lines) if line.in_force) if self.lines else 0

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line = self.lines[index.row()]
        if role == LINE_ROLE:
            return line
        if role == Qt.ItemDataRole.DisplayRole:
            return line.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return line.tip or line.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{line.text} {line.count}{'' if line.in_force else ', undone'}".strip()
        return None
