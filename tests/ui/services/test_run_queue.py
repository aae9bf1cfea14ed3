"""Runs that wait: one at a time, in order, and not forgotten by a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.project.events import Ended, read_events
from fintune_gui.project.spec import EVENTS_FILE, PrepareSpec, write_spec
from fintune_gui.ui.services.jobs import JobRunner
from fintune_gui.ui.services.notifications import Notification
from fintune_gui.ui.services.run_queue import WAITING_FILE, QueueView, RunQueue
from fintune_gui.ui.widgets.controls import Button, Label
from tests.helpers.children import start_child

UNTIL_TOLD = """
checkpoint()
word = commands.wait()
writer(Ended(outcome="interrupted" if word == HANGUP else "stopped"))
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("fintune_gui.ui.services.jobs._start_process", lambda folder: start_child(folder, UNTIL_TOLD))
    for number in range(1, 5):
        write_spec(tmp_path / "runs" / f"{number:04d}", PrepareSpec(name="stand-in"))
    return tmp_path / "runs"


@pytest.fixture
def jobs(qapp: object) -> JobRunner:
    return JobRunner()


@pytest.fixture
def queue(jobs: JobRunner, runs: Path) -> RunQueue:
    queue = RunQueue(jobs, jobs)
    queue.watch(runs)
    return queue


def names(folders: list[Path]) -> list[str]:
    return [folder.name for folder in folders]


def at_work(jobs: JobRunner) -> list[str]:
    return names([thread.folder for thread in jobs.running])


def end_all(qtbot, jobs: JobRunner, queue: RunQueue) -> None:
    for folder in queue.waiting:
        queue.remove(folder)
    jobs.leave_all()
    qtbot.waitUntil(lambda: not jobs.running, timeout=30_000)


def outcomes(folder: Path) -> list[str]:
    return [event.outcome for event in read_events(folder / EVENTS_FILE) if isinstance(event, Ended)]


def test_that_a_second_run_begins_when_the_first_has_ended(qtbot, jobs, queue: RunQueue, runs: Path) -> None:
    assert not queue.add(runs / "0001")
    assert queue.add(runs / "0003")
    assert queue.add(runs / "0002")
    assert (at_work(jobs), names(queue.waiting)) == (["0001"], ["0002", "0003"])
    for number, then in (("0001", "0002"), ("0002", "0003")):
        jobs.job(runs / number).stop()
        qtbot.waitUntil(lambda then=then: at_work(jobs) == [then], timeout=30_000)
        assert outcomes(runs / number) == ["stopped"]
    assert list(runs.glob(f"*/{WAITING_FILE}")) == []
    end_all(qtbot, jobs, queue)


def test_that_a_run_that_is_killed_is_told_before_the_next_begins(
    qtbot, jobs, queue: RunQueue, runs: Path, said: list[Notification]
) -> None:
    queue.add(runs / "0001")
    queue.add(runs / "0002")
    heard: list[object] = []
    jobs.job(runs / "0001").events.connect(heard.extend)
    qtbot.waitUntil(lambda: len(heard) >= 2, timeout=30_000)
    jobs.job(runs / "0001").kill()
    qtbot.waitUntil(lambda: at_work(jobs) == ["0002"], timeout=30_000)
    assert said[-1].title == "Run 1: The run was interrupted."
    assert "killed from outside" in said[-1].text
    assert said[-1].text.endswith("The next one begins.")
    end_all(qtbot, jobs, queue)
    said.clear()


def test_that_closing_the_window_starts_nothing(qtbot, jobs, queue: RunQueue, runs: Path) -> None:
    queue.add(runs / "0001")
    queue.add(runs / "0002")
    jobs.leave_all()
    qtbot.waitUntil(lambda: not jobs.running, timeout=30_000)
    assert outcomes(runs / "0001") == ["interrupted"]
    assert outcomes(runs / "0002") == []

    later = RunQueue(jobs, jobs)
    later.watch(runs)
    assert names(later.waiting) == ["0002"]
    assert at_work(jobs) == []
    later.start_next()
    assert (at_work(jobs), later.waiting) == (["0002"], [])
    end_all(qtbot, jobs, later)
    again = RunQueue(jobs, jobs)
    again.watch(runs)
    assert again.waiting == []


def test_that_a_run_that_is_removed_leaves_nothing(qtbot, jobs, queue: RunQueue, runs: Path) -> None:
    queue.add(runs / "0001")
    queue.add(runs / "0002")
    queue.remove(runs / "0002")
    assert queue.waiting == []
    assert not (runs / "0002").exists()
    queue.remove(runs / "0001")  # it is at work, and not in the queue
    assert at_work(jobs) == ["0001"]
    end_all(qtbot, jobs, queue)


def test_that_work_outside_of_the_runs_makes_no_run_wait(qtbot, jobs, queue: RunQueue, tmp_path: Path, runs) -> None:
    jobs.start(tmp_path / "jobs" / "import-0001")
    assert not queue.add(runs / "0001")
    end_all(qtbot, jobs, queue)


def test_that_a_marker_of_a_run_that_began_is_no_waiting_run(queue: RunQueue, runs: Path) -> None:
    (runs / "0001" / WAITING_FILE).write_text("{}")
    (runs / "0001" / EVENTS_FILE).write_text("")
    (runs / "0004" / WAITING_FILE).write_text("{}")
    queue.watch(runs)
    assert names(queue.waiting) == ["0004"]
    queue.watch(None)
    assert queue.waiting == []


def test_that_the_card_tells_what_waits_and_removes_it(qtbot, jobs, queue: RunQueue, runs: Path) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    view = QueueView(queue)
    QVBoxLayout(page).addWidget(view)
    page.show()

    def lines() -> list[str]:
        return [label.text() for label in view.findChildren(Label) if "Run" in label.text() and label.isVisible()]

    queue.watch(runs)
    assert view.isHidden()
    view.enqueue(runs / "0001")
    assert view.enqueue(runs / "0002")
    assert view.enqueue(runs / "0003")
    assert not view.isHidden()
    assert view.start.isHidden()
    expected = ["Run 2 starts by itself when the present one ends.", "Run 3 comes after it."]
    qtbot.waitUntil(lambda: lines() == expected)
    remove = next(
        b for b in view.findChildren(Button) if b.isVisible() and b.accessibleName() == "Remove run 3 from the queue"
    )
    remove.click()
    assert names(queue.waiting) == ["0002"]
    jobs.leave_all()
    qtbot.waitUntil(lambda: not jobs.running, timeout=30_000)
    qtbot.waitUntil(lambda: lines() == ["Run 2 was waiting when the program was closed."])
    assert not view.start.isHidden()
    view.start.click()
    assert at_work(jobs) == ["0002"]
    assert view.isHidden()
    end_all(qtbot, jobs, queue)
