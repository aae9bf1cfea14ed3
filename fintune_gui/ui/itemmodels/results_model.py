"""The rows of an evaluation as a table: what was asked, expected, answered before and after, and how that changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from fintune_gui.ui.theme import Tone, tokens

Index = QModelIndex | QPersistentModelIndex


class Result(Protocol):
    """One row of an evaluation: `fintune_gui.dataset.results.ResultRow`."""

    @property
    def row_id(self) -> int: ...
    @property
    def prompt(self) -> str: ...
    @property
    def expected(self) -> str: ...
    @property
    def untuned(self) -> str: ...
    @property
    def tuned(self) -> str: ...
    @property
    def change(self) -> str: ...


Shown = Literal["worse", "wrong", "better", "all"]

_FIELDS = ("prompt", "expected", "untuned", "tuned", "change")
_TONES: dict[str, Tone] = {"worse": "bad", "better": "good"}
_SHOWN_CHARACTERS = 600
_NOWHERE = QModelIndex()


class ResultsModel(QAbstractTableModel):
    """All rows are held in memory; a view of them is a list of places."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: Sequence[Result] = ()
        self._view: list[int] = []
        self._shown: Shown = "all"
        self._sort: tuple[int, bool] | None = None
        self._tuned_name = "tuned"

    # What the page says and asks

    def show_results(self, rows: Sequence[Result], tuned_name: str) -> None:
        """Show other rows; `tuned_name` heads the column of the tuned model's answers, for example "run 4"."""
        self.beginResetModel()
        self._rows, self._tuned_name = rows, tuned_name
        self._choose()
        self.endResetModel()

    def show_only(self, shown: Shown) -> None:
        """Which rows to show. "wrong": the tuned model's answer is not the expected one."""
        self.beginResetModel()
        self._shown = shown
        self._choose()
        self.endResetModel()

    def sort_by(self, section: int, *, descending: bool) -> None:
        """Sort by what a column says."""
        self.beginResetModel()
        self._sort = (section, descending)
        self._choose()
        self.endResetModel()

    def _choose(self) -> None:
        fits = _FILTERS[self._shown]
        self._view = [place for place, row in enumerate(self._rows) if fits(row)]
        if self._sort is not None:
            section, descending = self._sort
            field = _FIELDS[section]
            self._view.sort(key=lambda place: str(getattr(self._rows[place], field)).casefold(), reverse=descending)

    def count(self, shown: Shown) -> int:
        """How many rows there are of a kind."""
        return sum(map(_FILTERS[shown], self._rows))

    def result(self, row: int) -> Result:
        """The whole result at a place of the view."""
        return self._rows[self._view[row]]

    # What Qt asks

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._view)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_FIELDS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ("text", "expected", "untuned", self._tuned_name, "change")[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        field = _FIELDS[index.column()]
        text = str(getattr(self.result(index.row()), field))
        if role == Qt.ItemDataRole.DisplayRole:
            return text[:_SHOWN_CHARACTERS].replace("\r\n", "\n").replace("\n", " ↵ ").replace("\t", " ⇥ ")
        if role == Qt.ItemDataRole.EditRole:
            return text
        if role == Qt.ItemDataRole.ForegroundRole and field == "change":
            tone = _TONES.get(text)
            return QColor(tokens().ink(tone) if tone else tokens().muted)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headerData(index.column(), Qt.Orientation.Horizontal)}: {text or 'empty'}"
        return None


_FILTERS: dict[Shown, Callable[[Result], bool]] = {
    "worse": lambda row: row.change == "worse",
    "better": lambda row: row.change == "better",
    "wrong": lambda row: row.expected != row.tuned,
    "all": lambda row: True,
}
