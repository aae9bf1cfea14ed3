"""Looks for problems in the rows whenever they have changed and the user pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from fintune_gui.project.document import Task as Objective
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.session import ProjectSession

if TYPE_CHECKING:
    from fintune_gui.dataset.findings import Finder, Finding

_PAUSE_MS = 500
AUTOMATIC_ROWS = 5_000_000
"""With more rows than these, the checks run again only when asked: even the rows that stayed as they were must be
counted again, and that would keep a core busy."""


class FindingsWatch(QObject):
    """Keeps the findings of the session's rows.

    Attributes:
        findings: What was found last.

    Signals:
        looking: The checks have begun.
        found: `findings` is new.
        outdated: The rows are other ones than those that were looked at, and there are too many to look at once more.
    """

    looking = Signal()
    found = Signal()
    outdated = Signal()

    def __init__(self, session: ProjectSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.findings: list[Finding] = []
        self._looked_at: tuple[str, object] | None = None
        self._task: Task | None = None
        self._finder: Finder | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.look)

    def rows_are(self, fingerprint: str, rows: int) -> None:
        """The rows have this fingerprint now; looks at them if they are new."""
        if (fingerprint, self._reading()) == self._looked_at:
            return
        if not self._looked_at:
            self.look()
        elif rows <= AUTOMATIC_ROWS:
            self._pause.start()
        else:
            self.outdated.emit()

    def forget(self) -> None:
        """Other rows come: what was found is not true of them."""
        self._pause.stop()
        if self._task is not None:
            self._task.abandon()
            self._task = None
        self.findings, self._looked_at = [], None
        self._finder = None  # a new one comes with the next look; this one goes with the look that is under way

    def look(self) -> None:
        """Look now."""
        self._pause.stop()
        if self._task is not None:
            self._task.abandon()
        session = self._session
        if not session.is_open:
            return
        format_, objective = session.project.format, session.project.objective.task
        reading, finder = self._reading(), self._the_finder()

        def work(task: Task) -> tuple[tuple[str, object] | None, list[Finding]]:
            from fintune_gui.dataset.formatting import label_separator

            dataset = session.dataset()
            if dataset is None:
                return None, []
            fingerprint = dataset.fingerprint  # before the rows: what comes between is then looked at once more
            separator = label_separator(dataset, format_, objective)
            found = finder.find(dataset.picture, format_.roles, task.check_cancelled, separator)
            return (fingerprint, reading), found

        self.looking.emit()
        self._task = run_in_background(self, work, success=self._take, failure=self._failed)

    def _reading(self) -> object:
        """What else than the rows decides what is found."""
        project = self._session.project
        several = project.objective.task is Objective.MULTI_LABEL
        return several, project.format.label_separator if several else None

    def _the_finder(self) -> Finder:
        """Knows the rows that were looked at before."""
        if self._finder is None:
            from fintune_gui.dataset.findings import Finder

            self._finder = Finder()
        return self._finder

    def _take(self, result: tuple[tuple[str, object] | None, list[Finding]]) -> None:
        self._task = None
        self._looked_at, self.findings = result
        self.found.emit()

    def _failed(self, error: Exception) -> None:
        self._task = None
        self.found.emit()
        notifications().show_error(error)
