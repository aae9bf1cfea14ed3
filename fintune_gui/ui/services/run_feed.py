"""One job's history for a page: read from its events in the background, then kept up to date while the job works."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from fintune_gui.project.coach import Coach
from fintune_gui.project.errors import FintuneError, ProjectError
from fintune_gui.project.events import Ended, Event
from fintune_gui.project.finding import Finding, Rule, read_silenced, silence
from fintune_gui.project.history import RunHistory, read_history_and_newest
from fintune_gui.project.spec import JobSpec, TrainSpec, read_spec
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.jobs import JobRunner, TrainerThread
from fintune_gui.ui.services.notifications import notifications

_READ_AGAIN_MS = 2000
_OVERLAP = 4000
"""So many of the events that were read last may come a second time, from the thread that was already listening."""


class _Told(NamedTuple):
    spec: JobSpec | None
    history: RunHistory
    newest: list[Event]
    coach: Coach | None
    silenced: set[str]


def _read_job(folder: Path) -> _Told:
    """What a job's folder tells: its specification (None if unreadable) and its history."""
    try:
        spec: JobSpec | None = read_spec(folder)
    except ProjectError:
        spec = None
    history, newest = read_history_and_newest(folder, _OVERLAP)
    coach = Coach(spec.objective) if isinstance(spec, TrainSpec) else None
    if coach is not None:
        coach.look(history)  # a long run takes a moment
    return _Told(spec, history, newest, coach, read_silenced(folder))


class RunFeed(QObject):
    """Watches one job folder at a time, whether its job is over, works for this window, or for another program.

    Attributes:
        folder: The watched folder, or None.
        spec: The job's specification, once it is read.
        history: Everything that has happened so far.
        ready: Whether what is on disk has been read.

    Signals:
        changed: The history has grown, or is that of another job.
        ended: The `Ended` of a job that worked for this window.
    """

    changed = Signal()
    ended = Signal(object)

    def __init__(self, jobs: JobRunner, parent: QObject) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self.spec: JobSpec | None = None
        self.history = RunHistory()
        self.ready = False
        self._coach: Coach | None = None
        self._silenced: set[str] = set()
        self._jobs = jobs
        self._early: list[Event] = []
        self._thread: TrainerThread | None = None
        self._reading: Task | None = None
        self._busy = False
        self._again = QTimer(self)
        self._again.setInterval(_READ_AGAIN_MS)
        self._again.timeout.connect(self._read)
        jobs.started.connect(self._on_started)

    @property
    def thread_at_work(self) -> TrainerThread | None:
        """The thread of the job, if it works for this window."""
        return self._thread

    @property
    def findings(self) -> list[Finding]:
        """What the coach has to say about a training run, but for what the user does not want to hear again."""
        found = self._coach.look(self.history) if self._coach is not None else []
        return [finding for finding in found if finding.rule not in self._silenced]

    def silence(self, rule: Rule) -> None:
        """Let the coach say nothing more of this kind about the watched run; remembered with the run."""
        if self.folder is None:
            return
        self._silenced.add(rule)
        try:
            silence(self.folder, rule)
        except FintuneError as error:
            notifications().show_error(error)
        self.changed.emit()

    def watch(self, folder: Path | None) -> None:
        """Show the job in `folder` from now on; its history comes with the next `changed`."""
        if folder == self.folder:
            return
        self._let_go()
        self.folder, self.spec, self.history, self.ready = folder, None, RunHistory(), False
        self._coach, self._silenced = None, set()
        self._early.clear()
        if self._reading is not None:
            self._reading.abandon()
        self._busy = False
        if folder is None:
            self.changed.emit()
            return
        if (thread := self._jobs.job(folder)) is not None:
            self._follow(thread)
        self._read()

    def read_again_while(self, *, working: bool) -> None:
        """Whether to look into the file again and again: the job works for another window or command."""
        if working and self._thread is None:
            if not self._again.isActive():
                self._again.start()
        else:
            self._again.stop()

    def refresh(self) -> None:
        """Read what is on disk again."""
        if self._thread is None:
            self._read()

    @Slot()
    def _read(self) -> None:
        folder = self.folder
        if folder is None or self._busy:
            return

        def work(_task: Task) -> _Told:
            return _read_job(folder)

        self._busy = True
        self._reading = run_in_background(self, work, success=self._take, failure=self._fail)

    def _fail(self, error: Exception) -> None:
        self._busy = False
        notifications().show_error(error)

    def _take(self, told: _Told) -> None:
        self._busy = False
        self.spec = told.spec
        self._silenced |= told.silenced
        if not self.ready or self._thread is None:
            self.history, self._coach = told.history, told.coach
            self.history.extend(event for event in self._early if event not in told.newest)
        self._early.clear()
        self.ready = True
        self.changed.emit()

    # The job works for this window

    @Slot(object)
    def _on_started(self, thread: TrainerThread) -> None:
        if thread.folder == self.folder:
            self._follow(thread)
            self.changed.emit()

    def _follow(self, thread: TrainerThread) -> None:
        if thread is self._thread:
            return
        self._let_go()
        self._again.stop()
        self._thread = thread
        thread.events.connect(self._on_events)
        thread.ended.connect(self._on_ended)

    def _let_go(self) -> None:
        if self._thread is not None:
            self._thread.events.disconnect(self._on_events)
            self._thread.ended.disconnect(self._on_ended)
            self._thread = None

    @Slot(object)
    def _on_events(self, events: list[Event]) -> None:
        if self.sender() is not self._thread:
            return
        if not self.ready:
            self._early += events
            return
        self.history.extend(events)
        self.changed.emit()

    @Slot(object)
    def _on_ended(self, ended: Ended) -> None:
        if self.sender() is not self._thread:
            return
        self._let_go()
        self.changed.emit()
        self.ended.emit(ended)
