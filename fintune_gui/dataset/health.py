"""Whether the files of a dataset are still whole, a backup of its log, and two ways out when they are not.

Looking at everything takes as long as reading it: meant for the background.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from fintune_gui.dataset.importing import BASE_FILE
from fintune_gui.dataset.log_file import LOG_FILE, connect_read_only, create_log, explained, log_missing
from fintune_gui.dataset.summary import log_is_lost, read_source
from fintune_gui.project.errors import DataError, FintuneError, Problem
from fintune_gui.project.files import disk_errors_explained, sha256_file, sync_folder
from fintune_gui.project.settings import Frozen

BACKUP_FILE = "edits.backup.sqlite"


class Backup(Frozen):
    """The last copy of a log that was whole. `operations` in force at `time` (Unix time)."""

    operations: int
    time: float


class Health(Frozen):
    """What is wrong with the files of a dataset, and what there is to go back to."""

    problems: tuple[Problem, ...] = ()
    backup: Backup | None = None

    @property
    def log_is_bad(self) -> bool:
        """Whether the changes are lost, but not the imported rows."""
        return any(problem.code in ("data.log_damaged", "data.log_missing") for problem in self.problems)


def check_health(folder: Path, *, check_cancelled: Callable[[], None] = lambda: None) -> Health:
    """Read the log and the imported rows whole, and compare the rows with the hash of their import.

    Args:
        folder: The dataset's folder.
    """
    problems: list[Problem] = []
    try:
        source = read_source(folder)
        check_log(folder)
        check_cancelled()
        if sha256_file(folder / BASE_FILE) != source["base_sha256"]:
            problems.append(_base_damaged(folder / BASE_FILE))
    except FintuneError as error:
        problems.append(error.problem)
    except OSError as error:
        problems.append(_base_damaged(folder / BASE_FILE, error))
    return Health(problems=tuple(problems), backup=read_backup(folder))


def check_log(folder: Path) -> None:
    """Raise `DataError` if the log is missing or damaged anywhere."""
    path = folder / LOG_FILE
    if log_is_lost(folder, read_source(folder)):
        raise log_missing(path)
    if path.exists():
        _quick_check(path)


def back_up(folder: Path) -> None:
    """Copy the log, if it is whole and says something new, over the last backup.

    Raises:
        DataError: if the log is damaged; the last backup is kept then.
    """
    log, backup = folder / LOG_FILE, folder / BACKUP_FILE
    if not log.exists() or (backup.exists() and _changed(log) <= backup.stat().st_mtime):
        return
    check_log(folder)
    beside = backup.with_suffix(".tmp")
    with disk_errors_explained(backup):
        beside.unlink(missing_ok=True)
        with closing(connect_read_only(log)) as source, closing(sqlite3.connect(beside)) as copy:
            source.backup(copy)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(backup)
        sync_folder(folder)


def read_backup(folder: Path) -> Backup | None:
    """What the last backup holds; None if there is none, or it is damaged too."""
    path = folder / BACKUP_FILE
    try:
        if not path.exists():
            return None
        _quick_check(path)
        with closing(connect_read_only(path)) as db:
            operations = _operations_in_force(db)
    except (FintuneError, sqlite3.DatabaseError):
        return None
    return Backup(operations=operations, time=path.stat().st_mtime)


def restore_backup(folder: Path) -> None:
    """Put the last backup in the place of the log. The damaged log is kept beside it.

    Raises:
        DataError: if there is no backup that can be used.
    """
    if read_backup(folder) is None:
        raise DataError(
            "data.no_backup",
            "There is no backup of your changes.",
            "None was made yet, or it is damaged too.",
            "Start again from the imported rows, or import the file again.",
        )
    with disk_errors_explained(folder):
        _set_aside(folder)
        with closing(connect_read_only(folder / BACKUP_FILE)) as backup, closing(_beside(folder)) as log:
            backup.backup(log)
        _put_in_place(folder)


def start_from_import(folder: Path) -> None:
    """Begin a new log over the imported rows, without any change. The damaged log is kept beside it."""
    with disk_errors_explained(folder):
        _set_aside(folder)
        create_log(folder / LOG_FILE)


def _quick_check(path: Path) -> None:
    try:
        with closing(connect_read_only(path)) as db:
            found = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
            db.execute("SELECT head, tip FROM place").fetchone()
    except sqlite3.DatabaseError as error:
        raise explained(path, error) from error
    if found != ["ok"]:
        raise explained(path, sqlite3.DatabaseError("; ".join(found)))


def _operations_in_force(db: sqlite3.Connection) -> int:
    query = (
        "WITH RECURSIVE path(seq) AS (SELECT head FROM place UNION ALL "
        "SELECT op.parent FROM op JOIN path ON op.seq = path.seq WHERE op.parent > 0) "
        "SELECT COUNT(*) FROM path WHERE seq > 0"
    )
    return int(db.execute(query).fetchone()[0])


def _changed(log: Path) -> float:
    """When the log was last written to, the write-ahead log beside it included."""
    files = (log, log.with_name(f"{log.name}-wal"))
    return max(file.stat().st_mtime for file in files if file.exists())


def _set_aside(folder: Path) -> None:
    number = 1
    while (kept := folder / f"edits.damaged-{number}.sqlite").exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        part = folder / f"{LOG_FILE}{suffix}"
        if part.exists():
            part.replace(kept.with_name(kept.name + suffix))
    sync_folder(folder)


def _beside(folder: Path) -> sqlite3.Connection:
    path = folder / f"{LOG_FILE}.tmp"
    path.unlink(missing_ok=True)
    return sqlite3.connect(path)


def _put_in_place(folder: Path) -> None:
    beside = folder / f"{LOG_FILE}.tmp"
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    beside.replace(folder / LOG_FILE)
    sync_folder(folder)


def _base_damaged(path: Path, error: Exception | None = None) -> Problem:
    return Problem(
        code="data.base_damaged",
        what="The imported rows are not what they were.",
        why=f"{path.name} was changed or damaged since the import, so some rows may be wrong."
        if error is None
        else f"{path.name} cannot be read.",
        todo="Import the source file again; your cleaning steps can be repeated on the new rows.",
        details=f"{path}: {error or 'its hash differs from that of the import'}",
    )
