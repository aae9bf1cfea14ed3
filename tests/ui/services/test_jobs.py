"""The thread that watches a real child process: it hears everything, and it always hears of the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from shiboken6 import isValid

from fintune_gui.jobs.process import JobProcess
from fintune_gui.project.events import Ended, Event, Progress, Started, read_events
from fintune_gui.project.spec import EVENTS_FILE
from fintune_gui.ui.services.jobs import JobRunner, TrainerThread
from tests.helpers.children import start_child

Starter = Callable[[Path], JobProcess]


def child(body: str, *, speaking: bool = True) -> Starter:
    return lambda folder: start_child(folder, body, speaking=speaking)


class Heard:
    """Everything that a thread tells."""

    def __init__(self, thread: TrainerThread) -> None:
        self.batches: list[list[Event]] = []
        self.times: list[float] = []
        self.ends: list[Ended] = []
        thread.events.connect(self.take)
        thread.ended.connect(self.ends.append)

    def take(self, events: list[Event]) -> None:
        self.batches.append(events)
        self.times.append(time.monotonic())

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]


def run(runner: JobRunner, folder: Path, body: str, *, speaking: bool = True) -> tuple[TrainerThread, Heard]:
    thread = runner.start(folder, start=child(body, speaking=speaking))
    return thread, Heard(thread)


@pytest.fixture
def runner(qapp: object) -> JobRunner:
    return JobRunner()


def wait_for_end(qtbot, runner: JobRunner) -> None:
    threads = runner.running
    qtbot.waitUntil(lambda: not runner.running, timeout=30_000)
    for thread in threads:
        if isValid(thread):
            thread.wait()  # the runner may hear of the end sooner than a `Heard`


def test_that_all_events_arrive_in_order_in_few_batches(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    _, heard = run(
        runner,
        tmp_path,
        """
        for done in range(3000):
            writer(Progress(stage="counting", done=done, total=3000))
        writer(Ended(outcome="completed", result={"sum": 1}))
        """,
    )
    wait_for_end(qtbot, runner)
    assert [event.done for event in heard.events if isinstance(event, Progress)] == list(range(3000))
    assert len(heard.batches) <= 1 + (heard.times[-1] - heard.times[0]) / 0.09
    assert [ended.result for ended in heard.ends] == [{"sum": 1}]
    assert heard.events[-1] is heard.ends[0]


def test_that_a_child_that_dies_is_heard_of(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    _, heard = run(runner, tmp_path, "os.kill(os.getpid(), 9)")
    wait_for_end(qtbot, runner)
    assert [ended.outcome for ended in heard.ends] == ["failed"]
    assert heard.ends[0].problem is not None
    assert list(read_events(tmp_path / EVENTS_FILE))[-1] == heard.ends[0]  # told to whoever looks later as well


def test_that_a_child_that_was_killed_after_a_checkpoint_can_be_resumed(
    qtbot, runner: JobRunner, tmp_path: Path
) -> None:
    _, heard = run(runner, tmp_path, "checkpoint(); os.kill(os.getpid(), 9)")
    wait_for_end(qtbot, runner)
    assert [ended.outcome for ended in heard.ends] == ["interrupted"]


def test_that_a_job_that_cannot_start_ends_with_a_sentence(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    thread = runner.start(tmp_path)  # there is no specification in the folder
    heard = Heard(thread)
    wait_for_end(qtbot, runner)
    assert heard.ends[0].outcome == "failed"
    assert heard.ends[0].problem is not None
    assert heard.ends[0].problem.code == "project.no_spec"


def test_that_commands_reach_the_child(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    thread, heard = run(
        runner,
        tmp_path,
        """
        for word in iter(commands.wait, HANGUP):
            writer(Progress(stage=word, done=0))
            if word == "stop":
                break
        writer(Ended(outcome="stopped"))
        """,
    )
    for say in (thread.pause, thread.resume, thread.save, thread.stop):  # the first ones before the child is there
        say()
    wait_for_end(qtbot, runner)
    words = [event.stage for event in heard.events if isinstance(event, Progress)]
    assert words == ["pause", "continue", "save", "stop"]
    assert heard.ends[0].outcome == "stopped"


SAVES_WHEN_LEFT = """
checkpoint()
while commands.wait() != HANGUP:
    pass
writer(Ended(outcome="interrupted"))
"""
NEVER_LISTENS = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
checkpoint()
while True:
    time.sleep(1)
"""


def test_that_a_job_saves_when_the_window_leaves(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    _, heard = run(runner, tmp_path, SAVES_WHEN_LEFT)
    qtbot.waitUntil(lambda: bool(heard.events), timeout=20_000)
    runner.leave_all()
    wait_for_end(qtbot, runner)
    assert [ended.outcome for ended in heard.ends] == ["interrupted"]


def test_that_leaving_before_the_child_is_there_still_ends_it(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    _, heard = run(runner, tmp_path, SAVES_WHEN_LEFT)
    runner.leave_all()
    wait_for_end(qtbot, runner)
    assert len(heard.ends) == 1


def test_that_a_child_that_never_listens_is_ended_in_bounded_time(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    thread, heard = run(runner, tmp_path, NEVER_LISTENS)
    qtbot.waitUntil(lambda: len(heard.events) >= 2, timeout=20_000)
    pid = next(event.pid for event in heard.events if isinstance(event, Started))
    began = time.monotonic()
    thread.leave(grace_s=0.3)
    wait_for_end(qtbot, runner)
    assert time.monotonic() - began < 15
    assert heard.ends[0].outcome == "interrupted"
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_that_killing_does_not_wait(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    _, heard = run(runner, tmp_path, NEVER_LISTENS)
    qtbot.waitUntil(lambda: len(heard.events) >= 2, timeout=20_000)
    runner.kill_all()
    wait_for_end(qtbot, runner)
    assert len(heard.ends) == 1


def test_that_a_folder_has_one_job_at_a_time(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    first, heard = run(runner, tmp_path, SAVES_WHEN_LEFT)
    assert runner.start(tmp_path) is first
    assert runner.job(tmp_path) is first
    runner.leave_all()
    wait_for_end(qtbot, runner)
    assert runner.job(tmp_path) is None
    assert len(heard.ends) == 1


def test_that_two_jobs_run_side_by_side(qtbot, runner: JobRunner, tmp_path: Path) -> None:
    ended: list[str] = []
    runner.finished.connect(lambda thread, end: ended.append(f"{thread.folder.name} {end.outcome}"))
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        run(runner, folder, "writer(Ended(outcome='completed'))")
    assert len(runner.running) == 2
    wait_for_end(qtbot, runner)
    assert sorted(ended) == ["one completed", "two completed"]
