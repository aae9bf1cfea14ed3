"""A table over rows in memory that can be edited, as the tests of the table's parts use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPoint, Qt
from PySide6.QtTest import QTest

from fintune_gui.ui.itemmodels.cell_look import SORT_KEY_ROLE, CellLook
from fintune_gui.ui.widgets.data_table import DataTable

HEADERS = ("#", "text", "label", "answer", "source")
Q = Qt.ItemDataRole


class Cells(QAbstractTableModel):
    """Numbers itself, reads in blocks as the real model does, and keeps what is edited."""

    def __init__(self, rows: int = 1000) -> None:
        super().__init__()
        self.rows = rows
        self.headers = HEADERS
        self.edited: dict[tuple[int, int], str] = {}
        self.prepared: list[tuple[int, int]] = []
        self.words: dict[int, str] = {}

    def reset(self, rows: int, headers: tuple[str, ...] = HEADERS) -> None:
        self.beginResetModel()
        self.rows, self.headers = rows, headers
        self.endResetModel()

    def text(self, row: int, section: int) -> str:
        if section == 0:
            return f"{row + 1:,}"
        return self.edited.get((row, section), f"{self.headers[section]} {row}")

    def prepare(self, first: int, last: int, sections: list[int]) -> None:
        self.prepared.append((first, last))

    def look(self, row: int, section: int) -> CellLook:
        return CellLook(self.text(row, section))

    def texts(self, rows: list[int], sections: list[int]) -> list[list[str]]:
        return [[self.text(row, section) for section in sections] for row in rows]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.rows

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.headers)

    def data(self, index, role=Q.DisplayRole):
        return self.text(index.row(), index.column()) if role in (Q.DisplayRole, Q.EditRole) else None

    def headerData(self, section, orientation, role=Q.DisplayRole):
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Q.AccessibleDescriptionRole:
            return self.words.get(section)
        return self.headers[section] if role in (Q.DisplayRole, SORT_KEY_ROLE) else None

    def setHeaderData(self, section, orientation, value, role=Q.EditRole):
        self.words[section] = value
        return True

    def flags(self, index):
        plain = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return plain | Qt.ItemFlag.ItemIsEditable if index.column() in (1, 2, 3) else plain

    def setData(self, index, value, role=Q.EditRole):
        self.edited[index.row(), index.column()] = value
        self.dataChanged.emit(index, index)
        return True


class Hand:
    """The user at a table: presses keys and clicks cells."""

    def __init__(self, table: DataTable) -> None:
        self.table = table

    def key(self, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= modifier
        QTest.keyClick(self.table, key, held)

    def at(self, row: int, section: int) -> QPoint:
        return self.table.visualRect(self.table.model().index(row, section)).center()

    def click(self, row: int, section: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseClick(self.table.viewport(), Qt.MouseButton.LeftButton, modifier, self.at(row, section))

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        port = self.table.viewport()
        QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=self.at(*start))
        QTest.mouseMove(port, self.at(*end))
        QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=self.at(*end))

    def header_at(self, section: int, from_right: int | None = None) -> QPoint:
        left, width = self.table.columns.left(section), self.table.columnWidth(section)
        return QPoint(left + (10 if from_right is None else width - from_right), 15)

    def click_header(self, section: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        port = self.table.header.viewport()
        QTest.mouseClick(port, Qt.MouseButton.LeftButton, modifier, self.header_at(section))

    def drag_header(self, start: QPoint, end: QPoint) -> None:
        port = self.table.header.viewport()
        QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(port, start + (end - start) / 2)
        QTest.mouseMove(port, end)
        QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)


@pytest.fixture
def cells(qtbot) -> Iterator[DataTable]:
    """A table of 1,000 rows with the columns of `HEADERS`, each 200 pixels wide, in 640 pixels."""
    table = DataTable("Rows")
    qtbot.addWidget(table)
    table._cells_model = Cells()
    table.setModel(table._cells_model)
    table.set_column_widths(dict.fromkeys(HEADERS[1:], 200))
    table.resize(640, 400)
    table.show()
    QTest.qWaitForWindowExposed(table)
    table.setFocus()
    yield table
    table.close()


@pytest.fixture
def hand(cells: DataTable) -> Hand:
    return Hand(cells)
