"""Parts of the detail pane: growing texts, conversations, differences, and the question above a table."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from fintune_gui.ui.shortcuts import add_actions
from fintune_gui.ui.widgets.ask_bar import AskBar, Question
from fintune_gui.ui.widgets.conversation_view import TURNS_AT_ONCE, ConversationView
from fintune_gui.ui.widgets.difference import difference_html
from fintune_gui.ui.widgets.growing_text import GrowingText

Key = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def field(qtbot) -> GrowingText:
    field = GrowingText("Text")
    qtbot.addWidget(field)
    field.resize(300, 40)
    field.show_text("one")
    field.show()
    qtbot.waitExposed(field)
    field.setFocus()
    return field


def test_that_a_field_grows_with_its_text_up_to_its_limit(field) -> None:
    low = field.height()
    field.show_text("\n".join("line" for _ in range(5)))
    assert field.height() > 3 * low
    field.set_most(60)
    field.show_text("\n".join("line" for _ in range(5000)))
    assert field.height() <= 70


def test_that_undo_in_a_field_is_for_typing_and_after_a_commit_for_the_page(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    pressed: list[str] = []
    names = ("continue", "undo", "redo", "new", "open", "keys", "quit", "palette")
    add_actions(window, {name: lambda name=name: pressed.append(name) for name in names}, lambda _step: None)
    field = GrowingText("Text", window)
    field.show_text("one")
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    field.setFocus()

    qtbot.keyClicks(field, "x")
    qtbot.keyClick(field, Key.Key_Z, CTRL)
    assert (field.text(), pressed) == ("one", [])
    qtbot.keyClicks(field, "y")
    with qtbot.waitSignal(field.committed) as told:
        qtbot.keyClick(field, Key.Key_Return, CTRL)
    assert told.args == ["yone"]
    qtbot.keyClick(field, Key.Key_Z, CTRL)
    assert (field.text(), pressed) == ("yone", ["undo"])


def test_that_nothing_is_told_without_a_change(qtbot, field) -> None:
    with qtbot.assertNotEmitted(field.committed):
        field.commit()
        qtbot.keyClicks(field, "x")
        qtbot.keyClick(field, Key.Key_Backspace)
        field.commit()


def test_that_a_long_conversation_is_shown_bit_by_bit(qtbot) -> None:
    view = ConversationView()
    qtbot.addWidget(view)
    view.show()
    turns = [SimpleNamespace(role="user" if n % 2 == 0 else "assistant", content=f"turn {n}") for n in range(50)]
    view.show_turns(turns, editable=True)
    assert len(view.fields) == TURNS_AT_ONCE
    assert view.more.text() == "Show 20 more of 50 turns"
    view.show_more()
    view.show_more()
    assert [field.text() for field in view.fields] == [turn.content for turn in turns]
    assert view.more.isHidden()

    view.show_turns(turns[:2], editable=False)
    assert len(view.fields) == 2
    assert view.fields[0].isReadOnly()


def test_that_a_difference_is_told_word_by_word(qapp) -> None:
    html = difference_html("My bill is wrong", "My invoice is wrong")
    assert html.startswith("My <span")
    assert "line-through" in html.split("bill")[0]
    assert html.endswith(" is wrong")
    assert difference_html("a <b>", "a <b>") == "a &lt;b&gt;"


def test_that_long_texts_are_compared_quickly_and_where_they_differ(qapp) -> None:
    before = "word " * 40_000
    after = before[:100_000] + "other " + before[100_000:]
    began = time.perf_counter()
    html = difference_html(before, after)
    assert time.perf_counter() - began < 2
    assert "other" in html
    assert "line-through" not in html
    assert "characters as before" in html
    assert len(html) < 20_000


def test_that_texts_that_share_nothing_are_shown_one_after_the_other(qapp) -> None:
    html = difference_html("a b " * 3000, "c d " * 3000)
    assert html.index("line-through") < html.index("underline")


def test_that_a_question_is_answered_with_enter_or_let_be_with_escape(qtbot) -> None:
    bar = AskBar()
    qtbot.addWidget(bar)
    answers: list[tuple[str, object]] = []
    question = Question(
        "Set “label” to",
        "Set",
        lambda answer: answers.append((answer.text, answer.choice)),
        "billing",
        choices=[("in all 9 rows", "all"), ("in the 2 chosen rows", "some")],
        check=lambda answer: "" if answer.text else "Say something.",
    )
    bar.ask(question)
    assert bar.choice.value() == "all"
    bar.field.clear()
    assert bar.note.text() == "Say something."
    qtbot.keyClick(bar.field, Key.Key_Return)
    assert answers == []
    qtbot.keyClicks(bar.field, "bug")
    bar.choice.set_value("some")
    qtbot.keyClick(bar.field, Key.Key_Return)
    assert answers == [("bug", "some")]
    assert bar.isHidden()

    bar.ask(question)
    qtbot.keyClick(bar.field, Key.Key_Escape)
    assert len(answers) == 1
