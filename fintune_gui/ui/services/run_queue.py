"""Runs that wait for another one to end: one at a time trains, the next begins by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.errors import FintuneError
from fintune_gui.project.events import Ended
from fintune_gui.project.files import write_json
from fintune_gui.project.spec import EVENTS_FILE, SPEC_FILE
from fintune_gui.ui.services.jobs import JobRunner, TrainerThread
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.widgets.queue_card import QueueCard

WAITING_FILE = "waiting.json"
"""In the folder of a run that has not begun; so that it still waits when the program was closed meanwhile."""


class RunQueue(QObject):
    """The waiting runs of the open project, in the order of their numbers.

    Signals:
        changed: A run was added, removed or started, or whether one is at work has changed.
    """

    changed = Signal()

    def __init__(self, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._runs: Path | None = None
        self._waiting: list[Path] = []
        jobs.started.connect(self._on_started)
        jobs.finished.connect(self._on_finished)

    @property
    def waiting(self) -> list[Path]:
        """Folders of the runs that wait, next one first."""
        return list(self._waiting)

    @property
    def is_busy(self) -> bool:
        """Whether a run of the project is trained, measured or exported for this window."""
        return any(self._runs in thread.folder.parents for thread in self._jobs.running)

    def watch(self, runs: Path | None) -> None:
        """Take over the waiting runs in a project's folder of runs; none are started. None: no project is open."""
        self._runs = runs
        markers = sorted(runs.glob(f"*/{WAITING_FILE}")) if runs is not None else []
        self._waiting = [
            marker.parent
            for marker in markers
            if (marker.parent / SPEC_FILE).exists() and not (marker.parent / EVENTS_FILE).exists()
        ]
        self.changed.emit()

    def add(self, folder: Path) -> bool:
        """Start the run in `folder`, or let it wait while another is at work. Returns whether it waits.

        Raises:
            DiskFullError: if it cannot be marked as waiting; it then does not wait.
        """
        if not self.is_busy and not self._waiting:
            self._jobs.start(folder)
            return False
        write_json(folder / WAITING_FILE, {})
        self._waiting = sorted({*self._waiting, folder})
        self.changed.emit()
        if not self.is_busy:
            self.start_next()
        return True

    def remove(self, folder: Path) -> None:
        """Take a run out of the queue and delete it: nothing of it was trained yet."""
        if folder in self._waiting:
            self._waiting.remove(folder)
            shutil.rmtree(folder, ignore_errors=True)
            (folder / WAITING_FILE).unlink(missing_ok=True)
            self.changed.emit()

    @Slot()
    def start_next(self) -> None:
        """Start the first run that waits, unless another is at work."""
        if self._waiting and not self.is_busy:
            folder = self._waiting.pop(0)
            self._jobs.start(folder)
            (folder / WAITING_FILE).unlink(missing_ok=True)
            self.changed.emit()

    @Slot(object)
    def _on_started(self, _thread: TrainerThread) -> None:
        self.changed.emit()

    @Slot(object, object)
    def _on_finished(self, thread: TrainerThread, ended: Ended) -> None:
        if not thread.is_leaving and self._runs in thread.folder.parents:
            if self._waiting and ended.problem is not None and ended.outcome != "cancelled":  # pages go on to the next
                what = f"{thread.folder.name.lstrip('0')}: {ended.problem.what}"
                told = {"what": f"Run {what}", "todo": "The next one begins."}
                notifications().show_problem(ended.problem.model_copy(update=told))
            self.start_next()
        self.changed.emit()


class QueueView(QueueCard):
    """The queue on a page: hidden while nothing waits."""

    def __init__(self, queue: RunQueue) -> None:
        super().__init__()
        self._queue = queue
        queue.changed.connect(self._show)
        self.start_wanted.connect(queue.start_next)
        self.remove_wanted.connect(self._remove)
        self._show()

    def enqueue(self, folder: Path) -> bool:
        """Start the run in `folder` or let it wait, and say so. Returns whether it waits."""
        try:
            waits = self._queue.add(folder)
        except FintuneError as error:
            notifications().show_error(error)
            return False
        if waits and folder in self._queue.waiting:
            notifications().say(f"Run {int(folder.name)} waits.", "It starts by itself when the run before it ends.")
        return waits

    @Slot()
    def _show(self) -> None:
        self.show_runs([int(folder.name) for folder in self._queue.waiting], busy=self._queue.is_busy)

    @Slot(object)
    def _remove(self, number: int) -> None:
        for folder in self._queue.waiting:
            if int(folder.name) == number:
                self._queue.remove(folder)
