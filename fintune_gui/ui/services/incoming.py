"""Files that the user wants to bring in: each with its own options, looked at in the background, latest wins."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Ended
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.jobs import TrainerThread
from fintune_gui.ui.services.notifications import problem_of
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.import_sheet import ImportSheet
from fintune_gui.ui.widgets.incoming_file import Choices, Incoming

if TYPE_CHECKING:
    from fintune_gui.dataset.importing import Sniffed

_FEW_FILES, _TELL_EVERY_MS = 20, 100


class IncomingFiles(QObject):
    """The files in the order in which they will be read.

    Signals:
        changed: Files have come or gone, or something was found out.
    """

    changed = Signal()

    def __init__(self, session: ProjectSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._looks: dict[str, TrainerThread] = {}
        """Jobs that ask the hub, which takes libraries and waiting that the window shall not have."""
        self._files: dict[str, Incoming] = {}
        self._tasks: dict[str, Task] = {}
        self._telling = QTimer(self)
        self._telling.setSingleShot(True)
        self._telling.timeout.connect(self.changed)

    @property
    def files(self) -> list[Incoming]:
        return list(self._files.values())

    @property
    def busy(self) -> bool:
        """Whether a file is still being looked at."""
        return bool(self._tasks or self._looks)

    @property
    def usable(self) -> bool:
        """Whether every file can be imported as it is read now."""
        return bool(self._files) and not any(file.looking or file.found is None for file in self._files.values())

    def file(self, path: str) -> Incoming | None:
        return self._files.get(path)

    def add(self, paths: Iterable[str], choices: Choices | None = None) -> None:
        """Look at more files; those that are there already stay as they are."""
        for path in paths:
            if path not in self._files:
                self._files[path] = Incoming(path, dict(choices or {}))
                self._look(path)
        self._tell()

    def obey(self, sheet: ImportSheet) -> None:
        """Do what the user wants on `sheet`."""
        sheet.hub_wanted.connect(self.add_from_hub)
        sheet.left_out.connect(self.leave_out)
        sheet.read_otherwise.connect(self.read_otherwise)
        sheet.read_all_as.connect(self.read_all_as)

    @Slot(str, object)
    def add_from_hub(self, name: str, options: Choices) -> None:
        """Look at a data set of the hub."""
        self.add([name], {"format": "hub", **options})

    @Slot(str)
    def leave_out(self, path: str) -> None:
        """Forget a file."""
        self._stop_looking(path)
        self._files.pop(path, None)
        self._tell()

    def clear(self) -> None:
        """Forget all files."""
        for path in list(self._files):
            self._stop_looking(path)
        self._files.clear()
        self._telling.stop()

    @Slot(str, str, object)
    def read_otherwise(self, path: str, name: str, value: Any) -> None:
        """Read a file with another value of the option `name`; None leaves it to the program."""
        file = self._files[path]
        choices = {known: chosen for known, chosen in file.choices.items() if known != name}
        if name == "format":
            choices = {}  # the other options belong to the format that was meant before
        if value is not None:
            choices[name] = value
        self._choose(path, choices)

    @Slot(str)
    def read_all_as(self, path: str) -> None:
        """Read all files with the options of this one."""
        choices = self._files[path].choices
        for other in self._files:
            self._choose(other, choices)

    # Inside

    def _tell(self) -> None:
        """Say soon that something changed; with many files not for each one."""
        if not self._telling.isActive():
            self._telling.start(0 if len(self._files) <= _FEW_FILES else _TELL_EVERY_MS)

    def _choose(self, path: str, choices: Choices) -> None:
        file = self._files[path]
        if dict(choices) != dict(file.choices):
            self._files[path] = replace(file, choices=dict(choices), looking=True)
            self._look(path)
            self._tell()

    def _look(self, path: str) -> None:
        self._stop_looking(path)
        file = self._files[path]
        folder = self._session.folder
        task = run_in_background(
            self,
            (lambda _task: _ask_hub(folder, file)) if file.is_hub else (lambda task: _look_at(file, task)),
            success=partial(self._follow if file.is_hub else self._take, path),
            failure=partial(self._cannot_use, path),
        )
        if self._files[path].looking:  # and not found out at once
            self._tasks[path] = task

    def _stop_looking(self, path: str) -> None:
        if (task := self._tasks.pop(path, None)) is not None:
            task.abandon()
        if (look := self._looks.pop(path, None)) is not None:
            look.cancel()

    def _follow(self, path: str, folder: Path) -> None:
        """The question to the hub is written: let a child process ask it."""
        self._tasks.pop(path, None)
        self._looks[path] = self._session.jobs.start(folder)
        self._looks[path].ended.connect(self._on_answer)

    @Slot(object)
    def _on_answer(self, ended: Ended) -> None:
        path = next((path for path, look in self._looks.items() if look is self.sender()), None)
        if path is None:
            return
        del self._looks[path]
        if ended.problem is not None or not ended.result:
            self._put(path, found=None, problem=ended.problem)
            return
        from fintune_gui.dataset.importing import Sniffed

        (answer,) = ended.result["files"]
        if "problem" in answer:
            self._put(path, found=None, problem=Problem.model_validate(answer["problem"]))
        else:
            self._put(path, found=Sniffed.model_validate(answer["found"]), problem=None)

    def _take(self, path: str, seen: tuple[int, Sniffed]) -> None:
        size, found = seen
        self._put(path, bytes=size, found=found, problem=None)

    def _cannot_use(self, path: str, error: Exception) -> None:
        self._put(path, found=None, problem=problem_of(error))

    def _put(self, path: str, **seen: Any) -> None:
        self._tasks.pop(path, None)
        self._files[path] = replace(self._files[path], looking=False, **seen)
        self._tell()


def _look_at(file: Incoming, task: Task) -> tuple[int, Sniffed]:
    from fintune_gui.dataset.importing import sniff

    task.check_cancelled()
    choice = file.as_choice()
    found = sniff(choice)
    return os.path.getsize(file.path) if os.path.isfile(file.path) else 0, found


def _ask_hub(folder: ProjectFolder, file: Incoming) -> Path:
    from fintune_gui.dataset.runs import create_look

    return create_look(folder, [file.as_choice()])
