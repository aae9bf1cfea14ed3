"""A project in a session, and a page on it that stores what it changes, as the window does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from fintune_gui.project.document import Objective, Project, Task, metrics_for
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import wait_for_background
from fintune_gui.ui.services.session import ProjectSession

P = TypeVar("P", bound=Page)


@contextmanager
def opened_session(folder: Path, task: Task = Task.CLASSIFICATION, **objective: Any) -> Iterator[ProjectSession]:
    """A new project that is open, and closed afterwards."""
    goal = Objective(task=task, metric=metrics_for(task)[0], **objective)
    with open_session(ProjectFolder.create(folder, Project(name="Support routing", objective=goal))) as session:
        yield session


@contextmanager
def open_session(folder: ProjectFolder) -> Iterator[ProjectSession]:
    """A project that exists, in a session that is closed afterwards."""
    session = ProjectSession()
    session.take(folder)
    try:
        yield session
    finally:
        session.jobs.leave_all()
        wait_for_background(5000)
        session.close()


def shown_page(qtbot: Any, session: ProjectSession, kind: type[P], size: tuple[int, int] = (1032, 800)) -> P:
    """The page on screen, loaded again after every change."""
    page = kind(session)
    qtbot.addWidget(page)

    def load(*_: object) -> None:
        if session.is_open:
            page.load(session)

    page.changed.connect(session.apply)
    for signal in (session.project_changed, session.facts_changed, session.rows_changed):
        signal.connect(load)
    page.resize(*size)
    page.load(session)
    page.show()
    page.page_shown()
    qtbot.waitExposed(page)
    return page
