"""One writer per folder: an operating-system lock on a file, so that a crash never leaves a folder locked."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"


class FolderLock:
    """Held by the window or command that may change a project, and by the process that works on a job."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(str(folder / LOCK_FILE), timeout=0)

    def acquire(self) -> bool:
        """Whether the folder is ours to change now. False if another process has it, or it is read-only."""
        try:
            self._lock.acquire()
        except (Timeout, PermissionError, OSError):
            return False
        return True

    def release(self) -> None:
        """Give the folder back; releasing twice is harmless."""
        self._lock.release()


def folder_is_writable(folder: Path) -> bool:
    """Whether files can be made in `folder`."""
    return os.access(folder, os.W_OK)
