"""The rail says for every step what is true now, in words as well as in marks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from fintune_gui.project.flow import State, Step, StepState
from fintune_gui.ui.widgets.project_menu import ProjectMenu
from fintune_gui.ui.widgets.rail import Rail


@pytest.fixture
def rail(qtbot) -> Iterator[Rail]:
    window = QWidget()
    qtbot.addWidget(window)
    made = Rail(ProjectMenu(window, "system"), window)
    made.resize(248, 760)
    window.resize(300, 760)
    window.show()
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    yield made
    window.close()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("todo", "5, Split, to do, line"),
        ("done", "5, Split, done, line"),
        ("stale", "5, Split, out of date, line, The rows were changed since."),
        ("failed", "5, Split, failed, line, The rows were changed since."),
        ("running", "5, Split, running, line"),
    ],
)
def test_that_each_state_has_a_word_and_a_look_of_its_own(rail: Rail, state: State, words: str) -> None:
    item = rail.items[Step.SPLIT]
    looks = []
    for other in ("todo", "done", "stale", "failed", "running"):
        reason = "The rows were changed since." if other in ("stale", "failed") else ""
        item.show_state(StepState.model_validate({"step": "split", "state": other, "line": "line", "reason": reason}))
        if other == state:
            assert item.accessibleName() == words
        looks.append(item.grab().toImage())
    assert all(a != b for place, a in enumerate(looks) for b in looks[:place])


def test_that_the_current_step_is_marked_and_takes_the_focus_along(rail: Rail) -> None:
    rail.set_current(Step.DATA)
    rail.items[Step.DATA].setFocus()
    rail.set_current(Step.MODEL)
    assert rail.items[Step.MODEL].hasFocus()
    assert "shown now" in rail.items[Step.MODEL].accessibleName()
    assert "shown now" not in rail.items[Step.DATA].accessibleName()


def test_that_the_arrows_go_round(rail: Rail) -> None:
    rail.set_current(Step.OBJECTIVE)
    rail.items[Step.OBJECTIVE].setFocus()
    QTest.keyClick(rail.items[Step.OBJECTIVE], Qt.Key.Key_Up)
    assert rail.items[Step.EXPORT].hasFocus()


def test_that_a_renaming_can_be_given_up(rail: Rail) -> None:
    told: list[str] = []
    rail.renamed.connect(told.append)
    rail.name.set_name("Support routing")
    rail.name.edit()
    QTest.keyClicks(rail.name._field, "Nonsense")
    QTest.keyClick(rail.name._field, Qt.Key.Key_Escape)
    assert told == []
    rail.name.edit()
    rail.name._field.clear()
    QTest.keyClick(rail.name._field, Qt.Key.Key_Return)
    assert told == []  # a project has a name


def test_that_a_long_name_is_cut_and_told_in_full(rail: Rail) -> None:
    name = "Support routing for the whole of Northern Europe, second attempt"
    rail.name.set_name(name)
    assert rail.name._button.text() != name
    assert rail.name._button.toolTip() == name
    assert rail.width() == 248


def test_that_memory_is_shown_with_a_warning_when_it_gets_short(rail: Rail) -> None:
    rail.show_memory("This computer", 5e9, 16e9)
    assert rail._memory_text.text() == "This computer · 5 of 16 GB"
    assert rail._memory.property("tone") == ""
    rail.show_memory("This computer", 15.6e9, 16e9)
    assert rail._memory.property("tone") == "bad"
