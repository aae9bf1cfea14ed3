"""Buttons and fields: what they emit, and what the wheel and the keys do with them."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from fintune_gui.project.document import Role
from fintune_gui.ui.theme import tokens
from fintune_gui.ui.theme.theme import style_sheet
from fintune_gui.ui.widgets.controls import (
    Button,
    CheckBox,
    Clickable,
    ComboBox,
    ElidedLabel,
    LineEdit,
    MenuButton,
    SpinBox,
    set_shown,
)
from fintune_gui.ui.widgets.search_field import SearchField
from fintune_gui.ui.widgets.segmented import Segmented


def shown(qtbot, widget: QWidget) -> QWidget:
    qtbot.addWidget(widget)
    widget.show()
    widget.activateWindow()
    assert QTest.qWaitForWindowActive(widget)
    widget.setFocus()
    return widget


def test_that_a_choice_gives_back_the_very_value_it_was_given(qtbot) -> None:
    box = ComboBox("Role", [("Not used", None), ("Text", Role.TEXT), ("Label", Role.LABEL)])
    qtbot.addWidget(box)
    told: list[object] = []
    box.chosen.connect(told.append)
    box.set_value(Role.LABEL)
    assert box.value() is Role.LABEL  # and not the string that Qt would make of it
    assert told == []
    box.activated.emit(1)
    assert told == [Role.TEXT]
    assert box.findData(Role.TEXT) == 1
    assert box.findData("nothing") == -1


def test_that_new_choices_keep_the_chosen_one_if_it_is_still_there(qtbot) -> None:
    box = ComboBox("Column", [("a", "a"), ("b", "b")])
    qtbot.addWidget(box)
    box.set_value("b")
    box.set_choices([("x", "x"), ("b", "b"), ("c", "c")])
    assert box.value() == "b"
    box.set_choices([("x", "x")])
    assert box.value() == "x"
    box.set_choices([])
    assert box.value() is None


def test_that_the_wheel_is_left_to_the_page(qtbot) -> None:
    box = SpinBox("Number")
    shown(qtbot, box)
    before = box.value()
    wheel = QWheelEvent(
        QPointF(5, 5), box.mapToGlobal(QPointF(5, 5)), QPoint(0, 120), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, wheel)
    assert box.value() == before
    assert not wheel.isAccepted()


def test_that_a_line_is_told_once_it_is_finished(qtbot) -> None:
    edit = LineEdit("Name", "old")
    shown(qtbot, edit)
    told: list[str] = []
    edit.committed.connect(told.append)
    edit.selectAll()
    QTest.keyClicks(edit, "new")
    assert told == []
    QTest.keyClick(edit, Qt.Key.Key_Return)
    QTest.keyClick(edit, Qt.Key.Key_Return)
    edit.clearFocus()
    assert told == ["new"]


def test_that_a_value_from_outside_is_not_told_back(qtbot) -> None:
    edit = LineEdit("Name", "old")
    shown(qtbot, edit)
    told: list[str] = []
    edit.committed.connect(told.append)
    edit.set_text("from disk")
    edit.clearFocus()
    assert edit.text() == "from disk"
    assert told == []


def test_that_escape_empties_the_search_and_tells_it(qtbot) -> None:
    field = SearchField("Search", "Search rows")
    shown(qtbot, field)
    told: list[str] = []
    field.committed.connect(told.append)
    QTest.keyClicks(field, "billing")
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert told == ["billing", ""]


def test_that_a_button_does_its_work_without_arguments(qtbot) -> None:
    done: list[tuple[object, ...]] = []
    button = Button("Go", lambda *args: done.append(args))
    shown(qtbot, button)
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert done == [()]
    assert button.accessibleName() == "Go"


def test_that_a_button_with_only_an_icon_has_a_name(qtbot) -> None:
    button = Button("Next row", kind="icon", icon_name="forward")
    qtbot.addWidget(button)
    assert button.text() == ""
    assert button.accessibleName() == "Next row"
    assert button.toolTip() == "Next row"


def test_that_entries_of_a_menu_act(qtbot) -> None:
    done: list[str] = []
    button = MenuButton("Add", [("Trim", lambda: done.append("trim")), None, ("Mask", lambda: done.append("mask"))])
    qtbot.addWidget(button)
    for action in button.menu().actions():
        action.trigger()
    assert done == ["trim", "mask"]


def test_that_one_of_several_buttons_is_pressed(qtbot) -> None:
    parts = Segmented("Part", [("Train", "train"), ("Test", "test")])
    shown(qtbot, parts)
    told: list[object] = []
    parts.chosen.connect(told.append)
    assert parts.value() == "train"
    parts._group.button(1).click()
    assert told == ["test"]
    parts.set_value("train")
    assert told == ["test"]


def test_that_a_card_is_pressed_with_mouse_and_keys(qtbot) -> None:
    card = Clickable("Open")
    card.resize(50, 50)
    shown(qtbot, card)
    pressed: list[bool] = []
    card.clicked.connect(lambda: pressed.append(True))
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    QTest.mouseClick(card, Qt.MouseButton.RightButton)
    QTest.keyClick(card, Qt.Key.Key_Return)
    QTest.keyClick(card, Qt.Key.Key_Space)
    QTest.keyClick(card, Qt.Key.Key_A)
    assert len(pressed) == 3


def test_that_words_without_room_are_in_the_tool_tip(qtbot) -> None:
    label = ElidedLabel("A sentence that is longer than the room it has got")
    qtbot.addWidget(label)
    label.resize(60, 20)
    label.show()
    assert label.toolTip() == label.text()
    label.resize(600, 20)
    assert label.toolTip() == ""


def test_that_a_tick_is_drawn_when_checked(qtbot) -> None:
    box = CheckBox("Whole words")
    shown(qtbot, box)
    plain = box.grab().toImage()
    box.setChecked(True)
    assert box.grab().toImage() != plain


def test_that_a_tick_is_seen_also_where_it_cannot_be_changed(qtbot) -> None:
    card = QWidget()
    card.setStyleSheet(f"{style_sheet(tokens())} QWidget {{ background: {tokens().surface} }}")
    box = CheckBox("Whole words", card)
    shown(qtbot, card)
    box.setEnabled(False)
    empty = card.grab().toImage()
    box.setChecked(True)
    ticked = card.grab().toImage()
    places = [(x, y) for x in range(ticked.width()) for y in range(ticked.height())]
    change = max(abs(ticked.pixelColor(x, y).lightness() - empty.pixelColor(x, y).lightness()) for x, y in places)
    assert change > 60


def test_that_a_part_without_a_parent_is_not_shown_as_a_window(qtbot) -> None:
    part = QWidget()
    set_shown(part, shown=True)
    assert not part.isVisible()
    owner = QWidget()
    qtbot.addWidget(owner)
    part.setParent(owner)
    owner.show()
    assert part.isVisible()
    set_shown(part, shown=False)
    assert not part.isVisible()
