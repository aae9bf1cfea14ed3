"""A table of a million rows: choosing everything is a flag, and nothing walks over all rows."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from fintune_gui.ui.widgets.data_table import DataTable, Selected

MILLION = 1_000_000
INSTANT_S = 0.25


class Numbers(QAbstractTableModel):
    """A model that counts how often it is asked."""

    def __init__(self, rows: int = MILLION) -> None:
        super().__init__()
        self.rows = rows
        self.asked = 0
        self.text = ""

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.rows

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 3

    def data(self, index, role=Qt.ItemDataRole.DisplayRole):
        self.asked += 1
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self.text or f"{index.row()}-{index.column()}"
        return None

    def flags(self, index):
        self.asked += 1
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def headerData(self, section, orientation, role=Qt.ItemDataRole.DisplayRole):
        return f"c{section}" if role == Qt.ItemDataRole.DisplayRole else None


@pytest.fixture
def table(qtbot) -> DataTable:
    made = DataTable("Rows")
    qtbot.addWidget(made)
    made._numbers = Numbers()
    made.setModel(made._numbers)
    made.resize(600, 400)
    made.show()
    QTest.qWaitForWindowExposed(made)
    made.setFocus()
    return made


def press(table: DataTable, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> float:
    """Press a key, let everything be painted, and return the seconds it took."""
    began = time.perf_counter()
    QTest.keyClick(table, key, modifiers)
    table.viewport().repaint()
    QTest.qWait(1)
    return time.perf_counter() - began


CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.mark.parametrize(
    "choose",
    [
        lambda table: press(table, Qt.Key.Key_A, CTRL),
        lambda table: press(table, Qt.Key.Key_End, CTRL | SHIFT),
    ],
    ids=["Ctrl+A", "Shift+Ctrl+End from the top"],
)
def test_that_everything_is_chosen_at_once(table: DataTable, choose: Callable[[DataTable], float]) -> None:
    table.setCurrentIndex(table.model().index(0, 0))
    table._numbers.asked = 0
    assert choose(table) < INSTANT_S
    assert table.selected() == Selected(everything=True)
    assert table.selected().count(MILLION) == MILLION
    assert table._numbers.asked < 5000


def test_that_half_a_million_rows_are_one_range(table: DataTable) -> None:
    table.setCurrentIndex(table.model().index(500_000, 0))
    table._numbers.asked = 0
    assert press(table, Qt.Key.Key_End, CTRL | SHIFT) < INSTANT_S
    assert table.selected() == Selected(ranges=((500_000, MILLION - 1),))
    assert table._numbers.asked < 5000


def test_that_shift_and_arrows_extend_the_choice(table: DataTable) -> None:
    table.go_to(10)
    press(table, Qt.Key.Key_Down, SHIFT)
    press(table, Qt.Key.Key_Down, SHIFT)
    assert table.selected().rows == [10, 11, 12]


def test_that_any_other_choice_ends_everything(table: DataTable, qtbot) -> None:
    press(table, Qt.Key.Key_A, CTRL)
    with qtbot.waitSignal(table.selected_changed):
        table.selectRow(3)
    assert table.selected() == Selected(ranges=((3, 3),))
    press(table, Qt.Key.Key_A, CTRL)
    press(table, Qt.Key.Key_Escape)
    assert not table.selected().everything


def test_that_everything_is_painted_as_chosen(table: DataTable) -> None:
    plain = table.viewport().grab().toImage().pixelColor(550, 200)
    press(table, Qt.Key.Key_A, CTRL)
    assert table.viewport().grab().toImage().pixelColor(550, 200) != plain


def test_that_a_new_view_chooses_nothing(table: DataTable) -> None:
    press(table, Qt.Key.Key_A, CTRL)
    table._numbers.beginResetModel()
    table._numbers.rows = 10
    table._numbers.endResetModel()
    assert not table.selected()


@pytest.mark.parametrize(
    ("key", "modifiers", "signal"),
    [
        (Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier, "remove_requested"),
        (Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, "detail_requested"),
        (Qt.Key.Key_F, Qt.KeyboardModifier.NoModifier, "flag_requested"),
        (Qt.Key.Key_S, Qt.KeyboardModifier.NoModifier, "star_requested"),
        (Qt.Key.Key_D, CTRL, "fill_down_requested"),
        (Qt.Key.Key_G, CTRL, "go_to_row_requested"),
        (Qt.Key.Key_J, CTRL, "next_flagged"),
        (Qt.Key.Key_F3, Qt.KeyboardModifier.NoModifier, "find_next"),
        (Qt.Key.Key_F, CTRL, "find_requested"),
        (Qt.Key.Key_H, CTRL, "replace_requested"),
        (Qt.Key.Key_V, CTRL, "paste_requested"),
    ],
)
def test_that_keys_become_wishes(table: DataTable, qtbot, key, modifiers, signal: str) -> None:
    table.selectRow(2)
    with qtbot.waitSignal(getattr(table, signal)) as told:
        press(table, key, modifiers)
    if told.args and isinstance(told.args[0], Selected):
        assert told.args[0].rows == [2]


def test_that_del_without_a_choice_removes_nothing(table: DataTable) -> None:
    told: list[object] = []
    table.remove_requested.connect(told.append)
    table.clearSelection()
    press(table, Qt.Key.Key_Delete)
    assert told == []


def test_that_f2_opens_an_editor_with_the_columns_name(table: DataTable) -> None:
    table.setCurrentIndex(table.model().index(0, 1))
    press(table, Qt.Key.Key_F2)
    assert table.state() == DataTable.State.EditingState
    editor = table.indexWidget(table.currentIndex()) or table.viewport().focusWidget()
    assert editor is None or editor.accessibleName() == "c1"
    table.closePersistentEditor(table.currentIndex())


def test_that_rows_are_copied_for_a_spreadsheet(table: DataTable) -> None:
    table.selectRow(1)
    press(table, Qt.Key.Key_C, CTRL)
    assert QGuiApplication.clipboard().text() == "c0\tc1\tc2\n1-0\t1-1\t1-2"


def test_that_a_cell_with_a_line_break_is_quoted(table: DataTable) -> None:
    table._numbers.text = 'say "hi"\nthere'
    table.selectRow(0)
    press(table, Qt.Key.Key_C, CTRL)
    assert '"say ""hi""\nthere"' in QGuiApplication.clipboard().text()


def test_that_widths_come_back_by_name(table: DataTable) -> None:
    table.set_column_widths({"c1": 222})
    assert table.column_widths()["c1"] == 222
    assert table.columnWidth(0) < 200  # fitted to its first rows


def test_that_a_header_asks_for_a_sort_and_then_for_the_reverse(table: DataTable) -> None:
    told: list[tuple[int, bool]] = []
    table.sort_requested.connect(lambda section, descending: told.append((section, descending)))
    header = table.horizontalHeader()
    header.sectionClicked.emit(1)
    table.show_sort(1, descending=False)
    header.sectionClicked.emit(1)
    table.show_sort(1, descending=True)
    header.sectionClicked.emit(1)
    assert told == [(1, False), (1, True), (1, False)]


def test_that_scrolling_to_the_end_of_a_million_rows_is_quick(table: DataTable) -> None:
    table._numbers.asked = 0
    began = time.perf_counter()
    table.go_to(MILLION - 1)
    table.viewport().repaint()
    assert time.perf_counter() - began < INSTANT_S
    assert table._numbers.asked < 5000
    assert np.isclose(table.rowHeight(5), table.rowHeight(999_999))
