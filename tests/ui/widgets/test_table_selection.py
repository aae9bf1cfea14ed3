"""Choosing with mouse and keyboard: blocks of cells, whole rows, whole columns, everything."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from fintune_gui.ui.widgets.data_table import DataTable, Selected

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Key = Qt.Key


def test_that_a_click_chooses_one_cell(cells: DataTable, hand) -> None:
    hand.click(2, 1)
    assert cells.selected() == Selected(ranges=((2, 2),), columns=(1,))
    assert cells.current_cell() == (2, "text")


def test_that_a_drag_chooses_a_block(cells: DataTable, hand) -> None:
    hand.drag((1, 1), (4, 2))
    assert cells.selected() == Selected(ranges=((1, 4),), columns=(1, 2))
    hand.drag((6, 2), (3, 1))
    assert cells.selected() == Selected(ranges=((3, 6),), columns=(1, 2))


def test_that_numbers_choose_whole_rows(cells: DataTable, hand) -> None:
    hand.click(3, 0)
    assert cells.selected() == Selected(ranges=((3, 3),))
    hand.drag((2, 0), (5, 0))
    assert cells.selected() == Selected(ranges=((2, 5),))
    hand.click(8, 0, SHIFT)
    assert cells.selected() == Selected(ranges=((2, 8),))


def test_that_shift_extends_and_ctrl_adds_and_takes_away(cells: DataTable, hand) -> None:
    hand.click(1, 1)
    hand.click(3, 2, SHIFT)
    assert cells.selected() == Selected(ranges=((1, 3),), columns=(1, 2))
    hand.click(6, 1, CTRL)
    assert cells.selected().ranges == ((1, 3), (6, 6))
    hand.click(6, 1, CTRL)
    assert cells.selected().ranges == ((1, 3),)


def test_that_a_drag_beyond_the_edge_scrolls_and_goes_on(cells: DataTable, hand, qtbot) -> None:
    port = cells.viewport()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=hand.at(1, 1))
    QTest.mouseMove(port, QPoint(100, port.height() + 60))
    qtbot.waitUntil(lambda: cells.verticalScrollBar().value() > 10)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=QPoint(100, port.height() + 60))
    chosen = cells.selected()
    assert chosen.ranges[0][0] == 1
    assert chosen.ranges[0][1] > 10
    stopped = cells.verticalScrollBar().value()
    QTest.qWait(120)
    assert cells.verticalScrollBar().value() == stopped


def test_that_a_right_click_keeps_a_block_that_it_hits(cells: DataTable, hand) -> None:
    hand.drag((1, 1), (4, 2))
    QTest.mouseClick(cells.viewport(), Qt.MouseButton.RightButton, pos=hand.at(2, 2))
    assert cells.selected() == Selected(ranges=((1, 4),), columns=(1, 2))
    QTest.mouseClick(cells.viewport(), Qt.MouseButton.RightButton, pos=hand.at(6, 1))
    assert cells.selected() == Selected(ranges=((6, 6),), columns=(1,))


def test_that_shift_and_arrows_choose_a_block(cells: DataTable, hand) -> None:
    cells.go_to(5, "text")
    hand.key(Key.Key_Down, SHIFT)
    hand.key(Key.Key_Right, SHIFT)
    assert cells.selected() == Selected(ranges=((5, 6),), columns=(1, 2))
    hand.key(Key.Key_Up, SHIFT)
    hand.key(Key.Key_Up, SHIFT)
    assert cells.selected() == Selected(ranges=((4, 5),), columns=(1, 2))
    hand.key(Key.Key_Up)
    assert cells.selected() == Selected(ranges=((3, 3),), columns=(2,))


def test_that_keys_reach_the_ends(cells: DataTable, hand) -> None:
    cells.go_to(5, "label")
    hand.key(Key.Key_End)
    assert cells.current_cell() == (5, "source")
    hand.key(Key.Key_Home)
    assert cells.current_cell() == (5, "text")
    hand.key(Key.Key_Down, CTRL)
    assert cells.current_cell() == (999, "text")
    hand.key(Key.Key_Home, CTRL)
    assert cells.current_cell() == (0, "text")
    hand.key(Key.Key_PageDown)
    assert 3 < cells.current_cell()[0] < 20


@pytest.mark.parametrize("rows", [1_000_000, 5_000_000])
def test_that_millions_of_cells_are_one_block_at_once(cells: DataTable, hand, rows: int) -> None:
    cells.model().reset(rows)
    cells.go_to(10, "text")
    began = time.perf_counter()
    hand.key(Key.Key_Down, CTRL, SHIFT)
    hand.key(Key.Key_Right, CTRL, SHIFT)
    cells.viewport().repaint()
    assert time.perf_counter() - began < 0.5
    assert cells.selected() == Selected(ranges=((10, rows - 1),), columns=(1, 2, 3, 4))
    hand.key(Key.Key_Space, SHIFT)
    assert cells.selected() == Selected(ranges=((10, rows - 1),))


def test_that_ctrl_space_chooses_whole_columns(cells: DataTable, hand) -> None:
    cells.go_to(5, "text")
    hand.key(Key.Key_Right, SHIFT)
    hand.key(Key.Key_Space, CTRL)
    assert cells.selected() == Selected(ranges=((0, 999),), columns=(1, 2))


def test_that_the_corner_chooses_everything_and_esc_lets_go(cells: DataTable, hand) -> None:
    told: list[Selected] = []
    cells.selected_changed.connect(told.append)
    hand.click_header(0)
    assert told[-1] == Selected(everything=True)
    hand.key(Key.Key_Escape)
    assert not cells.selected().everything


def test_that_a_block_is_what_is_seen_when_columns_were_moved_or_hidden(cells: DataTable, hand) -> None:
    cells.columns.move(3, 1)  # answer, text, label, source
    hand.drag((1, 3), (2, 1))
    assert cells.selected() == Selected(ranges=((1, 2),), columns=(1, 3))
    hand.key(Key.Key_C, CTRL)
    assert QGuiApplication.clipboard().text() == "answer 1\ttext 1\nanswer 2\ttext 2"


def test_that_a_block_is_copied_without_names_and_rows_and_columns_with_them(cells: DataTable, hand) -> None:
    said: list[str] = []
    cells.copied.connect(said.append)
    hand.drag((1, 1), (2, 2))
    hand.key(Key.Key_C, CTRL)
    assert QGuiApplication.clipboard().text() == "text 1\tlabel 1\ntext 2\tlabel 2"
    hand.click(4, 0)
    hand.key(Key.Key_C, CTRL)
    assert QGuiApplication.clipboard().text().splitlines() == [
        "#\ttext\tlabel\tanswer\tsource",
        "5\ttext 4\tlabel 4\tanswer 4\tsource 4",
    ]
    cells.go_to(1, "label")
    hand.key(Key.Key_Space, CTRL)
    hand.key(Key.Key_C, CTRL)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert (lines[0], lines[1], len(lines)) == ("label", "label 0", 1001)
    assert said == ["2 rows × 2 columns copied.", "1 row copied.", "1,000 rows × 1 column copied."]


def test_that_a_hundred_thousand_rows_are_copied_without_a_stall(cells: DataTable, hand, qtbot) -> None:
    cells.model().reset(150_000)
    hand.key(Key.Key_A, CTRL)
    QGuiApplication.clipboard().setText("before")
    with qtbot.waitSignal(cells.copied, timeout=30_000) as told:
        began = time.perf_counter()
        hand.key(Key.Key_C, CTRL)
        assert time.perf_counter() - began < 1
        assert QGuiApplication.clipboard().text() == "before"
    assert told.args == ["100,000 of 150,000 rows copied."]
    assert QGuiApplication.clipboard().text().count("\n") == 100_000


def test_that_a_copy_ends_when_the_rows_change(cells: DataTable, hand, qtbot) -> None:
    cells.model().reset(150_000)
    hand.key(Key.Key_A, CTRL)
    QGuiApplication.clipboard().setText("before")
    with qtbot.assertNotEmitted(cells.copied, wait=200):
        hand.key(Key.Key_C, CTRL)
        cells.model().reset(5)
    assert QGuiApplication.clipboard().text() == "before"


def test_that_the_cursor_set_from_outside_begins_a_new_block(cells: DataTable, hand) -> None:
    hand.drag((1, 1), (4, 2))
    cells.setCurrentIndex(cells.model().index(7, 1))
    hand.key(Key.Key_Down, SHIFT)
    assert cells.selected() == Selected(ranges=((7, 8),), columns=(1,))


def test_that_wishes_carry_the_block(cells: DataTable, hand, qtbot) -> None:
    hand.drag((1, 1), (4, 1))
    for key, modifiers, signal in (
        (Key.Key_D, (CTRL,), cells.fill_down_requested),
        (Key.Key_F, (), cells.flag_requested),
        (Key.Key_S, (), cells.star_requested),
        (Key.Key_Delete, (), cells.remove_requested),
    ):
        with qtbot.waitSignal(signal) as told:
            hand.key(key, *modifiers)
        assert told.args == [Selected(ranges=((1, 4),), columns=(1,))]


def test_that_next_and_previous_are_told_apart(cells: DataTable, hand) -> None:
    told: list[tuple[str, bool]] = []
    cells.next_flagged.connect(lambda back: told.append(("flag", back)))
    cells.find_next.connect(lambda back: told.append(("find", back)))
    hand.key(Key.Key_J, CTRL)
    hand.key(Key.Key_J, CTRL, SHIFT)
    hand.key(Key.Key_F3)
    hand.key(Key.Key_F3, SHIFT)
    assert told == [("flag", False), ("flag", True), ("find", False), ("find", True)]


def test_that_an_empty_table_takes_every_key(cells: DataTable, hand) -> None:
    cells.model().reset(0)
    for key in (Key.Key_Down, Key.Key_End, Key.Key_PageDown, Key.Key_F2, Key.Key_Space, Key.Key_Delete, Key.Key_X):
        hand.key(key)
        hand.key(key, CTRL)
        hand.key(key, SHIFT)
        hand.key(key, CTRL, SHIFT)
    assert not cells.selected()
