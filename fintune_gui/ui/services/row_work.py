"""Changes of rows, one at a time and off the window's thread, whoever asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.session import ProjectSession

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

T = TypeVar("T")


class RowWork(QObject):
    """Runs one change of the session's rows at a time. All pages share one: `RowWork.of(session)`.

    Attributes:
        busy: What is being done now, or "".
        can_cancel: Whether the present work looks at `Task.check_cancelled`; then nothing has changed after a cancel.

    Signals:
        busy_changed: The new `busy`.
        progress: (stage, done, total or None) of the present work.
        done: The rows were changed, or at least may have been.
    """

    busy_changed = Signal(str)
    progress = Signal(object)
    done = Signal()

    def __init__(self, session: ProjectSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._task: Task | None = None
        self.busy = ""
        self.can_cancel = False
        session.closing.connect(self._end_soon)

    @classmethod
    def of(cls, session: ProjectSession) -> RowWork:
        """The one of this session, made at the first call."""
        found = session.findChild(RowWork)
        return found if found is not None else cls(session, session)

    def start(
        self,
        what: str,
        work: Callable[[Dataset, Task], T],
        success: Callable[[T | None], object] | None = None,
        *,
        can_cancel: bool = False,
    ) -> bool:
        """Do `work` with the rows and then call `success` with what it returned. False if something
        else is at work, or nothing can be changed.

        Args:
            what: A few words for the progress strip: "Removing rows".
            can_cancel: `work` hands the task's `check_cancelled` on.
        """
        if self.busy or self._session.read_only:
            return False
        session = self._session

        def do(task: Task) -> T | None:
            task.check_cancelled()  # the project may have been closed before there was a thread for this
            dataset = session.dataset()
            return None if dataset is None else work(dataset, task)

        def succeeded(result: T | None) -> None:
            self._end()
            if success is not None:
                success(result)

        self.busy, self.can_cancel = what, can_cancel
        self.busy_changed.emit(what)
        task = run_in_background(self, do, success=succeeded, failure=self._failed, progress=self.progress.emit)
        self._task = task if self.busy else None
        return True

    @Slot()
    def cancel(self) -> None:
        """Ask the present work to end; nothing has changed then."""
        if self._task is not None and self.can_cancel:
            self._task.cancel()

    @Slot()
    def _end_soon(self) -> None:
        """Closing the rows waits for the present work."""
        if self._task is not None:
            self._task.cancel()

    def _failed(self, error: Exception) -> None:
        self._end()
        notifications().show_error(error)

    def _end(self) -> None:
        self.busy, self._task = "", None
        self.busy_changed.emit("")
        if self._session.is_open:
            self._session.rows_were_changed()
        self.done.emit()
