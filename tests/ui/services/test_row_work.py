"""Changes off the window's thread: one at a time, whichever page asks for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fintune_gui.dataset.store import Dataset
from fintune_gui.ui.services.background import Task
from fintune_gui.ui.services.row_work import RowWork
from fintune_gui.ui.services.session import ProjectSession
from tests.helpers.bench import BenchPage, bring_rows, idle
from tests.helpers.pages import opened_session, shown_page


@pytest.fixture
def session(qapp, tmp_path: Path) -> Iterator[ProjectSession]:
    with opened_session(tmp_path / "project") as session:
        bring_rows(session, tmp_path / "rows.csv", "text,label\n" + "one,a\n" * 4)
        yield session


def test_that_an_edit_on_one_page_does_not_wait_for_a_long_change_on_another(qtbot, session) -> None:
    """It would hold up the window, for as long as the rows are locked."""
    here, there = (shown_page(qtbot, session, BenchPage).bench for _ in range(2))
    for bench in (here, there):
        bench.load()
        idle(qtbot, bench)
    begun, go_on = threading.Event(), threading.Event()

    def long_change(dataset: Dataset, _task: Task) -> None:
        with dataset._lock:
            begun.set()
            go_on.wait(20)

    assert here.work.start("Changing", long_change)
    assert begun.wait(20)
    assert not there.editing.edit(0, "text", "two")
    go_on.set()
    qtbot.waitUntil(lambda: not here.work.busy)
    assert there.editing.edit(0, "text", "two")


def test_that_closing_the_project_ends_the_work_and_changes_nothing(qtbot, session) -> None:
    work, begun, ended = RowWork.of(session), threading.Event(), []

    def endless(_dataset: Dataset, task: Task) -> None:
        begun.set()
        while True:
            task.check_cancelled()

    work.done.connect(lambda: ended.append(True))
    assert work.start("Working", endless, can_cancel=True)
    assert begun.wait(20)
    session.close()
    qtbot.waitUntil(lambda: bool(ended))
    assert not work.busy
