"""Editing in place with the keys of a spreadsheet."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from fintune_gui.ui.widgets.cell_editor import CellEditor
from fintune_gui.ui.widgets.data_table import DataTable

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Key = Qt.Key


def editor() -> QLineEdit | CellEditor:
    widget = QApplication.focusWidget()
    assert isinstance(widget, QLineEdit | CellEditor)
    return widget


def test_that_typing_takes_the_place_of_the_text(cells: DataTable, hand) -> None:
    cells.go_to(2, "text")
    hand.key(Key.Key_N)
    QTest.keyClicks(editor(), "ew words")
    QTest.keyClick(editor(), Key.Key_Return)
    assert cells.model().edited == {(2, 1): "new words"}
    assert cells.current_cell() == (3, "text")
    assert cells.hasFocus()


def test_that_esc_reverts(cells: DataTable, hand) -> None:
    cells.go_to(2, "text")
    hand.key(Key.Key_N)
    QTest.keyClick(editor(), Key.Key_Escape)
    assert cells.model().edited == {}
    assert cells.current_cell() == (2, "text")
    assert cells.hasFocus()


def test_that_enter_and_f2_open_the_text_and_looking_changes_nothing(cells: DataTable, hand) -> None:
    for key in (Key.Key_Return, Key.Key_F2):
        cells.go_to(2, "text")
        hand.key(key)
        assert editor().text() == "text 2"
        QTest.keyClick(editor(), Key.Key_Return)
    assert cells.model().edited == {}


def test_that_tab_commits_and_goes_on_over_what_cannot_be_edited(cells: DataTable, hand) -> None:
    cells.go_to(2, "label")
    hand.key(Key.Key_X)
    QTest.keyClick(editor(), Key.Key_Tab)
    assert cells.current_cell() == (2, "answer")
    QTest.keyClicks(editor(), "y")
    QTest.keyClick(editor(), Key.Key_Tab)
    assert cells.current_cell() == (3, "text")
    QTest.keyClick(editor(), Key.Key_Backtab, SHIFT)
    assert cells.current_cell() == (2, "answer")
    QTest.keyClick(editor(), Key.Key_Escape)
    assert cells.model().edited == {(2, 2): "x", (2, 3): "y"}


def test_that_tab_follows_the_columns_as_they_stand(cells: DataTable, hand) -> None:
    cells.columns.move(3, 1)
    cells.hide_column("text")
    cells.go_to(0, "answer")
    hand.key(Key.Key_F2)
    QTest.keyClick(editor(), Key.Key_Tab)
    assert cells.current_cell() == (0, "label")
    QTest.keyClick(editor(), Key.Key_Escape)


def test_that_letters_are_commands_only_while_nothing_is_edited(cells: DataTable, hand, qtbot) -> None:
    cells.go_to(2, "text")
    with qtbot.waitSignal(cells.flag_requested):
        hand.key(Key.Key_F)
    with qtbot.assertNotEmitted(cells.flag_requested), qtbot.assertNotEmitted(cells.detail_requested):
        QTest.sendKeyEvent(QTest.KeyAction.Click, cells, Key.Key_S, "S", SHIFT)  # a capital letter begins a text
        QTest.keyClicks(editor(), "o far")
        assert editor().text() == "So far"
        QTest.keyClick(editor(), Key.Key_Escape)


def test_that_a_column_that_cannot_be_edited_opens_no_editor(cells: DataTable, hand) -> None:
    cells.go_to(2, "source")
    for key in (Key.Key_F2, Key.Key_Return, Key.Key_X):
        hand.key(key)
        assert cells.state() == DataTable.State.NoState


def test_that_a_click_elsewhere_commits_and_stays_there(cells: DataTable, hand) -> None:
    cells.go_to(2, "text")
    hand.key(Key.Key_N)
    hand.click(5, 2)
    assert cells.model().edited == {(2, 1): "n"}
    assert cells.current_cell() == (5, "label")


def test_that_a_double_click_edits(cells: DataTable, hand) -> None:
    QTest.mouseDClick(cells.viewport(), Qt.MouseButton.LeftButton, pos=hand.at(3, 1))
    assert editor().text() == "text 3"
    QTest.keyClick(editor(), Key.Key_Escape)


def test_that_ctrl_enter_commits_a_long_text_and_nothing_else(cells: DataTable, hand) -> None:
    pressed: list[int] = []
    shortcut = QShortcut(QKeySequence("Ctrl+Return"), cells)
    shortcut.activated.connect(lambda: pressed.append(1))
    cells.model().edited[2, 1] = "long " * 40
    cells.go_to(2, "text")
    hand.key(Key.Key_F2)
    assert isinstance(editor(), CellEditor)
    QTest.keyClicks(editor(), "short")
    QTest.keyClick(editor(), Key.Key_Return, SHIFT)
    QTest.keyClicks(editor(), "now")
    QTest.keyClick(editor(), Key.Key_Return, CTRL)
    assert cells.model().edited[2, 1] == "short\nnow"
    cells.go_to(4, "label")
    hand.key(Key.Key_X)
    QTest.keyClick(editor(), Key.Key_Return, CTRL)
    assert cells.model().edited[4, 2] == "x"
    assert pressed == []


def test_that_a_pasted_block_is_told_with_its_text(cells: DataTable, hand, qtbot) -> None:
    QGuiApplication.clipboard().setText("a\tb\nc\td")
    with qtbot.waitSignal(cells.paste_requested) as told:
        hand.key(Key.Key_V, CTRL)
    assert told.args == ["a\tb\nc\td"]
