"""The bridge between "something happened" and the user's eyes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Slot

from fintune_gui.project.errors import CancelledError, DataError
from fintune_gui.ui.services import notifications as module
from fintune_gui.ui.services.notifications import Notification, Notifications, problem_of


class Listener(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Notification] = []

    @Slot(object)
    def hear(self, notification: Notification) -> None:
        self.heard.append(notification)


@pytest.fixture
def bridge(qapp: object) -> Notifications:
    return Notifications()


def test_that_what_is_said_before_there_is_a_window_is_kept(bridge: Notifications) -> None:
    bridge.say("Early")
    listener = Listener()
    bridge.listen(listener.hear)
    bridge.say("Late")
    assert [notification.title for notification in listener.heard] == ["Early", "Late"]


def test_that_words_of_other_threads_arrive_in_the_windows_thread(bridge: Notifications, qtbot) -> None:
    listener = Listener()
    bridge.listen(listener.hear)
    thread = threading.Thread(target=lambda: bridge.say("From elsewhere"))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(listener.heard) == 1)


def test_that_an_error_is_told_in_its_three_sentences(bridge: Notifications) -> None:
    bridge.show_error(DataError("data.empty", "What.", "Why.", "Todo."))
    (told,) = bridge._waiting
    assert (told.title, told.text, told.tone, told.seconds) == ("What.", "Why. Todo.", "bad", None)


def test_that_a_cancel_is_no_failure(bridge: Notifications) -> None:
    bridge.show_error(CancelledError())
    assert bridge._waiting == []


def test_that_a_withdrawn_notification_is_not_shown_later(bridge: Notifications) -> None:
    bridge.say("Old news", key="news")
    bridge.withdraw("news")
    assert bridge._waiting == []


def test_that_a_defect_hides_its_technical_side_behind_details() -> None:
    try:
        {}["x"]
    except KeyError as error:
        problem = problem_of(error)
    assert "KeyError" in problem.details
    assert "KeyError" not in str(problem)


@pytest.fixture
def hooks(qapp: object) -> Iterator[None]:
    from PySide6.QtCore import qInstallMessageHandler

    before = sys.excepthook, threading.excepthook
    module.install_hooks()
    yield
    sys.excepthook, threading.excepthook = before
    qInstallMessageHandler(None)


@pytest.mark.expects_log("Unhandled exception")
def test_that_an_exception_nobody_caught_is_shown(hooks: None, said: list[Notification]) -> None:
    sys.excepthook(ValueError, ValueError("boom"), None)
    assert said[-1].problem is not None
    assert "boom" in said[-1].problem.details


@pytest.mark.expects_log("Unhandled exception in a thread")
def test_that_an_exception_of_a_thread_is_shown(hooks: None, said: list[Notification]) -> None:
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    assert said[-1].problem is not None
    assert "ZeroDivisionError" in said[-1].problem.details
