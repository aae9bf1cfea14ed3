"""The pages of the open project: built at the first visit, filled whenever they are seen, gone with the project."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget, QWidget

from fintune_gui.project.document import Project
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.flow import Step, StepState
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.pages.registry import page_class
from fintune_gui.ui.services.notifications import notifications, problem_of
from fintune_gui.ui.services.session import ProjectSession


class StepPages(QStackedWidget):
    """Shows one page at a time.

    Attributes:
        step: The step whose page is on screen; None before the first.

    Signals:
        asked: A page wants another `Step` to be shown.
    """

    asked = Signal(object)

    def __init__(self, session: ProjectSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.step: Step | None = None
        self._session = session
        self._pages: dict[Step, Page] = {}

    @property
    def page(self) -> Page | None:
        """The page on screen."""
        return self._pages.get(self.step) if self.step else None

    def show_step(self, step: Step, state: StepState) -> bool:
        """Bring the page of a step on screen. False if it cannot be built; that is said."""
        page = self._built(step)
        if page is None:
            return False
        before = self.page
        self.step = step
        if before is not None and before is not page:
            before.page_hidden()
        self.fill(state)
        self.setCurrentWidget(page)
        if before is not page:
            page.page_shown()
        return True

    def fill(self, state: StepState) -> None:
        """Let the page on screen show what is true now. What keeps it from that is said on the page itself."""
        page = self.page
        if page is None:
            return
        if not self._session.facts.gathered:
            page.show_reading()
            return
        page.show_state(state)
        if page.waiting:
            return
        try:
            page.load(self._session)
        except FintuneError as error:
            problem = problem_of(error)
            page.show_banner(problem.what, f"{problem.why} {problem.todo}".strip(), "bad")

    @Slot()
    def undo(self) -> None:
        """Take back what was done last on the page on screen."""
        if self.page is not None:
            self.page.undo()

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back last on the page on screen."""
        if self.page is not None:
            self.page.redo()

    def prepare_model(self, name: str) -> None:
        """Let the Model page make a base model ready, whatever page is on screen."""
        if (page := self._built(Step.MODEL)) is not None:
            page.prepare(name)

    def forget(self) -> None:
        """The project is closed: its pages go."""
        if self.page is not None:
            self.page.page_hidden()
        for page in self._pages.values():
            self.removeWidget(page)
            page.deleteLater()
        self._pages.clear()
        self.step = None

    def _built(self, step: Step) -> Page | None:
        if step not in self._pages:
            try:
                page = page_class(step)(self._session)
            except Exception as error:
                notifications().show_error(error)
                return None
            page.changed.connect(self._store)
            page.go_to.connect(self.asked)
            self._pages[step] = page
            self.addWidget(page)
        return self._pages[step]

    @Slot(object)
    def _store(self, project: Project) -> None:
        self._session.apply(project)
