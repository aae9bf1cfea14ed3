"""Whether the files of a dataset are still whole, a backup of its log, and the ways out when they are not.

Looking at everything takes as long as reading it: meant for the background.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Container
from contextlib import closing
from functools import cache
from pathlib import Path

from pydantic import Field

from fintune_gui.dataset.base import BaseFile
from fintune_gui.dataset.changes import Operation
from fintune_gui.dataset.log import EditLog
from fintune_gui.dataset.log_file import LOG_FILE, connect_read_only, create_log, explained, log_missing
from fintune_gui.dataset.places import BASE_FILE, BASE_FOLDER
from fintune_gui.dataset.summary import log_is_lost, read_source
from fintune_gui.project.errors import DataError, FintuneError, Problem
from fintune_gui.project.files import disk_errors_explained, sha256_file, sync_folder, write_atomic, write_json
from fintune_gui.project.settings import Frozen

BACKUP_FILE = "edits.backup.sqlite"
_HASHES_FILE = "hashes.json"


class Backup(Frozen):
    """The last copy of a log that was whole. `operations` in force at `time` (Unix time)."""

    operations: int
    time: float


class Health(Frozen):
    """What is wrong with the files of a dataset, and what there is to go back to."""

    problems: tuple[Problem, ...] = ()
    backup: Backup | None = None
    hashes: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of every file that was found whole, by name."""

    @property
    def log_is_bad(self) -> bool:
        """Whether the changes are lost, but not the imported rows."""
        return any(problem.code in ("data.log_damaged", "data.log_missing") for problem in self.problems)

    @property
    def change_is_bad(self) -> bool:
        """Whether the file of a single change is lost; what was done before it can be had again."""
        return any(problem.code == "data.change_damaged" for problem in self.problems)


def check_health(folder: Path, *, check_cancelled: Callable[[], None] = lambda: None) -> Health:
    """Read the log and the imported rows whole, and compare the rows with the hash of their import.

    Args:
        folder: The dataset's folder.
    """
    problems: list[Problem] = []
    hashes: dict[str, str] = {}
    try:
        source = read_source(folder)
        check_log(folder)
        known = {**_read_hashes(folder), Path(BASE_FILE).name: source["base_sha256"]}
        for name in (Path(BASE_FILE).name, *_files_in_force(folder)):
            check_cancelled()
            found = _hash_if_whole(folder / BASE_FOLDER / name, known.get(name))
            if found is not None:
                hashes[name] = found
            elif name == Path(BASE_FILE).name:
                problems.append(_base_damaged(folder / BASE_FILE))
            else:
                problems.append(_change_damaged(folder / BASE_FOLDER / name))
    except FintuneError as error:
        problems.append(error.problem)
    return Health(problems=tuple(problems), backup=read_backup(folder), hashes=hashes)


def keep_hashes(folder: Path, health: Health) -> None:
    """Write down what the files are now, so that a later look sees whether they changed."""
    if health.hashes != _read_hashes(folder):
        write_json(folder / BASE_FOLDER / _HASHES_FILE, health.hashes)


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
        DiskFullError: if there is no room; the last backup is kept then too.
    """
    log, backup = folder / LOG_FILE, folder / BACKUP_FILE
    if not log.exists() or (backup.exists() and _changed(log) <= backup.stat().st_mtime):
        return
    check_log(folder)
    write_atomic(backup, lambda beside: _copy(log, beside))


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
    """Put the last backup in the place of the log. The damaged log and the files of later changes are kept aside.

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

    def fill(beside: Path) -> None:
        _copy(folder / BACKUP_FILE, beside)
        with closing(EditLog(folder / BACKUP_FILE, read_only=True)) as log:
            known = log.known_files()
        _set_aside(folder, known)  # not before there is something to take its place

    write_atomic(folder / LOG_FILE, fill)


def start_from_import(folder: Path) -> None:
    """Begin a new log over the imported rows, without any change. The log and the files of changes are kept aside."""
    with disk_errors_explained(folder):
        _set_aside(folder, set())
        create_log(folder / LOG_FILE)


def step_back_to_whole(folder: Path) -> list[Operation]:
    """Undo the last changes until no damaged file is needed. Returns what was undone, the latest first."""
    known = _read_hashes(folder)
    undone: list[Operation] = []

    @cache
    def is_damaged(name: str) -> bool:
        return _hash_if_whole(folder / BASE_FOLDER / name, known.get(name)) is None

    with closing(EditLog(folder / LOG_FILE, read_only=False)) as log:
        while any(is_damaged(name) for name in log.files()):
            undone.append(log.operation(log.head))
            log.step_back(log.head)
    return undone


def _files_in_force(folder: Path) -> list[str]:
    with closing(EditLog(folder / LOG_FILE, read_only=True)) as log:
        return log.files()


def _read_hashes(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / BASE_FOLDER / _HASHES_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def _hash_if_whole(path: Path, known: str | None) -> str | None:
    """The file's SHA-256 if it is `known`, or if nothing is known and the file can be read; else None."""
    try:
        found = sha256_file(path)
        if known is None:
            BaseFile(path).validate()
    except (OSError, DataError):
        return None
    return found if known in (None, found) else None


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


def _set_aside(folder: Path, known: Container[str]) -> None:
    """Rename the log, if there is one, and keep files of changes that are not `known` where nothing removes them."""
    number = 1
    while (kept := folder / f"edits.damaged-{number}.sqlite").exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        part = folder / f"{LOG_FILE}{suffix}"
        if part.exists():
            part.replace(kept.with_name(kept.name + suffix))
    sync_folder(folder)
    for path in (folder / BASE_FOLDER).glob("*.arrow"):
        if path.name != Path(BASE_FILE).name and path.name not in known:
            place = path.parent / kept.stem
            place.mkdir(exist_ok=True)
            path.replace(place / path.name)


def _copy(log: Path, target: Path) -> None:
    try:
        with closing(connect_read_only(log)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.DatabaseError as error:
        raise explained(target, error) from error


def _base_damaged(path: Path) -> Problem:
    return Problem(
        code="data.base_damaged",
        what="The imported rows are not what they were.",
        why=f"{path.name} was changed or damaged since the import, so some rows may be wrong.",
        todo="Import the source file again; your cleaning steps can be repeated on the new rows.",
        details=str(path),
    )


def _change_damaged(path: Path) -> Problem:
    return Problem(
        code="data.change_damaged",
        what="One of your changes to the rows cannot be shown any more.",
        why=f"Its file, {path.name}, is damaged or missing. The imported rows are still there.",
        todo="Go back to before this change, or start again from the imported rows.",
        details=str(path),
    )
