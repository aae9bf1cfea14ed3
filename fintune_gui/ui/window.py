"""The main window: puts rail, pages, home and notifications together. It decides nothing about data or models."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from PySide6.QtCore import QByteArray, QProcess, QTimer, QUrl, Slot
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMainWindow, QStackedWidget, QWidget

from fintune_gui.dataset.samples import find_sample
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.events import Ended, Event, Plan, Started, TrainStep
from fintune_gui.project.flow import Step, StepState
from fintune_gui.project.store import PROJECT_FILE
from fintune_gui.ui.leaving import LeavingScreen
from fintune_gui.ui.pages.home import HomePage
from fintune_gui.ui.services.coalesced import Coalesced
from fintune_gui.ui.services.desktop import tell_desktop
from fintune_gui.ui.services.health_watch import HealthWatch
from fintune_gui.ui.services.jobs import TrainerThread
from fintune_gui.ui.services.notifications import Notification, notifications
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.services.settings import WindowSettings
from fintune_gui.ui.shortcuts import EVERYWHERE, Command, ShortcutList, add_actions, commands_of, step_commands
from fintune_gui.ui.step_pages import StepPages
from fintune_gui.ui.theme import Appearance, theme
from fintune_gui.ui.widgets.command_palette import CommandPalette
from fintune_gui.ui.widgets.project_menu import ProjectMenu
from fintune_gui.ui.widgets.rail import Rail
from fintune_gui.ui.widgets.toasts import ToastArea

_MEMORY_EVERY_MS = 3000
_SMALLEST = (900, 600)
_USUAL = (1280, 800)


class MainWindow(QMainWindow):
    """Home while no project is open; else the rail and the page of one step."""

    def __init__(self, settings: WindowSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or WindowSettings()
        self.session = ProjectSession(self)
        self.setWindowTitle("Fintune")
        self.setObjectName("window")
        self.setAcceptDrops(True)
        self.setMinimumSize(*_SMALLEST)
        self.resize(*_USUAL)
        self.restoreGeometry(QByteArray.fromBase64(self.settings.geometry.encode()))
        self._keys: ShortcutList | None = None
        self._leaving = False
        self._build()
        self._connect()
        self._show_home()

    # Putting together

    def _build(self) -> None:
        self.home = HomePage()
        self._menu = ProjectMenu(self, self.settings.appearance)
        self.rail = Rail(self._menu)
        self.pages = StepPages(self.session)
        self._work = QWidget()
        layout = QHBoxLayout(self._work)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.rail)
        layout.addWidget(self.pages, 1)
        self._leaving_screen = LeavingScreen()
        self._screens = QStackedWidget()
        for screen in (self.home, self._work, self._leaving_screen):
            self._screens.addWidget(screen)
        self.setCentralWidget(self._screens)
        self.toasts = ToastArea(self._screens)
        self._refreshing = Coalesced(self._refresh, self)
        self._memory = QTimer(self)
        self._memory.setInterval(_MEMORY_EVERY_MS)
        self.finder = CommandPalette(self)
        self._handlers: dict[str, Callable[[], object]] = {
            "palette": self.open_palette,
            "continue": self._continue,
            "undo": self.pages.undo,
            "redo": self.pages.redo,
            "new": self.new_project,
            "open": self.choose_project,
            "keys": self.show_keys,
            "quit": self.close,
            "close_project": self.close_project,
            "folder": self._show_folder,
            "rename": self.rail.name.edit,
            "light": partial(self.set_appearance, "light"),
            "dark": partial(self.set_appearance, "dark"),
            "system": partial(self.set_appearance, "system"),
        }
        add_actions(self, self._handlers, self.show_step)

    def _connect(self) -> None:
        session = self.session
        session.opened.connect(self._on_opened)
        session.closed.connect(self.pages.forget)
        session.project_changed.connect(self._refreshing.ask)
        session.facts_changed.connect(self._refreshing.ask)
        session.rows_changed.connect(self._refreshing.ask_later)
        session.read_only_changed.connect(self._show_saved)
        session.jobs.started.connect(self._on_job_started)
        session.jobs.finished.connect(self._on_job_finished)
        HealthWatch.of(session).announce(lambda: self.pages.step is Step.DATA, lambda: self.show_step(Step.DATA))
        self._memory.timeout.connect(self._show_memory)
        menu = self._menu
        menu.rename.connect(self.rail.name.edit)
        menu.show_folder.connect(self._show_folder)
        menu.new.connect(self.new_project)
        menu.open.connect(self.choose_project)
        menu.close_project.connect(self.close_project)
        menu.keys.connect(self.show_keys)
        menu.appearance.connect(self.set_appearance)
        self.rail.chosen.connect(self.show_step)
        self.pages.asked.connect(self.show_step)
        self.rail.renamed.connect(self._rename)
        self.home.open_requested.connect(self.open_project)
        self.home.sample_ready.connect(self._open_sample)
        self.home.choose_requested.connect(self.choose_project)
        self.home.created.connect(self._on_created)
        self.home.resume_requested.connect(self._resume)
        self._leaving_screen.close_now.connect(self._close_now)
        self.finder.ran.connect(self._remember_command)
        notifications().listen(self._show_notification)
        notifications().withdrawn.connect(self.toasts.remove)

    # Projects

    @Slot(object)
    def open_project(self, path: Path) -> bool:
        """Open a project; what keeps it from opening is said. Returns whether it is open."""
        if self._busy_elsewhere(path):
            return False
        try:
            self.session.open(path)
        except FintuneError as error:
            notifications().show_error(error)
            return False
        return True

    @Slot(object, str)
    def _open_sample(self, folder: Path, key: str) -> None:
        """Open a sample's project; a model that comes with the program is made ready meanwhile."""
        sample = find_sample(key)
        if not self.open_project(folder) or self.session.read_only:
            return
        if sample.model_on_board and self.session.project.model is None:
            self.pages.prepare_model(sample.model)

    def _busy_elsewhere(self, path: Path) -> bool:
        """A run goes on in the open project: another one gets a window of its own."""
        if not self.session.is_open or not self.session.jobs.running or path == self.session.folder.folder:
            return False
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "fintune_gui"]
        QProcess.startDetached(program[0], [*program[1:], str(path)])
        notifications().say("The other project opens in a window of its own.", "Here the work goes on.")
        return True

    @Slot()
    def choose_project(self) -> None:
        """Let the user choose a project's folder."""
        path = QFileDialog.getExistingDirectory(self, "Open a project: choose its folder", self.home.start_folder())
        if path:
            self.open_project(Path(path))

    @Slot()
    def new_project(self) -> None:
        """Show Home with the card for a new project."""
        if self.close_project():
            self.home.begin_new_project()

    @Slot()
    def close_project(self) -> bool:
        """Back to Home; refused while a job is running."""
        if self.session.jobs.running:
            notifications().say("Work is still going on.", "Stop it first; everything so far is kept.", "warn")
            return False
        self.session.close()
        self._show_home()
        return True

    @Slot(object, object)
    def _on_created(self, folder: Path, files: list[str]) -> None:
        if self.open_project(folder) and files:
            self._import(files)

    @Slot(object, int)
    def _resume(self, folder: Path, run: int) -> None:
        if self.open_project(folder):
            self.show_step(Step.TRAIN)
            if self.session.read_only:
                notifications().say("The run cannot be resumed here.", self.session.read_only, "warn")
            else:
                self.session.jobs.start(self.session.folder.run_folder(run))

    @Slot(str)
    def _rename(self, name: str) -> None:
        self.session.apply(self.session.project.with_(name=name))

    @Slot()
    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.session.folder.folder)))

    @Slot()
    def _on_opened(self) -> None:
        last = self.settings.last_step(self.session.project.id)
        self._screens.setCurrentWidget(self._work)
        self.show_step(Step(last) if last in set(Step) else Step.OBJECTIVE)
        self.rail.items[self.pages.step or Step.OBJECTIVE].setFocus()

    def _show_home(self) -> None:
        self.setWindowTitle("Fintune")
        self._screens.setCurrentWidget(self.home)
        self.home.reload()

    # Steps

    @Slot(object)
    def show_step(self, step: Step) -> None:
        """Show the page of a step; any step can be shown at any time."""
        if self.session.is_open and self.pages.show_step(step, self._state_of(step)):
            self.rail.set_current(step)
            self.settings.remember_step(self.session.project.id, step.value)
            self._refresh_rail()

    def _state_of(self, step: Step) -> StepState:
        return next(state for state in self.session.states if state.step is step)

    def _refresh(self) -> None:
        """Show what is true now: the rail, the title, and the page on screen."""
        if self.session.is_open and self.pages.step is not None:
            self._refresh_rail()
            self.pages.fill(self._state_of(self.pages.step))

    def _refresh_rail(self) -> None:
        self.rail.name.set_name(self.session.project.name)
        self.rail.show_states(self.session.states)
        self.setWindowTitle(f"{self.session.project.name} – Fintune")

    @Slot()
    def _continue(self) -> None:
        page = self.pages.page
        button = page.header.primary if page else self.home.primary
        if button.isVisible() and button.isEnabled():
            button.click()

    # Jobs

    @Slot(object)
    def _on_job_started(self, thread: TrainerThread) -> None:
        thread.events.connect(self._on_events)
        self.session.refresh_facts()

    @Slot(object)
    def _on_events(self, events: list[Event]) -> None:
        """The rail and the title tell how far a training run is, whatever page is shown."""
        if any(isinstance(event, Started | Plan) for event in events):
            self.session.refresh_facts()  # one that waited may have begun by itself
        step = next((event for event in reversed(events) if isinstance(event, TrainStep)), None)
        thread = self.sender()
        at_work = thread.folder.name if isinstance(thread, TrainerThread) else ""
        run = next((run for run in self.session.facts.runs if f"{run.number:04d}" == at_work), None)
        if step is None or run is None or not run.total_steps:
            return
        line = f"run {run.number} · step {step.step:,} of {run.total_steps:,}"
        self.rail.items[Step.TRAIN].show_state(StepState(step=Step.TRAIN, state="running", line=line))
        share = step.step / run.total_steps
        self.setWindowTitle(f"{share:.0%} · {self.session.project.name} – Fintune".replace("%", " %"))

    @Slot(object, object)
    def _on_job_finished(self, thread: TrainerThread, ended: Ended) -> None:
        if self._leaving:
            self._leaving_screen.show_running(len(self.session.jobs.running))
            if not self.session.jobs.running:
                self.close()
            return
        if self.session.is_open:
            self.session.refresh_facts()
        if not self.isActiveWindow():
            tell_desktop(self, thread.folder, ended)

    # What is said

    @Slot(object)
    def _show_notification(self, notification: Notification) -> None:
        self.toasts.add(
            notification.title,
            notification.text,
            notification.tone,
            key=notification.key,
            seconds=notification.seconds,
            actions=notification.actions,
            details=notification.problem.details if notification.problem else "",
        )

    @Slot(str)
    def _show_saved(self, read_only: str) -> None:
        self.rail.show_saved(
            f"Read-only: {read_only}" if read_only else "All changes saved", "warn" if read_only else None
        )

    @Slot()
    def _show_memory(self) -> None:
        memory = psutil.virtual_memory()
        self.rail.show_memory("This computer", memory.total - memory.available, memory.total)

    @Slot()
    def show_keys(self) -> None:
        """The list of keys."""
        if self._keys is None:
            self._keys = ShortcutList(self)
        self._keys.show()
        self._keys.raise_()

    @Slot()
    def open_palette(self) -> None:
        """Ctrl+K: every action of the window and of the page on screen."""
        if self._screens.currentWidget() is self._leaving_screen:
            return
        self.finder.recent = self.settings.recent_commands
        self.finder.open(self.commands())

    def commands(self) -> list[Command]:
        """Everything that can be done now, and why not."""
        page, closed = self.pages.page, "" if self.session.is_open else "Open a project first."
        of_project = ("undo", "redo", "close_project", "folder", "rename")
        handlers = {name: act for name, act in self._handlers.items() if name != "palette"}
        own = commands_of(EVERYWHERE, handlers, group="Fintune", reasons=dict.fromkeys(of_project, closed))
        return [*(page.commands() if page is not None else ()), *step_commands(self.show_step, closed), *own]

    @Slot(str)
    def _remember_command(self, _words: str) -> None:
        self.settings.recent_commands = self.finder.recent

    @Slot(str)
    def set_appearance(self, appearance: Appearance) -> None:
        """Light, dark or as the system, at once and from now on."""
        self.settings.appearance = appearance
        theme().apply(appearance)

    # Files

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.take_files(paths)

    def take_files(self, paths: list[Path]) -> None:
        """Open a dropped project; import dropped files, into a new project if none is open."""
        project = next((path for path in paths if (path / PROJECT_FILE).is_file() or path.name == PROJECT_FILE), None)
        if project is not None:
            self.open_project(project)
        elif self.session.is_open:
            self._import([str(path) for path in paths])
        else:
            self.home.begin_new_project([str(path) for path in paths])

    def _import(self, files: list[str]) -> None:
        self.show_step(Step.DATA)
        if (page := self.pages.page) is not None:
            page.import_files(files)

    # The window's life

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_memory()
        self._memory.start()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Running jobs save and end first; the window stays, and says so, until they have or their time is up."""
        if self.session.jobs.running and not self._leaving:
            self._leaving = True
            self._leaving_screen.show_running(len(self.session.jobs.running))
            self._leaving_screen.start()
            self._screens.setCurrentWidget(self._leaving_screen)
            self.session.jobs.leave_all()
        if self.session.jobs.running and not self._leaving_screen.time_is_up:
            event.ignore()
            return
        self.settings.geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        self._memory.stop()
        self._refreshing.stop()
        self._leaving_screen.stop()
        self.session.close()
        notifications().unlisten(self._show_notification)
        super().closeEvent(event)

    @Slot()
    def _close_now(self) -> None:
        self.session.jobs.kill_all()
        self.close()
