"""Work off the window's thread. A failure is shown unless handled; a callback never outlives who asked for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar, cast

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot

from fintune_gui.project.errors import CancelledError
from fintune_gui.ui.services.notifications import notifications

T = TypeVar("T")

Report = tuple[str, float, float | None]
"""What is being done, how far it is, and the whole (None: not known)."""

_REPORT_EVERY_S = 0.1
_inline = False


class Task(QObject):
    """One piece of work. The work calls `report` and `check_cancelled`; the window calls `cancel`.

    Signals:
        progress: (stage, done, total or None), at most ten a second.
        ended: The work is over, whatever the outcome; comes after success or failure was called.
    """

    progress = Signal(object)
    ended = Signal()
    _finished = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self._cancelled = threading.Event()
        self._last_report = 0.0
        self._stage = ""
        self._success: Callable[[Any], object] | None = None
        self._failure: Callable[[Exception], object] | None = None
        self._finished.connect(self._deliver)

    def report(self, stage: str, done: float, total: float | None = None) -> None:
        """Say how far the work is; cheap enough to call for every row."""
        now = time.monotonic()
        if stage != self._stage or now - self._last_report >= _REPORT_EVERY_S:
            self._stage, self._last_report = stage, now
            self.progress.emit((stage, done, total))

    def check_cancelled(self) -> None:
        """Raise `CancelledError` once the user cancelled."""
        if self._cancelled.is_set():
            raise CancelledError

    @Slot()
    def cancel(self) -> None:
        """Ask the work to end at its next check."""
        self._cancelled.set()

    @Slot()
    def abandon(self) -> None:
        """Ask the work to end, and never call back: who asked for it has gone."""
        self._success = self._failure = None
        self._cancelled.set()

    @Slot(object, object)
    def _deliver(self, result: object, error: object) -> None:
        _running.discard(self)
        success, failure = self._success, self._failure
        if success is not None and error is None:
            success(result)
        elif failure is not None and isinstance(error, Exception):
            failure(error)
        self.ended.emit()


class _Job(QRunnable, Generic[T]):
    def __init__(self, task: Task, work: Callable[[Task], T]) -> None:
        super().__init__()
        self._task = task
        self._work = work

    def run(self) -> None:
        result, error = None, None
        try:
            result = self._work(self._task)
        except Exception as caught:
            error = caught
        with suppress(RuntimeError):  # the program has ended meanwhile, and the task with it
            self._task._finished.emit(result, error)


_running: set[Task] = set()
"""Keeps tasks alive until they have delivered; only touched in the window's thread."""


def run_in_background(
    owner: QObject,
    work: Callable[[Task], T],
    *,
    success: Callable[[T], object],
    failure: Callable[[Exception], object] | None = None,
    progress: Callable[[Report], object] | None = None,
) -> Task:
    """Run `work` in a pool thread and call back in the window's thread.

    Args:
        owner: Who asks. When it is destroyed the work is cancelled and nothing is called.
        work: Gets the `Task`; must not touch widgets.
        success: Gets what `work` returned.
        failure: Gets the exception; by default it is shown as a notification. A cancel is never shown.
        progress: Gets (stage, done, total), at most ten times a second.
    """
    task = Task()
    task._success = success
    task._failure = failure or notifications().show_error
    owner.destroyed.connect(task.abandon)
    if progress is not None:
        task.progress.connect(progress)
    _running.add(task)
    job: _Job[T] = _Job(task, work)
    if _inline:
        job.run()
    else:
        QThreadPool.globalInstance().start(cast(QRunnable, job))
    return task


def wait_for_background(milliseconds: int) -> bool:
    """Cancel everything and wait for it at the end of the program. False if something is still at work."""
    for task in list(_running):
        task.abandon()
    return QThreadPool.globalInstance().waitForDone(milliseconds)


@contextmanager
def inline_background() -> Iterator[None]:
    """Run background work at once, in the caller's thread: for tests."""
    global _inline  # noqa: PLW0603 - one switch for the whole program, used by tests alone
    _inline = True
    try:
        yield
    finally:
        _inline = False
