"""Columns on the screen: frozen, hidden, moved, resized, and kept for the next start."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from fintune_gui.ui.widgets.data_table import DataTable, HeaderStatistics

SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
STATISTICS = HeaderStatistics(0.25, "7 values", (1, 5, 2), "25% missing, 7 values, texts of 1 to 30 characters")


def scroll(table: DataTable, x: int) -> None:
    table.horizontalScrollBar().setValue(x)


def choose(table: DataTable, section: int, *words: str) -> None:
    """Open the menu of a column from the keyboard, and choose an entry."""
    menu = opened(table, section)
    for name in words[:-1]:
        menu = next(action for action in menu.actions() if action.text() == name).menu()
    next(action for action in menu.actions() if action.text() == words[-1]).trigger()
    close_menu()


def opened(table: DataTable, section: int) -> QMenu:
    table.setCurrentIndex(table.model().index(0, section))
    QTest.keyClick(table, Qt.Key.Key_Down, ALT)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def close_menu() -> None:
    while (menu := QApplication.activePopupWidget()) is not None:
        menu.close()


def entries(table: DataTable, section: int) -> list[str]:
    words = [action.text() for action in opened(table, section).actions() if action.text()]
    close_menu()
    return words


# Frozen columns


def test_that_row_numbers_never_scroll_away(cells: DataTable, hand) -> None:
    scroll(cells, 150)
    assert cells.columns.left(0) == 0
    assert cells.columns.left(1) < cells.columnWidth(0)
    hand.click(3, 0)
    assert cells.selected().ranges == ((3, 3),)
    assert not cells.selected().columns


def test_that_frozen_columns_stay_and_the_others_scroll_below_them(cells: DataTable, hand) -> None:
    cells.freeze_columns(1)
    edge = cells.columnWidth(0) + cells.columnWidth(1)
    scroll(cells, 120)
    assert cells.columns.left(1) == cells.columnWidth(0)
    assert cells.columns.left(2) == edge - 120
    assert cells.indexAt(QPoint(edge - 5, 50)).column() == 1
    assert cells.indexAt(QPoint(edge + 5, 50)).column() == 2
    pictures = cells.viewport().grab().toImage()
    scroll(cells, 160)
    moved = cells.viewport().grab().toImage()
    frozen = pictures.copy(0, 0, edge - 1, 300)
    assert frozen == moved.copy(0, 0, edge - 1, 300)
    assert pictures != moved


def test_that_the_cursor_is_never_below_the_frozen_columns(cells: DataTable, hand) -> None:
    cells.freeze_columns(1)
    cells.go_to(0, "source")
    for expected in ("answer", "label"):
        hand.key(Qt.Key.Key_Left)
        assert cells.current_cell() == (0, expected)
        box = cells.visualRect(cells.currentIndex())
        assert box.left() >= cells.columns.frozen_width()
        assert box.right() <= cells.viewport().width()


def test_that_a_frozen_cell_is_edited_where_it_stands(cells: DataTable, hand) -> None:
    cells.freeze_columns(1)
    scroll(cells, 200)
    cells.go_to(2, "text")
    hand.key(Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    assert editor.geometry().left() == cells.columnWidth(0)
    QTest.keyClick(editor, Qt.Key.Key_Escape)


def test_that_a_drag_crosses_the_frozen_edge(cells: DataTable, hand) -> None:
    cells.freeze_columns(1)
    scroll(cells, 100)
    hand.drag((1, 1), (3, 3))
    assert cells.selected().columns == (1, 2, 3)


def test_that_frozen_columns_leave_room_for_others(cells: DataTable) -> None:
    cells.freeze_columns(4)
    assert cells.columns.frozen_width() <= 0.7 * cells.viewport().width()
    cells.columns.resize(1, 1000)
    assert cells.columns.frozen_sections() == [0]


def test_that_hiding_a_frozen_column_freezes_no_other(cells: DataTable) -> None:
    cells.freeze_columns(1)
    cells.hide_column("text")
    assert cells.columns.frozen_sections() == [0]


# Hidden, moved, resized


def test_that_hidden_columns_come_back_from_any_menu(cells: DataTable, hand) -> None:
    choose(cells, 2, "Hide")
    choose(cells, 3, "Hide")
    assert cells.hidden_columns() == ["label", "answer"]
    assert cells.columns.shown() == [0, 1, 4]
    choose(cells, 0, "Show hidden", "label")
    assert cells.hidden_columns() == ["answer"]
    cells.hide_column("label")
    choose(cells, 1, "Show hidden", "All of them")
    assert cells.hidden_columns() == []


def test_that_one_column_is_always_shown(cells: DataTable) -> None:
    for name in ("text", "label", "answer", "source", "#", "nothing"):
        cells.hide_column(name)
    assert cells.columns.shown() == [0, 4]


def test_that_the_arrows_pass_over_hidden_columns(cells: DataTable, hand) -> None:
    cells.hide_column("label")
    cells.go_to(0, "text")
    hand.key(Qt.Key.Key_Right)
    assert cells.current_cell() == (0, "answer")


def test_that_columns_are_moved_by_dragging_their_headers(cells: DataTable, hand) -> None:
    told: list[int] = []
    cells.columns_changed.connect(lambda: told.append(1))
    hand.drag_header(hand.header_at(1), hand.header_at(2, from_right=20))
    assert cells.columns.shown() == [0, 2, 1, 3, 4]
    hand.drag_header(hand.header_at(1), hand.header_at(0))
    assert cells.columns.shown() == [0, 1, 2, 3, 4]
    assert told == [1, 1]
    choose(cells, 1, "Move right")
    assert cells.columns.shown() == [0, 2, 1, 3, 4]
    choose(cells, 1, "Move left")
    assert cells.columns.shown() == [0, 1, 2, 3, 4]


def test_that_an_edge_is_dragged_and_a_double_click_fits(cells: DataTable, hand) -> None:
    told: list[int] = []
    cells.columns_changed.connect(lambda: told.append(1))
    edge = hand.header_at(1, from_right=1)
    hand.drag_header(edge, edge + QPoint(60, 0))
    assert cells.column_widths()["text"] == 260
    QTest.mouseDClick(cells.header.viewport(), Qt.MouseButton.LeftButton, pos=hand.header_at(1, from_right=1))
    assert cells.column_widths()["text"] < 200
    assert told


def test_that_the_last_column_takes_the_room_that_is_left_and_no_less_than_its_own(cells: DataTable) -> None:
    assert cells.columnWidth(4) == 200
    cells.resize(1400, 400)
    QTest.qWait(1)
    assert sum(cells.columnWidth(section) for section in range(5)) == cells.viewport().width()
    assert cells.column_widths()["source"] == 200
    cells.columns.move(4, 1)
    assert cells.columnWidth(4) == 200


def test_that_large_row_numbers_are_never_cut_off(cells: DataTable) -> None:
    cells.set_column_widths({"#": 30})
    cells.model().reset(5_000_000)
    assert cells.columnWidth(0) > cells.fontMetrics().horizontalAdvance("5,000,000")


# State


def test_that_the_state_comes_back_as_json(cells: DataTable) -> None:
    cells.columns.move(3, 1)
    cells.hide_column("label")
    cells.freeze_columns(1)
    cells.columns.resize(1, 321)
    cells.set_row_lines(3)
    cells.show_statistics(shown=False)
    state = json.loads(json.dumps(cells.column_state()))

    cells.set_column_state({})
    assert cells.columns.shown() == [0, 1, 2, 3, 4]
    cells.set_column_state(state)
    assert cells.column_state() == state
    assert cells.columns.shown() == [0, 3, 1, 4]
    assert cells.columns.frozen_sections() == [0, 3]
    assert (cells.columnWidth(1), cells.row_lines, cells.header.statistics_shown) == (321, 3, False)


@pytest.mark.parametrize(
    "state",
    [
        {"widths": "wide", "order": 7, "hidden": {"text": 1}, "frozen": "all", "lines": "many", "statistics": 0},
        {"widths": {"text": -4, "label": "x", "gone": 50}, "order": ["gone", None, "label"], "hidden": ["gone", 3]},
        {"hidden": ["#", "text", "label", "answer", "source"], "frozen": -3, "lines": 99},
    ],
)
def test_that_a_damaged_state_loses_only_what_is_damaged(cells: DataTable, state: dict[str, Any]) -> None:
    cells.set_column_state(state)
    assert cells.columns.shown()[0] == 0
    assert 1 <= cells.row_lines <= 4
    assert all(cells.columnWidth(section) > 20 for section in cells.columns.shown())
    cells.grab()


def test_that_the_columns_stand_as_before_when_the_same_rows_come_again(cells: DataTable) -> None:
    cells.columns.move(3, 1)
    cells.hide_column("label")
    cells.columns.resize(1, 333)
    cells.columns.tell()
    cells.model().reset(0, ())
    cells.model().reset(50)
    assert cells.columns.shown() == [0, 3, 1, 4]
    assert cells.columnWidth(1) == 333


def test_that_a_renamed_column_keeps_its_place(cells: DataTable) -> None:
    cells.columns.move(4, 1)
    cells.model().reset(50, ("#", "text", "topic", "answer", "source"))
    assert cells.columns.shown() == [0, 4, 1, 2, 3]


# Sorting


def test_that_a_click_sorts_and_shift_adds_a_key(cells: DataTable, hand) -> None:
    wished: list[list[tuple[str, bool]]] = []
    plain: list[tuple[int, bool]] = []
    cells.sorts_requested.connect(wished.append)
    cells.sorts_requested.connect(cells.show_sorts)
    cells.sort_requested.connect(lambda section, descending: plain.append((section, descending)))
    hand.click_header(1)
    hand.click_header(1)
    hand.click_header(2, SHIFT)
    hand.click_header(1, SHIFT)
    hand.click_header(2)
    assert wished == [
        [("text", False)],
        [("text", True)],
        [("text", True), ("label", False)],
        [("text", False), ("label", False)],
        [("label", False)],
    ]
    assert plain == [(1, False), (1, True), (2, False)]


def test_that_the_menu_sorts_by_length_and_by_several_keys(cells: DataTable) -> None:
    wished: list[list[tuple[str, bool]]] = []
    cells.sorts_requested.connect(wished.append)
    cells.sorts_requested.connect(cells.show_sorts)
    choose(cells, 1, "Sort by length, long first")
    choose(cells, 2, "Then by this column, ascending")
    assert wished[-1] == [("length:text", True), ("label", False)]
    assert cells.header.described(1) == "text, sorted by length, descending, key 1"
    choose(cells, 1, "Do not sort by this column")
    assert wished[-1] == [("label", False)]
    choose(cells, 0, "In the order of the file")
    assert wished[-1] == []


def test_that_a_header_that_cannot_be_clicked_neither_sorts_nor_moves(cells: DataTable, hand) -> None:
    cells.horizontalHeader().setSectionsClickable(False)
    told: list[object] = []
    cells.sorts_requested.connect(told.append)
    hand.click_header(1)
    hand.drag_header(hand.header_at(1), hand.header_at(2, from_right=20))
    assert (told, cells.columns.shown()) == ([], [0, 1, 2, 3, 4])
    assert "Sort ascending" not in entries(cells, 1)


# Menu and statistics


def test_that_the_menu_offers_only_what_somebody_does(cells: DataTable, qtbot) -> None:
    assert not {"Filter …", "Values …", "Rename …"} & set(entries(cells, 1))
    told: list[int] = []
    cells.filter_requested.connect(told.append)
    cells.facet_requested.connect(told.append)
    cells.rename_requested.connect(told.append)
    for words in ("Filter …", "Values …", "Rename …"):
        choose(cells, 2, words)
    assert told == [2, 2, 2]


def test_that_the_menu_freezes_fits_and_changes_the_height_of_rows(cells: DataTable) -> None:
    choose(cells, 1, "Freeze up to here")
    assert cells.columns.frozen_sections() == [0, 1]
    choose(cells, 1, "Unfreeze")
    assert cells.columns.frozen_sections() == [0]
    choose(cells, 1, "Row height", "4 lines")
    assert cells.row_lines == 4
    assert cells.rowHeight(0) > 2 * 26
    choose(cells, 1, "Fit width")
    assert cells.column_widths()["text"] < 200


def test_that_a_chevron_opens_the_menu_with_the_mouse(cells: DataTable, hand) -> None:
    QTest.mouseClick(cells.header.viewport(), Qt.MouseButton.LeftButton, pos=hand.header_at(1, from_right=12))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert menu.accessibleName() == "Column text"
    close_menu()


def test_that_statistics_are_drawn_told_and_switched_off(cells: DataTable) -> None:
    low = cells.header.height()
    cells.set_statistics({"text": STATISTICS})
    cells.set_filtered({"label"})
    assert cells.header.height() > low
    words = cells.model().headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.AccessibleDescriptionRole)
    assert words == f"text. {STATISTICS.text}"
    assert cells.model().words[2] == "label, filtered"
    choose(cells, 1, "Statistics in the header")
    assert cells.header.height() == low
    assert not cells.column_state()["statistics"]
    cells.show_statistics(shown=True)
    cells.set_statistics({})
    assert cells.header.height() == low
