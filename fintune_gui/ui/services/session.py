"""The open project, as the window sees it: document, facts, rows, jobs. One object for the window's whole life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fintune_gui.dataset.places import import_is_unrecorded
from fintune_gui.project.document import Project
from fintune_gui.project.errors import DataError, FintuneError
from fintune_gui.project.flow import Facts, StepState, step_states
from fintune_gui.project.paths import user_path
from fintune_gui.project.recent import remember_project
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.jobs import JobRunner
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.run_queue import RunQueue

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

_MOST_UNDO = 200


class ProjectSession(QObject):
    """Holds the project folder, its facts and its rows; stores every change at once.

    Attributes:
        facts: What is on disk beside the document, as last gathered.
        jobs: Starts and knows the running jobs.
        queue: The runs that wait for another one to end.

    Signals:
        opened: A project was opened or made.
        closing: The project is about to be given back: whoever holds unsaved typing stores it now.
        closed: The project was given back.
        project_changed: The new `Project`.
        facts_changed: The new `Facts`.
        rows_changed: The dataset was replaced or edited.
        read_only_changed: Why nothing can be changed now, or "".
    """

    opened = Signal()
    closing = Signal()
    closed = Signal()
    project_changed = Signal(object)
    facts_changed = Signal(object)
    rows_changed = Signal()
    read_only_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.jobs = JobRunner(self)
        self.queue = RunQueue(self.jobs, self)
        self.facts = Facts(gathered=False)
        self._folder: ProjectFolder | None = None
        self._dataset: Dataset | None = None
        self._followed: tuple[Mapping[str, str], int] | None = None
        """Keys of the columns and number of rows that the document knows of."""
        self._opening = Lock()
        self._undo: list[Project] = []
        self._redo: list[Project] = []
        self._gathering = False
        self._gather_task: Task | None = None
        self._gather_again = False

    # The project

    @property
    def is_open(self) -> bool:
        return self._folder is not None

    @property
    def folder(self) -> ProjectFolder:
        """The open project's folder; asking for it without an open project is a defect."""
        if self._folder is None:
            raise RuntimeError("no project is open")
        return self._folder

    @property
    def project(self) -> Project:
        return self.folder.project

    @property
    def read_only(self) -> str:
        """Why the project cannot be changed, or ""."""
        return self.folder.read_only if self._folder else ""

    def open(self, path: Path) -> None:
        """Open the project in `path` instead of the present one.

        Raises:
            ProjectError: if it cannot be opened; the present project then stays open.
        """
        folder = user_path(path)
        if self._folder is not None and folder == self._folder.folder:
            return
        self.take(ProjectFolder.open(path))

    def create(self, folder: Path, project: Project) -> None:
        """Make a new project and open it.

        Raises:
            ProjectError: if the folder is in use or cannot be written.
        """
        self.take(ProjectFolder.create(folder, project))

    def take(self, opened: ProjectFolder) -> None:
        """Make an opened folder the session's project."""
        self.close()
        self._folder = opened
        if import_is_unrecorded(opened):
            from fintune_gui.dataset.apply import record_killed_import

            record_killed_import(opened)
        remember_project(opened.folder)
        self.queue.watch(None if opened.read_only else opened.runs)
        self.opened.emit()
        self.read_only_changed.emit(opened.read_only)
        self.project_changed.emit(opened.project)
        self.refresh_facts()

    def close(self) -> None:
        """Give the project back. Running jobs are not touched: ask `jobs` first."""
        if self._folder is None:
            return
        self.closing.emit()
        if self._gather_task is not None:
            self._gather_task.abandon()
        self._gathering = False
        self.close_dataset()
        self._folder.close()
        self._folder = None
        self._undo.clear()
        self._redo.clear()
        self.facts = Facts(gathered=False)
        self.queue.watch(None)
        self.closed.emit()

    def apply(self, project: Project) -> bool:
        """Store a changed project at once. If that fails it is shown, the old project stays, and False is returned."""
        before = self.project
        if project == before:
            return True
        if not self._save(project):
            return False
        self._undo = [*self._undo[-_MOST_UNDO:], before]
        self._redo.clear()
        return True

    def undo(self) -> bool:
        """Take back the last change of the settings. False if there is none."""
        return self._step(self._undo, self._redo)

    def redo(self) -> bool:
        """Bring back what `undo` took away."""
        return self._step(self._redo, self._undo)

    def _step(self, source: list[Project], other: list[Project]) -> bool:
        if not source:
            return False
        before = self.project
        if not self._save(source[-1]):
            return False
        source.pop()
        other.append(before)
        return True

    def _save(self, project: Project) -> bool:
        try:
            self.folder.save(project)
        except FintuneError as error:
            notifications().show_error(error)
            self.project_changed.emit(self.project)  # fields go back to what is true
            return False
        self.project_changed.emit(project)
        self.refresh_facts()
        return True

    # Facts

    @property
    def states(self) -> list[StepState]:
        """The state of every step, from the document and the facts."""
        return step_states(self.project, self.facts)

    def refresh_facts(self) -> None:
        """Gather the facts again in the background; `facts_changed` follows. Many calls in a row cost two rounds."""
        if self._gathering:
            self._gather_again = True
            return
        folder = self.folder

        def work(_task: Task) -> Facts:
            from fintune_gui.dataset.facts import gather_facts

            return gather_facts(folder)

        self._gathering, self._gather_again = True, False
        self._gather_task = run_in_background(self, work, success=self._take_facts, failure=self._facts_failed)

    def _take_facts(self, facts: Facts) -> None:
        self._gathering = False
        self.facts = facts
        self.facts_changed.emit(facts)
        if self._gather_again:
            self.refresh_facts()

    def _facts_failed(self, error: Exception) -> None:
        self._gathering = False
        self.facts = replace(self.facts, gathered=True)
        self.facts_changed.emit(self.facts)
        notifications().show_error(error)

    # Rows

    def dataset(self) -> Dataset | None:
        """The rows, opened at the first call; None if there are none yet. May be called from any thread.

        Raises:
            DataError: if they are damaged.
        """
        with self._opening:
            if self._dataset is None and self.folder.dataset.is_dir():
                from fintune_gui.dataset.store import Dataset

                try:
                    self._dataset = Dataset.open(self.folder.dataset, read_only=bool(self.read_only))
                    self._followed = (self._dataset.keys, self._dataset.total_rows)
                except DataError as error:
                    if error.problem.code == "data.no_dataset":
                        return None
                    raise
            return self._dataset

    def close_dataset(self) -> None:
        """Close the rows, for example before an import replaces them."""
        with self._opening:
            dataset, self._dataset, self._followed = self._dataset, None, None
        if dataset is not None:
            dataset.close()

    def _follow_rows(self) -> None:
        """Let the document follow renamed columns and added files."""
        dataset = self._dataset
        if dataset is None or self.read_only:
            return
        now = (dataset.keys, dataset.total_rows)
        before, self._followed = self._followed, now
        if before is None or before == now:
            return
        from fintune_gui.dataset.apply import follow_dataset

        for steps in (self._undo, self._redo):  # so that an undo does not bring an old name back
            steps[:] = [follow_dataset(step, before[0], dataset) for step in steps]
        project = follow_dataset(self.project, before[0], dataset)
        if project != self.project:
            self._save(project)

    def rows_were_changed(self) -> None:
        """Say that rows were imported, edited or cleaned: pages look again, facts are gathered again."""
        self._follow_rows()
        self.rows_changed.emit()
        self.refresh_facts()
