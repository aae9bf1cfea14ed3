"""The history of changes as a list: one line for each operation, hand edits in a row taken together, and a line for
what was done on other branches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Operation

Index = QModelIndex | QPersistentModelIndex
Kind = Literal["import", "change", "branch", "time", "earlier"]

LINE_ROLE = int(Qt.ItemDataRole.UserRole) + 1
FIRST_LINES = 500
"""Operations that are shown until the earlier ones are asked for."""
_NOWHERE = QModelIndex()
_BY_HAND = {"edit": "Edited by hand", "remove": "Removed by hand", "mark": "Marked", "note": "Wrote notes"}
_COUNTS = re.compile(r"(?: in [\d,]+ (?:cell|row)s?(?: of [\d,]+ rows?)?|: [\d,]+ rows?)$")
"""The counts at the end of an operation's sentence; the list shows them in a column of their own."""
_MOST_TOLD = 12
_PAUSE_S = 30 * 60
"""After a pause like this the list says the time again."""


@dataclass(frozen=True)
class HistoryLine:
    """Operations that are shown as one.

    Attributes:
        number: Place among the changes; 0 for lines that are none.
        last: `seq` of the last of them: going there means that all of them are in force.
        count: What they touched, in words: "14 cells"; "" if the sentence says it.
    """

    number: int
    last: int
    text: str
    count: str
    in_force: bool
    tip: str = ""
    kind: Kind = "change"


def history_lines(
    operations: Sequence[Operation], head: int, tip: int, *, most: int = FIRST_LINES, now: datetime | None = None
) -> list[HistoryLine]:
    """Lines from the import to `tip`, oldest first, each branch as one line where it leaves the way.

    Args:
        operations: All of them, on all branches, parents before their children.
        head, tip: The last one in force, and the last one that can be reached by redo; 0 for none.
        most: How many operations of the way are shown, counted from the end.
    """
    way = _way_to(tip, operations)
    branches = _branches(operations, {operation.seq for operation in way}) if len(way) < len(operations) else {}
    lines = [HistoryLine(0, 0, "As imported", "", in_force=True, kind="import")]
    hidden = max(0, len(way) - most)
    lines += [_branch_line(branch) for branch in branches.get(0, ())]
    if hidden:
        last = way[hidden - 1]
        words = f"Show {counted(hidden, 'earlier change')}"
        lines.append(HistoryLine(0, last.seq, words, "", last.seq <= head, kind="earlier"))
    before = 0.0
    for number, group in enumerate(_groups(way[hidden:], branches, head), start=hidden + 1):
        if group[0].time - before > _PAUSE_S:
            lines.append(HistoryLine(0, -1, _moment(group[0].time, now), "", in_force=True, kind="time"))
        before = group[-1].time
        lines.append(_line(number, group, in_force=group[-1].seq <= head))
        lines += [_branch_line(branch) for branch in branches.get(group[-1].seq, ())]
    return lines


def _way_to(seq: int, operations: Sequence[Operation]) -> list[Operation]:
    """The operations that lead from the import to `seq`, oldest first."""
    way: list[Operation] = []
    for operation in reversed(operations):
        if operation.seq == seq:
            way.append(operation)
            seq = operation.parent or 0
    return way[::-1]


def _branches(operations: Sequence[Operation], way: set[int]) -> dict[int, list[list[Operation]]]:
    """Operations that are not on the way, by where they leave it, one list for each branch."""
    root_of: dict[int, int] = {}
    branches: dict[int, Operation] = {}
    members: dict[int, list[Operation]] = {}
    for operation in operations:  # parents come before their children
        if operation.seq in way:
            continue
        parent = operation.parent or 0
        root = root_of.get(parent, operation.seq)
        if root == operation.seq:
            branches[root] = operation
        root_of[operation.seq] = root
        members.setdefault(root, []).append(operation)
    found: dict[int, list[list[Operation]]] = {}
    for root, first in branches.items():
        found.setdefault(first.parent or 0, []).append(members[root])
    return found


def _groups(way: Sequence[Operation], branches: dict[int, list[list[Operation]]], head: int) -> list[list[Operation]]:
    groups: list[list[Operation]] = []
    for operation in way:
        before = groups[-1][-1] if groups else None
        open_end = before is not None and before.seq not in branches and before.seq != head
        if before is not None and open_end and _go_together(before, operation):
            groups[-1].append(operation)
        else:
            groups.append([operation])
    return groups


def _go_together(before: Operation, after: Operation) -> bool:
    same_reason = before.label.partition(": ")[2] == after.label.partition(": ")[2] or after.kind != "remove"
    soon = after.time - before.time <= _PAUSE_S
    return before.kind == after.kind and after.kind in _BY_HAND and same_reason and soon


def _line(number: int, group: list[Operation], *, in_force: bool) -> HistoryLine:
    last = group[-1]
    cells, rows = sum(op.cells for op in group), sum(op.rows for op in group)
    count = (
        counted(rows, "row")
        if last.kind in ("remove", "restore", "mark", "note", "add", "files") or not cells
        else counted(cells, "cell")
    )
    if len(group) > 1 or last.kind == "remove":
        text = last.label.partition(": ")[2] or last.label if last.kind == "remove" else _BY_HAND[last.kind]
    else:
        text = _COUNTS.sub("", last.label)
    if last.kind in ("restore", "rename", "add", "files") or (
        last.kind in ("edit", "mark", "note") and len(group) == 1
    ):
        count = ""  # the sentence says it
    told = [f"{op.label} · {_clock(op.time)}" for op in group[-_MOST_TOLD:]]
    return HistoryLine(number, last.seq, text, count, in_force, "\n".join(told))


def _branch_line(branch: list[Operation]) -> HistoryLine:
    told = [f"{op.label} · {_clock(op.time)}" for op in branch[-_MOST_TOLD:]]
    words = f"{counted(len(branch), 'other change')} from here"
    return HistoryLine(0, branch[-1].seq, words, "", False, "\n".join(["Go there:", *told]), "branch")


def _local(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC).astimezone()


def _clock(time: float) -> str:
    return f"{_local(time):%d %b %H:%M}"


def _moment(time: float, now: datetime | None) -> str:
    then, today = _local(time), now or datetime.now(UTC).astimezone()
    days = (today.date() - then.date()) // timedelta(days=1)
    day = {0: "Today", 1: "Yesterday"}.get(
        days, f"{then.day} {then:%B}" + (f" {then.year}" if then.year != today.year else "")
    )
    return f"{day}, {then:%H:%M}"


class HistoryModel(QAbstractListModel):
    """Lines of the history; line 0 is the import.

    Attributes:
        present: Place of the last line that is in force.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: list[HistoryLine] = []
        self.present = 0
        self._shown: tuple[Sequence[Operation], int, int] = ((), 0, 0)
        self._most = FIRST_LINES

    def show_operations(self, operations: Sequence[Operation], head: int, tip: int) -> None:
        """Show another history."""
        self._shown = (operations, head, tip)
        lines = history_lines(operations, head, tip, most=self._most)
        if lines == self.lines:
            return
        self.beginResetModel()
        self.lines = lines
        self.present = max(
            (place for place, line in enumerate(lines) if line.in_force and line.kind in ("change", "import")),
            default=0,
        )
        self.endResetModel()

    def show_earlier(self) -> None:
        """Show all lines, however many."""
        self._most = len(self._shown[0]) + 1
        self.show_operations(*self._shown)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and self.lines[index.row()].kind == "time":
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)

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
            undone = ", undone" if line.kind == "change" and not line.in_force else ""
            here = ", you are here" if index.row() == self.present else ""
            return f"{line.text} {line.count}".strip() + undone + here
        return None
