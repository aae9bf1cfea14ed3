"""One kind of long work that a page starts now and then: written in the background, then done by a child process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.events import Ended, Event, Progress
from fintune_gui.ui.services.background import run_in_background
from fintune_gui.ui.services.jobs import TrainerThread
from fintune_gui.ui.services.notifications import problem_of
from fintune_gui.ui.services.session import ProjectSession

_MEGABYTE = 1_000_000


class PageJob(QObject):
    """At most one job at a time. However it ends, and even if it could not be started, there is one `ended`.

    Signals:
        progress: (stage, done, total or None, unit); bytes are told as MB.
        ended: The `Ended`. Not sent when another project was opened meanwhile.
    """

    progress = Signal(str, float, object, str)
    ended = Signal(object)

    def __init__(self, session: ProjectSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._thread: TrainerThread | None = None
        self._project_folder: Path | None = None
        self._cancelled = False

    @property
    def busy(self) -> bool:
        """Whether the job is being written or at work, in the project that is open now."""
        return self._project_folder is not None and self._is_ours()

    def start(self, write: Callable[[], Path]) -> None:
        """Call `write` off the window's thread, and start the job in the folder that it returns."""
        if self.busy:
            return
        self._project_folder, self._cancelled = self._session.folder.folder, False
        run_in_background(self, lambda _task: write(), success=self._begin, failure=self._could_not_begin)

    @Slot()
    def cancel(self) -> None:
        """End it, and keep nothing."""
        self._cancelled = True
        if self._thread is not None:
            self._thread.cancel()

    def _begin(self, folder: Path) -> None:
        if self._cancelled or not self._is_ours():
            self._finish(Ended(outcome="cancelled"))
            return
        self._thread = self._session.jobs.start(folder)
        self._thread.events.connect(self._on_events)
        self._thread.ended.connect(self._finish)

    def _could_not_begin(self, error: Exception) -> None:
        self._finish(Ended(outcome="failed", problem=problem_of(error)))

    @Slot(object)
    def _on_events(self, events: list[Event]) -> None:
        told = [event for event in events if isinstance(event, Progress)]
        if told and self._is_ours():
            last = told[-1]
            size, unit = (_MEGABYTE, "MB") if last.unit == "bytes" else (1, last.unit)
            total = None if last.total is None else last.total / size
            self.progress.emit(last.stage, last.done / size, total, unit)

    @Slot(object)
    def _finish(self, ended: Ended) -> None:
        ours = self._is_ours()
        self._thread = self._project_folder = None
        if ours:
            self.ended.emit(ended)

    def _is_ours(self) -> bool:
        return self._session.is_open and self._session.folder.folder == self._project_folder
