"""Long work in child processes, seen from the window: a thread that waits for each child and tells what it says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal, Slot

from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Command, Ended, Event
from fintune_gui.ui.services.notifications import problem_of

if TYPE_CHECKING:
    from fintune_gui.jobs.process import JobProcess

BATCH_EVERY_S = 0.1
"""Events reach the window in batches, at most so often."""
Starter = Callable[[Path], "JobProcess"]
"""How the process of a job folder is started; tests give it stand-ins."""
QUIT_GRACE_S = 20.0
"""How long a job may take to save when the window closes, before it is ended the hard way."""


class TrainerThread(QThread):
    """Supervises one child process; never computes.

    Signals:
        events: A list of events, at most ten lists a second, in order. The `Ended` is in the last one.
        ended: The `Ended`, exactly once, after the last `events`.
    """

    events = Signal(object)
    ended = Signal(object)

    def __init__(self, folder: Path, parent: QObject | None = None, *, start: Starter | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self._starter = start or _start_process
        self.setObjectName(f"job {folder.name}")
        self._process: JobProcess | None = None
        self._lock = threading.Lock()
        self._unsent: list[Command] = []
        self._leaving = False
        self._grace_s = QUIT_GRACE_S

    # Called by the window

    @property
    def is_leaving(self) -> bool:
        """Whether the job ends because the window closes."""
        return self._leaving

    def stop(self) -> None:
        """End after the present step, and keep the best."""
        self.send("stop")

    def pause(self) -> None:
        self.send("pause")

    def resume(self) -> None:
        self.send("continue")

    def save(self) -> None:
        """Save a checkpoint now."""
        self.send("save")

    def cancel(self) -> None:
        """End, and keep nothing."""
        self.send("cancel")

    def send(self, command: Command) -> None:
        """Say `command` to the child; one that is still starting hears it as soon as it is there."""
        with self._lock:
            if self._process is None:
                self._unsent.append(command)
            else:
                self._process.send(command)

    def leave(self, grace_s: float = QUIT_GRACE_S) -> None:
        """The window closes: let the child save and end, by a ladder that ends with a kill. Returns at once."""
        with self._lock:
            if self._leaving:
                return
            self._leaving = True
            self._grace_s = grace_s
            process = self._process
        if process is not None:
            self._see_off(process)

    def _see_off(self, process: JobProcess) -> None:
        def ladder() -> None:
            process.hang_up()
            if process.wait(self._grace_s) is None:
                process.stop_ladder("cancel", grace_s=0)

        threading.Thread(target=ladder, name=f"leaving {self.folder.name}", daemon=True).start()

    def kill(self) -> None:
        """End the child at once; it keeps what its last checkpoint holds."""
        with self._lock:
            process = self._process
        if process is not None:
            process.kill()

    # In the thread

    def run(self) -> None:
        queue: SimpleQueue[Event | None] = SimpleQueue()
        last: Ended | None = None
        try:
            process = self._start()
            threading.Thread(target=_pump, args=(process, queue), name="events", daemon=True).start()
            last = self._relay(queue)
        except Exception as error:
            last = Ended(outcome="failed", problem=problem_of(error))
            self.events.emit([last])
        if last is None:
            last = Ended(outcome="failed", problem=_SILENT_END)
            self.events.emit([last])
        self.ended.emit(last)

    def _start(self) -> JobProcess:
        process = self._starter(self.folder)
        with self._lock:
            self._process = process
            unsent, self._unsent = self._unsent, []
            leaving = self._leaving
        for command in unsent:
            process.send(command)
        if leaving:
            self._see_off(process)
        return process

    def _relay(self, queue: SimpleQueue[Event | None]) -> Ended | None:
        """Emit batches until the stream is over. Returns the end event."""
        last: Ended | None = None
        over = False
        while not over:
            batch = [queue.get()]
            time.sleep(BATCH_EVERY_S)
            while not queue.empty():
                batch.append(queue.get())
            over = batch[-1] is None
            told = [event for event in batch if event is not None]
            last = next((event for event in told if isinstance(event, Ended)), last)
            if told:
                self.events.emit(told)
        return last


def _start_process(folder: Path) -> JobProcess:
    from fintune_gui.jobs.process import JobProcess

    return JobProcess.start(folder)


_SILENT_END = Problem(
    code="training.silent_end",
    what="The work ended without saying how.",
    why="Its process is gone.",
    todo="Look into the log, and start it again.",
)


def _pump(process: JobProcess, queue: SimpleQueue[Event | None]) -> None:
    """Move events from the blocking stream into a queue, so that the relay can make batches."""
    try:
        for event in process.events():
            queue.put(event)
    except Exception as error:
        queue.put(Ended(outcome="failed", problem=problem_of(error)))
    finally:
        queue.put(None)


class JobRunner(QObject):
    """Starts jobs and keeps their threads until they are over, whatever page is shown.

    Signals:
        started: A `TrainerThread` has begun.
        finished: (TrainerThread, Ended); the thread is forgotten after it.
    """

    started = Signal(object)
    finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._threads: dict[Path, TrainerThread] = {}

    @property
    def running(self) -> list[TrainerThread]:
        """Threads of jobs that are not over."""
        return list(self._threads.values())

    def job(self, folder: Path) -> TrainerThread | None:
        """The running job of `folder`, if there is one."""
        return self._threads.get(folder)

    def start(self, folder: Path, *, start: Starter | None = None) -> TrainerThread:
        """Start the job in `folder`, or return the one that is already at work there.

        Connect to the thread's signals before the window's event loop goes on: no event comes earlier.
        """
        if (thread := self._threads.get(folder)) is not None:
            return thread
        thread = TrainerThread(folder, self, start=start)
        self._threads[folder] = thread
        thread.ended.connect(self._on_ended)
        thread.finished.connect(self._on_finished)
        thread.start()
        self.started.emit(thread)
        return thread

    def leave_all(self) -> None:
        """Let all jobs save and end: the window closes."""
        for thread in self.running:
            thread.leave()

    def kill_all(self) -> None:
        """End all jobs at once, without saving: the user does not want to wait."""
        for thread in self.running:
            thread.kill()

    @Slot(object)
    def _on_ended(self, ended: Ended) -> None:
        thread = self.sender()
        if isinstance(thread, TrainerThread):
            self._threads.pop(thread.folder, None)
            self.finished.emit(thread, ended)

    @Slot()
    def _on_finished(self) -> None:
        thread = self.sender()
        if isinstance(thread, TrainerThread):
            thread.deleteLater()
