"""Work off the window's thread: what comes back, what is shown, and what never comes back."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QObject, QThread
from PySide6.QtTest import QTest

from fintune_gui.project.errors import CancelledError, DataError
from fintune_gui.ui.services.background import Task, inline_background, run_in_background
from fintune_gui.ui.services.notifications import Notification


def test_that_work_leaves_the_windows_thread_and_its_result_comes_back(qtbot) -> None:
    owner, main = QObject(), QThread.currentThread()
    where: list[bool] = []

    def work(_task: Task) -> int:
        where.append(QThread.currentThread() is main)
        return 42

    results: list[int] = []

    def success(value: int) -> None:
        where.append(QThread.currentThread() is main)
        results.append(value)

    run_in_background(owner, work, success=success)
    qtbot.waitUntil(lambda: results == [42])
    assert where == [False, True]


def test_that_a_failure_is_shown_unless_it_is_handled(qtbot, said: list[Notification]) -> None:
    owner = QObject()
    caught: list[Exception] = []

    def fail(_task: Task) -> None:
        raise DataError("data.empty", "The file is empty.", "It has no rows.", "Choose another.")

    run_in_background(owner, fail, success=print)
    qtbot.waitUntil(lambda: bool(said))
    assert said[0].title == "The file is empty."
    assert said[0].tone == "bad"
    said.clear()
    run_in_background(owner, fail, success=print, failure=caught.append)
    qtbot.waitUntil(lambda: bool(caught))
    assert said == []


def test_that_a_defect_is_shown_with_its_traceback(qtbot, said: list[Notification]) -> None:
    owner = QObject()
    run_in_background(owner, lambda _task: 1 // 0, success=print)
    qtbot.waitUntil(lambda: bool(said))
    assert said[0].problem is not None
    assert "ZeroDivisionError" in said[0].problem.details
    assert "ZeroDivisionError" not in said[0].title + said[0].text


def test_that_a_cancel_ends_the_work_and_is_not_shown(qtbot, said: list[Notification]) -> None:
    owner, started, ends = QObject(), threading.Event(), []

    def work(task: Task) -> None:
        started.set()
        while True:
            task.check_cancelled()
            QThread.msleep(2)

    task = run_in_background(owner, work, success=print)
    task.ended.connect(lambda: ends.append(True))
    assert started.wait(10)
    task.cancel()
    qtbot.waitUntil(lambda: ends == [True])
    assert said == []


def test_that_nothing_is_called_once_the_owner_is_gone(qtbot) -> None:
    owner, go, called, ended = QObject(), threading.Event(), [], []

    def work(task: Task) -> str:
        go.wait(10)
        ended.append(True)
        return "late"

    run_in_background(owner, work, success=called.append, failure=called.append)
    owner.deleteLater()
    QTest.qWait(20)
    go.set()
    qtbot.waitUntil(lambda: ended == [True])
    QTest.qWait(50)
    assert called == []


def test_that_progress_comes_at_a_pace_the_window_can_follow(qtbot) -> None:
    owner, told, done = QObject(), [], []

    def work(task: Task) -> None:
        for number in range(20_000):
            task.report("counting", number, 20_000)

    run_in_background(owner, work, success=done.append, progress=told.append)
    qtbot.waitUntil(lambda: done == [None])
    assert told[0] == ("counting", 0, 20_000)
    assert len(told) < 100


def test_that_inline_work_is_done_before_the_call_returns(qapp: object) -> None:
    results: list[int] = []
    with inline_background():
        run_in_background(QObject(), lambda _task: 7, success=results.append)
        assert results == [7]


def test_that_check_cancelled_is_silent_until_cancelled(qapp: object) -> None:
    task = Task()
    task.check_cancelled()
    task.cancel()
    with pytest.raises(CancelledError):
        task.check_cancelled()
