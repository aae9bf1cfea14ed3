"""One writer per project: an operating-system lock on a file, so that a crash never leaves a project locked."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"


class ProjectLock:
    """Held by the window or command that may change a project."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(str(folder / LOCK_FILE), timeout=0)

    def acquire(self) -> bool:
        """Whether the project is ours to change now. False if another window has it, or the folder is read-only."""
        try:
            self._lock.acquire()
        except (Timeout, PermissionError, OSError):
            return False
        return True

    def release(self) -> None:
        """Give the project back; releasing twice is harmless."""
        self._lock.release()

    @property
    def held(self) -> bool:
        return bool(self._lock.is_locked)


def folder_is_writable(folder: Path) -> bool:
    """Whether files can be made in `folder`."""
    return os.access(folder, os.W_OK)
