"""What the program says: banners, empty states, errors, details, toasts, progress."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from fintune_gui.project.errors import Problem
from fintune_gui.ui.widgets.card import Badge, Card, StatCard
from fintune_gui.ui.widgets.controls import Label
from fintune_gui.ui.widgets.feedback import Banner, Details, EmptyState, ErrorPanel, ProblemList, VerdictBanner, escape
from fintune_gui.ui.widgets.progress_strip import ProgressStrip, duration
from fintune_gui.ui.widgets.toasts import ToastArea

PROBLEM = Problem(code="x", what="It failed.", why="It was <b>full</b>.", todo="Empty it.", details="Traceback: x")


def buttons(widget: QWidget) -> list[str]:
    return [b.text() for b in widget.findChildren(QPushButton) if b.isVisibleTo(widget) and b.text()]


def press(widget: QWidget, text: str) -> None:
    next(b for b in widget.findChildren(QPushButton) if b.text() == text).click()


def test_that_a_banner_says_and_does(qtbot) -> None:
    done: list[str] = []
    banner = Banner("Flat.", "For 300 steps.", "warn", [("Stop", lambda: done.append("stop")), ("Go on", lambda: None)])
    qtbot.addWidget(banner)
    assert banner.accessibleName() == "Flat. For 300 steps."
    assert buttons(banner) == ["Stop", "Go on"]
    press(banner, "Stop")
    assert done == ["stop"]


def test_that_buttons_that_are_set_again_keep_the_focus_and_do_the_new_thing(qtbot) -> None:
    done: list[str] = []
    banner = Banner("One", actions=[("Stop", lambda: done.append("old"))])
    qtbot.addWidget(banner)
    banner.show()
    banner.activateWindow()
    assert QTest.qWaitForWindowActive(banner)
    button = banner.findChild(QPushButton)
    assert button is not None
    button.setFocus()
    banner.set("Two", actions=[("Stop", lambda: done.append("new"))])
    assert button.hasFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert done == ["new"]


@pytest.mark.parametrize("kind", ["banner", "panel"])
def test_that_the_keyboard_comes_to_the_buttons_before_the_details(qtbot, kind: str) -> None:
    actions = [("First", lambda: None), ("Second", lambda: None)]
    page = QWidget()
    layout = QVBoxLayout(page)
    if kind == "banner":
        widget: QWidget = Banner()
        layout.addWidget(widget)
        layout.addWidget(QPushButton("What follows"))
        widget.set("Lost.", "", "warn", actions, details="a trace")  # type: ignore[attr-defined]
    else:
        problem = Problem(code="x", what="It broke.", why="A wire.", todo="Mend it.", details="a trace")
        widget = ErrorPanel()
        layout.addWidget(widget)
        layout.addWidget(QPushButton("What follows"))
        widget.show_problem(problem, actions)  # type: ignore[attr-defined]
    qtbot.addWidget(page)
    page.show()
    found = []
    for _ in range(5):
        page.focusNextChild()
        focused = page.focusWidget()
        assert isinstance(focused, QPushButton)
        found.append(focused.text())
    assert found == ["First", "Second", "Details ›", "Copy", "What follows"]


def test_that_what_the_data_say_is_never_markup(qtbot) -> None:
    banner = Banner("<img src=x>", "a & b < c")
    qtbot.addWidget(banner)
    assert "&lt;img" in banner._label.text()
    assert escape("1 < 2 & 3\n") == "1 &lt; 2 &amp; 3<br>"
    label = Label("<b>bold</b>")
    qtbot.addWidget(label)
    assert label.textFormat() is Qt.TextFormat.PlainText


def test_that_an_error_has_three_sentences_a_way_out_and_details_to_copy(qtbot) -> None:
    done: list[bool] = []
    panel = ErrorPanel()
    qtbot.addWidget(panel)
    assert panel.isHidden()
    panel.show_problem(PROBLEM, [("Empty it", lambda: done.append(True))])
    panel.show()
    shown = [label.text() for label in panel.findChildren(Label) if label.isVisibleTo(panel)]
    assert [text for text in shown if text.endswith(".")] == ["It failed.", "It was <b>full</b>.", "Empty it."]
    assert not any("Traceback" in text for text in shown)
    press(panel, "Empty it")
    press(panel, "Copy")
    assert done == [True]
    assert QGuiApplication.clipboard().text() == "Traceback: x"
    panel.show_problem(None)
    assert panel.isHidden()


def test_that_details_are_closed_until_they_are_asked_for(qtbot) -> None:
    details = Details("secret words")
    qtbot.addWidget(details)
    details.show()
    assert not details._view.isVisible()
    details.toggle()
    assert details._view.isVisible()
    details.set_text("")
    assert details.isHidden()


def test_that_all_problems_are_listed_at_once(qtbot) -> None:
    problems = ProblemList()
    qtbot.addWidget(problems)
    problems.show_problems(
        [PROBLEM, Problem(code="y", what="And this.")], lambda problem: [(problem.code, lambda: None)]
    )
    problems.show()
    assert [banner.accessibleName().split(".")[0] for banner in problems.findChildren(Banner)] == [
        "It failed", "And this",
    ]  # fmt: skip
    assert buttons(problems) == ["x", "y"]
    problems.show_problems([])
    assert problems.isHidden()


def test_that_a_verdict_and_an_empty_state_can_be_read_aloud(qtbot) -> None:
    verdict, empty = VerdictBanner(), EmptyState("Nothing yet.", "Bring a file.", [("Choose", lambda: None)])
    for widget in (verdict, empty):
        qtbot.addWidget(widget)
    verdict.show_verdict("Better.", "F1 is 0.9.", "good")
    assert verdict.accessibleName() == "Better. F1 is 0.9."
    assert "Bring a file." in empty.accessibleName()
    assert buttons(empty) == ["Choose"]


def test_that_a_figure_is_read_with_its_name_and_note(qtbot) -> None:
    card = StatCard("Validation loss")
    qtbot.addWidget(card)
    card.show_value("0.412", "best at step 1,400", badge="↓ 3.1 %", tone="good")
    assert card.accessibleName() == "Validation loss: 0.412. ↓ 3.1 % best at step 1,400"


def test_that_a_badge_is_as_wide_as_its_words(qtbot) -> None:
    badge = Badge("12", "info")
    qtbot.addWidget(badge)
    narrow = badge.sizeHint().width()
    badge.set("1,204,000 rows", "warn")
    assert badge.sizeHint().width() > narrow
    assert badge.accessibleName() == "1,204,000 rows"


def test_that_a_cards_title_stays_at_the_top_whatever_is_below(qtbot) -> None:
    card = Card("Title")
    qtbot.addWidget(card)
    card.add_row("A line")
    card.resize(300, 500)
    card.show()
    assert card.title.geometry().bottom() < 60


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (40, "40 s"), (59.6, "60 s"), (660, "11 min"), (3600, "1 h"), (12_000, "3 h 20 min")],
)
def test_that_a_duration_is_said_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_that_progress_tells_stage_amount_rate_and_time_left(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    strip = ProgressStrip()
    qtbot.addWidget(strip)
    strip.start("Reading")
    assert (strip.bar.minimum(), strip.bar.maximum()) == (0, 0)  # nobody knows how long
    strip.report("Reading", 0, 1000, "rows")
    now[0] += 10
    strip.report("Reading", 250, 1000, "rows")
    assert strip.accessibleName() == "Reading 250 of 1,000 rows · 25 rows/s · 30 s left"
    assert strip.bar.value() == 250
    strip.finish()
    assert strip.isHidden()


def test_that_cancel_is_pressed_once_and_waits_for_the_end(qtbot) -> None:
    strip = ProgressStrip()
    qtbot.addWidget(strip)
    strip.start("Reading")
    with qtbot.waitSignal(strip.cancelled):
        press(strip, "Cancel")
    assert not strip._cancel.isEnabled()
    strip.start("Again")
    assert strip._cancel.isEnabled()


@pytest.fixture
def area(qtbot) -> Iterator[ToastArea]:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(900, 600)
    made = ToastArea(window)
    window.show()
    yield made
    window.close()


def test_that_toasts_stay_at_the_corner_and_inside(area: ToastArea, qtbot) -> None:
    area.add("Saved", "Everything is on disk.", seconds=None)
    qtbot.wait(20)
    window = area.parentWidget()
    assert window is not None
    assert window.rect().contains(area.geometry())
    window.resize(700, 500)
    qtbot.wait(20)
    assert window.rect().contains(area.geometry())


def test_that_a_toast_goes_by_itself_and_an_error_does_not(area: ToastArea, qtbot) -> None:
    area.add("Fleeting", seconds=0.05)
    area.add("Error", tone="bad", seconds=None, details="Traceback")
    qtbot.waitUntil(lambda: [toast.accessibleName().strip() for toast in area.toasts()] == ["Error"])
    area.toasts()[0].go()
    assert area.toasts() == []
    assert area.isHidden()


def test_that_toasts_never_fill_the_window(area: ToastArea) -> None:
    for number in range(20):
        area.add(f"Message {number}", seconds=None)
    assert len(area.toasts()) == 4
    assert area.toasts()[-1].accessibleName().strip() == "Message 19"


def test_that_acting_on_a_toast_closes_it(area: ToastArea) -> None:
    done: list[bool] = []
    area.add("Interrupted", actions=[("Resume", lambda: done.append(True))], seconds=None)
    press(area, "Resume")
    assert done == [True]
    assert area.toasts() == []
