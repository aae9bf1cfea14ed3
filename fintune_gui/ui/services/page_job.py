"""One kind of long work that a page starts now and then: written in the background, then done by a child process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Ended
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import problem_of
from fintune_gui.ui.services.run_feed import RunFeed
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.feedback import Action, ErrorPanel
from fintune_gui.ui.widgets.progress_strip import ProgressStrip


class PageJob(QObject):
    """At most one job at a time, shown by two widgets that the page puts where it likes.

    Closing the project forgets the job, and what it would have told.

    Attributes:
        progress: How far the job is; hidden while there is none.
        failure: Why the last one could not be started, or failed; hidden while all is well.
        feed: The history of the job that is at work, or was last.

    Signals:
        changed: `busy` or the failure has changed.
        ended: The `Ended` of a job that was at work; `busy` is already False.
    """

    changed = Signal()
    ended = Signal(object)

    def __init__(self, session: ProjectSession, way_on: Action, parent: QObject) -> None:
        """`way_on`: what the failure's button says and does."""
        super().__init__(parent)
        self.progress = ProgressStrip()
        self.progress.cancelled.connect(self.cancel)
        self.failure = ErrorPanel()
        self.feed = RunFeed(session.jobs, self)
        self.feed.changed.connect(self._show)
        self.feed.ended.connect(self.ended)
        session.closed.connect(self._on_closed)
        self._session = session
        self._way_on = way_on
        self._writing: Task | None = None
        self._starting = False
        self._cancelled = False
        self._problem: Problem | None = None
        self._shown: tuple[bool, Problem | None] = (False, None)

    @property
    def busy(self) -> bool:
        """Whether the job is being written or at work."""
        return self._starting or self.feed.thread_at_work is not None

    def start(self, write: Callable[[], Path], stage: str = "Starting") -> None:
        """Call `write` off the window's thread, and start the job in the folder that it returns."""
        if self.busy:
            return
        self._starting, self._cancelled, self._problem = True, False, None
        self.progress.start(stage)
        self._writing = run_in_background(
            self, lambda _task: write(), success=self._begin, failure=self._could_not_begin
        )
        self._show()

    def dismiss(self) -> None:
        """Forget what went wrong with the last job."""
        self._problem = None
        if not self.busy:
            self.feed.watch(None)
        self._show()

    @Slot()
    def cancel(self) -> None:
        """End it, and keep nothing."""
        self._cancelled = True
        if (thread := self.feed.thread_at_work) is not None:
            thread.cancel()

    def _begin(self, folder: Path) -> None:
        self.feed.watch(None)  # the folder may be that of an earlier attempt: what it told is over
        if not self._cancelled:
            self._session.jobs.start(folder)
            self.feed.watch(folder)
        self._starting = False
        self._show()

    def _could_not_begin(self, error: Exception) -> None:
        self._starting, self._problem = False, problem_of(error)
        self._show()

    @Slot()
    def _show(self) -> None:
        busy, history = self.busy, self.feed.history
        if not busy:
            self.progress.finish()
        elif self.progress.isHidden():
            self.progress.start("Starting")
        told = history.progress
        if told is not None and history.ended is None and self.feed.thread_at_work is not None:
            self.progress.report(told.stage, told.done, told.total, told.unit)
        problem = None if busy else self._problem or _failure_of(history.ended)
        if (busy, problem) != self._shown:
            self._shown = (busy, problem)
            self.failure.show_problem(problem, [self._way_on])
            self.changed.emit()

    @Slot()
    def _on_closed(self) -> None:
        if self._writing is not None:
            self._writing.abandon()
        self._starting, self._problem = False, None
        self.feed.watch(None)
        self._show()


def _failure_of(ended: Ended | None) -> Problem | None:
    return ended.problem if ended is not None and ended.outcome in ("failed", "interrupted") else None
