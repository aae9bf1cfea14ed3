"""A project on disk: a folder that the user can copy, back up and read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Self

from fintune_gui.project.document import Project
from fintune_gui.project.errors import ProjectError
from fintune_gui.project.files import disk_errors_explained, remove_leftovers, write_errors_explained, write_json
from fintune_gui.project.lock import FolderLock, folder_is_writable
from fintune_gui.project.migrations import migrate
from fintune_gui.project.paths import user_path

PROJECT_FILE = "project.json"
_READ_ONLY_FOLDER = "The folder is read-only."


class ProjectFolder:
    """An open project: its document, its places, and the right to change it.

    Attributes:
        folder: The project's folder.
        project: The present document; replaced as a whole by `save`.
        read_only: Why the project cannot be changed now, or "" if it can.
    """

    def __init__(self, folder: Path, project: Project, lock: FolderLock, read_only: str) -> None:
        self.folder = folder
        self.project = project
        self.read_only = read_only
        self._lock = lock

    @classmethod
    def create(cls, folder: Path, project: Project) -> ProjectFolder:
        """Make a new project in `folder`, which must not hold one, nor any other files.

        Raises:
            ProjectError: if the folder is in use or cannot be written.
        """
        folder = user_path(folder)
        require_free(folder)
        write_json(folder / PROJECT_FILE, json.loads(project.model_dump_json()))
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> ProjectFolder:
        """Open the project in `folder` (or whose ``project.json`` is given). Read-only if someone else has it open.

        Raises:
            ProjectError: if there is no project, it is damaged, or it was made by a newer version.
        """
        folder = user_path(folder)
        if folder.name == PROJECT_FILE:
            folder = folder.parent
        project = read_project(folder)
        lock = FolderLock(folder)
        read_only = ""
        if not folder_is_writable(folder):
            read_only = _READ_ONLY_FOLDER
        elif not lock.acquire():
            read_only = "Another window or command of Fintune has this project open."
        else:
            remove_leftovers(folder)
            remove_leftovers(folder / "dataset")
            _remove_half_checkpoints(folder)
        return cls(folder, project, lock, read_only)

    def save(self, project: Project) -> None:
        """Replace the document, on disk at once.

        Raises:
            ProjectError: if the project is open read-only.
            DiskFullError: if there is no room; the document stays as it was.
        """
        self.require_writable()
        if project == self.project:
            return
        write_json(self.folder / PROJECT_FILE, json.loads(project.model_dump_json()))
        self.project = project

    def require_writable(self) -> None:
        """Raise `ProjectError` if the project cannot be changed."""
        if self.read_only:
            raise ProjectError(
                "project.locked",
                f"“{self.project.name}” cannot be changed here.",
                self.read_only,
                "Copy the project to a folder in which you may write, and open the copy."
                if self.read_only == _READ_ONLY_FOLDER
                else "Close the other window, or wait until the other command has ended, then open the project again.",
            )

    def close(self) -> None:
        """Give the project back."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset"

    @property
    def splits(self) -> Path:
        return self.folder / "splits"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    @property
    def jobs(self) -> Path:
        """Folders of jobs that belong to no run: imports, model preparation, fit checks."""
        return self.folder / "jobs"

    def run_folder(self, run: int) -> Path:
        """Folder of run number `run`, whether it exists or not."""
        return self.runs / f"{run:04d}"

    def run_numbers(self) -> list[int]:
        """Numbers of all runs, oldest first."""
        if not self.runs.is_dir():
            return []
        return sorted(int(path.name) for path in self.runs.iterdir() if re.fullmatch(r"\d{4,}", path.name))

    def new_job_folder(self, kind: str) -> Path:
        """A fresh folder for a job such as "import" or "prepare"."""
        self.require_writable()
        with disk_errors_explained(self.jobs):
            self.jobs.mkdir(exist_ok=True)
            number = 1 + max((int(p.name.rsplit("-", 1)[1]) for p in self.jobs.glob(f"{kind}-[0-9]*")), default=0)
            folder = self.jobs / f"{kind}-{number:04d}"
            folder.mkdir()
        return folder


def _remove_half_checkpoints(folder: Path) -> None:
    """Delete what trainers that were killed in the middle of a save left behind: it can be gigabytes."""
    for run in {leftover.parents[1] for leftover in folder.glob("runs/*/checkpoints/.*.tmp")}:
        at_work = FolderLock(run)
        if at_work.acquire():  # else it is being written at this moment
            remove_leftovers(run / "checkpoints")
            at_work.release()


def read_project(folder: Path) -> Project:
    """The document in `folder`, migrated in memory if it is old.

    Raises:
        ProjectError: if there is none, it is damaged, or it was made by a newer version.
    """
    path = folder / PROJECT_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError("the document is not an object")
        return Project.model_validate(migrate(document))
    except (FileNotFoundError, NotADirectoryError):
        raise ProjectError(
            "project.missing",
            f"There is no project in {folder}.",
            f"The file {PROJECT_FILE} is not there.",
            "Choose the project's folder, or make a new project.",
        ) from None
    except OSError as error:
        raise ProjectError(
            "project.unreadable",
            f"The project in {folder} cannot be read.",
            "You have no permission to read it."
            if isinstance(error, PermissionError)
            else f"The system says about {PROJECT_FILE}: {error.strerror or error}.",
            "Change the folder's permissions, or copy it to a place of your own.",
        ) from error
    except (ValueError, RecursionError) as error:  # pydantic's errors are ValueErrors
        raise ProjectError(
            "project.damaged",
            f"The project in {folder} cannot be read.",
            f"{PROJECT_FILE} is damaged or was changed by hand.",
            f"Bring back a backup of {PROJECT_FILE}; the rows and runs beside it are untouched.",
            details=str(error),
        ) from error


def require_free(folder: Path) -> None:
    """Raise `ProjectError` if `folder` is there and holds anything, so that no new project can be made in it."""
    with write_errors_explained(folder):
        in_use = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if in_use and (folder / PROJECT_FILE).exists():
        raise ProjectError(
            "project.exists",
            f"There is already a project in {folder}.",
            "A new project needs a folder of its own.",
            "Open that project, or choose another name.",
        )
    if in_use:
        raise ProjectError(
            "project.folder_in_use",
            f"{folder} already holds other files.",
            "A new project needs an empty folder of its own.",
            "Choose another name or folder.",
        )
