"""Looks in the background whether a project's rows are whole when it opens, and does what mends them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.session import ProjectSession

if TYPE_CHECKING:
    from fintune_gui.dataset.health import Health

_NEWS = "damage"
"""Key of the notification."""


class HealthWatch(QObject):
    """One for each session: `HealthWatch.of(session)`.

    A log that is found whole is backed up, so that there is something to go back to.

    Attributes:
        health: What the last look found; None before the first one.

    Signals:
        changed: `health` is another one.
        mended: Something was put in the place of the damaged changes.
    """

    changed = Signal()
    mended = Signal()

    def __init__(self, session: ProjectSession) -> None:
        super().__init__(session)
        self.health: Health | None = None
        self._session = session
        self._task: Task | None = None
        session.opened.connect(self.look)
        session.closed.connect(self._forget)
        if session.is_open:
            self.look()

    @classmethod
    def of(cls, session: ProjectSession) -> HealthWatch:
        """The one of this session, made at the first call."""
        found = session.findChild(HealthWatch)
        return found if found is not None else cls(session)

    def announce(self, is_seen: Callable[[], bool], show: Callable[[], object]) -> None:
        """From now on say damage in a notification with a button that calls `show`, unless the user sees it anyway."""

        def say() -> None:
            if self.health is None or not self.health.problems:
                notifications().withdraw(_NEWS)
            elif not is_seen():
                problem = self.health.problems[0]
                notifications().say(problem.what, problem.why, "bad", key=_NEWS, actions=[("Go to Data", show)])

        self.changed.connect(say)

    @Slot()
    def look(self) -> None:
        """Look at everything again."""
        self._stop()
        folder, read_only = self._session.folder.dataset, bool(self._session.read_only)
        self._task = run_in_background(
            self, lambda task: _look(folder, task, read_only=read_only), success=self._take, failure=self._take_failure
        )

    def restore_backup(self) -> None:
        """Put the last backup in the place of the damaged changes, which are kept aside."""
        from fintune_gui.dataset.health import restore_backup

        self._mend(restore_backup)

    def start_from_import(self) -> None:
        """Begin again with the rows as they were imported; the damaged changes are kept aside."""
        from fintune_gui.dataset.health import start_from_import

        self._mend(start_from_import)

    def step_back(self) -> None:
        """Undo the last changes until none needs a damaged file."""
        from fintune_gui.dataset.health import step_back_to_whole

        self._mend(step_back_to_whole)

    def _mend(self, act: Callable[[Path], object]) -> None:
        if self._session.read_only:
            return
        self._stop()
        self._session.close_dataset()
        folder = self._session.folder.dataset
        self._task = run_in_background(self, lambda _task: act(folder), success=self._mended)

    def _mended(self, _done: object) -> None:
        self._task, self.health = None, None
        self.changed.emit()
        self.mended.emit()
        self._session.rows_were_changed()
        self.look()

    def _take(self, health: Health | None) -> None:
        self._task = None
        if health != self.health:
            self.health = health
            self.changed.emit()

    def _take_failure(self, _error: Exception) -> None:
        """The look itself failed: whoever opens the rows will say why."""
        self._task = None

    def _stop(self) -> None:
        if self._task is not None:
            self._task.abandon()
            self._task = None

    @Slot()
    def _forget(self) -> None:
        self._stop()
        self.health = None


def _look(folder: Path, task: Task, *, read_only: bool) -> Health | None:
    if not folder.is_dir():
        return None
    from fintune_gui.dataset.health import back_up, check_health, keep_hashes

    health = check_health(folder, check_cancelled=task.check_cancelled)
    if not health.problems and not read_only:
        back_up(folder)
        keep_hashes(folder, health)
    return health
