"""Whether all rows fit the format: looked up in the background, once for each state of rows and format."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.errors import FintuneError, Problem
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.session import ProjectSession


class FormatCheck(QObject):
    """Keeps the format's problems of the session's project.

    Attributes:
        problems: All of them, as last found.

    Signals:
        changed: The problems are other ones now.
    """

    changed = Signal()

    def __init__(self, session: ProjectSession, parent: QObject) -> None:
        super().__init__(parent)
        self.problems: list[Problem] = []
        self._session = session
        self._checked: object = None
        session.closed.connect(self._forget)

    def look(self) -> None:
        """Check again if rows, format or task have changed since; `changed` follows if something was found."""
        project, facts = self._session.project, self._session.facts
        state = (self._session.folder.folder, project.format, project.objective.task, facts.dataset_fingerprint)
        if facts.rows is None or state == self._checked:
            return
        self._checked = state
        try:
            dataset = self._session.dataset()
        except FintuneError:
            return  # told where the rows are shown
        if dataset is None:
            return
        rows = dataset

        def work(_task: Task) -> tuple[object, list[Problem]]:
            from fintune_gui.dataset.formatting import check_format

            return state, check_format(project, rows)

        run_in_background(self, work, success=self._take)

    def _take(self, told: tuple[object, list[Problem]]) -> None:
        state, problems = told
        if state == self._checked and problems != self.problems:
            self.problems = problems
            self.changed.emit()

    @Slot()
    def _forget(self) -> None:
        self._checked, self.problems = None, []
