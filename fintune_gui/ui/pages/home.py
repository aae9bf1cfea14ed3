"""Home: recent projects with their last result, a new project without a dialog, the samples."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from fintune_gui.dataset.samples import SAMPLES
from fintune_gui.project.document import Project
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.paths import default_projects_folder
from fintune_gui.project.recent import forget_project, recent_projects
from fintune_gui.project.store import PROJECT_FILE, ProjectFolder
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.glances import Glance, Interrupted, glance
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.controls import Button, Label
from fintune_gui.ui.widgets.feedback import Action, Banner
from fintune_gui.ui.widgets.new_project import NewProjectCard
from fintune_gui.ui.widgets.progress_strip import ProgressStrip
from fintune_gui.ui.widgets.project_card import ProjectCard, SampleCard

_MARGIN = 72
_COLUMNS = 3
_MOST_CARDS = 9


class HomePage(QWidget):
    """What is shown while no project is open.

    Signals:
        open_requested: The folder (`Path`) of a project to open.
        choose_requested: The user wants to choose a folder.
        sample_ready: (folder `Path`, key) of a sample's project.
        created: (folder `Path`, files to import) of a new project.
        resume_requested: (folder `Path`, run number) of an interrupted run.
    """

    open_requested = Signal(object)
    sample_ready = Signal(object, str)
    choose_requested = Signal()
    created = Signal(object, object)
    resume_requested = Signal(object, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("home")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Home")
        self._later: set[tuple[Path, int]] = set()
        self._files: list[str] = []
        self._looking: Task | None = None
        self._making_sample = False
        content = QWidget()
        content.setObjectName("content")
        self._body = QVBoxLayout(content)
        self._body.setContentsMargins(_MARGIN, 52, _MARGIN, 24)
        self._body.setSpacing(18)
        self._build()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)

    def _build(self) -> None:
        self._body.addWidget(Label("Fintune", "page_title"))
        self._body.addWidget(Label("Your texts, your computer, a model that fits.", "muted"))
        self._banners = QVBoxLayout()
        self._banners.setSpacing(metrics.SMALL_GAP)
        self._body.addLayout(self._banners)
        self._new = NewProjectCard()
        self._new.hide()
        self._new.accepted.connect(self._create)
        self._new.closed.connect(self._end_new_project)
        self._body.addWidget(self._new)
        self._cards = QGridLayout()
        self._cards.setSpacing(14)
        for column in range(_COLUMNS):
            self._cards.setColumnStretch(column, 1)
        self._body.addLayout(self._cards)
        self.primary = Button("New project", self.begin_new_project, kind="primary", tool_tip="Ctrl+N")
        self._buttons = QWidget()
        buttons = row(
            self.primary, Button("Open…", self.choose_requested.emit, tool_tip="Ctrl+O"), None, spacing=metrics.GAP
        )
        buttons.setContentsMargins(0, 0, 0, 0)
        self._buttons.setLayout(buttons)
        self._body.addWidget(self._buttons)
        self._body.addWidget(self._sample_card())
        self._body.addStretch(1)
        self._body.addWidget(Label("Drop a file or a project folder anywhere.", "small"))

    def _sample_card(self) -> Card:
        """The samples with a sentence each, and the progress of making one."""
        card = Card("Try a sample")
        card.body.setSpacing(metrics.TINY_GAP)
        for sample in SAMPLES:
            line = SampleCard(sample.title, sample.description)
            line.clicked.connect(partial(self.open_sample, sample.key))
            card.add(line)
        self._sample_progress = ProgressStrip(can_cancel=False)
        card.add(self._sample_progress)
        return card

    # Filling

    @Slot()
    def reload(self) -> None:
        """Look at the recent projects again, off the window's thread."""
        folders = recent_projects()[:_MOST_CARDS]
        if self._looking is not None:
            self._looking.abandon()
        self._looking = run_in_background(
            self, lambda _task: [glance(folder) for folder in folders], success=self._show_projects
        )

    def _show_projects(self, glances: list[Glance]) -> None:
        _empty(self._cards)
        _empty(self._banners)
        for number, look in enumerate(glances):
            card = ProjectCard(look.name, look.line, curve=look.curve, verdict=look.verdict, tone=look.tone)
            card.setToolTip(str(look.folder))
            card.clicked.connect(partial(self.open_requested.emit, look.folder))
            card.forgotten.connect(partial(self._forget, look.folder))
            self._cards.addWidget(card, number // _COLUMNS, number % _COLUMNS)
            if look.interrupted and (look.folder, look.interrupted.run) not in self._later:
                self._banners.addWidget(self._interrupted_banner(look))
        self._show_primary(has_projects=bool(glances))

    def _show_primary(self, *, has_projects: bool) -> None:
        if not has_projects and not self._cards.count():
            first = Card("Nothing here yet")
            first.add(
                Label("Make a new project from your own texts, or try the sample below: it takes a minute.", "muted")
            )
            self._cards.addWidget(first, 0, 0, 1, _COLUMNS)

    def _interrupted_banner(self, look: Glance) -> Banner:
        assert look.interrupted is not None
        run, folder = look.interrupted.run, look.folder
        title, text = f"Run {run} of {look.name}", _interruption(look.interrupted)
        banner = Banner(title, text, "warn")

        def later() -> None:
            self._later.add((folder, run))
            banner.hide()

        actions: list[Action] = [("Resume", lambda: self.resume_requested.emit(folder, run)), ("Later", later)]
        banner.set(title, text, "warn", actions)
        return banner

    def _forget(self, folder: Path) -> None:
        forget_project(folder)
        self.reload()

    # A new project

    def start_folder(self) -> str:
        """Where the file dialog begins: beside the newest project."""
        recent = recent_projects()
        return str(recent[0].parent if recent else default_projects_folder())

    @Slot()
    def begin_new_project(self, files: list[str] | None = None) -> None:
        """Show the card for a new project, named after the dropped file if there is one."""
        self._files = files or []
        name = Path(self._files[0]).stem.replace("_", " ").replace("-", " ").capitalize() if self._files else ""
        self._new.begin(name, [Path(file).name for file in self._files])
        self._new.show()
        self._buttons.hide()

    @Slot()
    def _end_new_project(self) -> None:
        self._new.hide()
        self._buttons.show()
        self.primary.setFocus()

    @Slot(object)
    def _create(self, project: Project) -> None:
        try:
            folder = free_folder(default_projects_folder(), project.name)
            ProjectFolder.create(folder, project).close()
        except FintuneError as error:
            notifications().show_error(error)
            return
        self._end_new_project()
        self.created.emit(folder, self._files)

    # Samples

    def open_sample(self, key: str) -> None:
        """Make a project of a sample and open it; a second time the same project is opened again."""
        if self._making_sample:
            return  # a second press: the project is half made
        folder = default_projects_folder() / f"sample-{key}"
        if (folder / PROJECT_FILE).is_file():
            self.sample_ready.emit(folder, key)
            return
        self._making_sample = True
        self._sample_progress.start("Making the sample project")

        def work(_task: Task) -> None:
            from fintune_gui.dataset.samples import create_sample

            create_sample(key, folder).close()

        def made(_result: None) -> None:
            self._end_making()
            self.sample_ready.emit(folder, key)

        def failed(error: Exception) -> None:
            self._end_making()
            notifications().show_error(error)

        run_in_background(self, work, success=made, failure=failed)

    def _end_making(self) -> None:
        self._making_sample = False
        self._sample_progress.finish()


def _interruption(interrupted: Interrupted) -> str:
    """ "stopped at step 320 of 900. Everything up to step 300 is saved." """
    where = f"stopped at step {interrupted.step:,}"
    if interrupted.total_steps:
        where += f" of {interrupted.total_steps:,}"
    if interrupted.saved_step is None or interrupted.saved_step >= interrupted.step:
        return f"{where}. Nothing is lost."
    return f"{where}. Everything up to step {interrupted.saved_step:,} is saved."


def free_folder(parent: Path, name: str) -> Path:
    """A folder in `parent` named after a project, with a number if that name is taken."""
    slug = re.sub(r"[^\w]+", "-", name.strip().lower()).strip("-") or "project"
    candidates = (parent / (slug if number == 1 else f"{slug}-{number}") for number in range(1, 10_000))
    return next(folder for folder in candidates if not folder.exists())


def _empty(layout: QGridLayout | QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
