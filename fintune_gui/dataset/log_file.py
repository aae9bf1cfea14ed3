"""Opening ``edits.sqlite``: for changing, for looking at it beside a writer, or as a copy where it cannot be opened."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import numpy as np

from fintune_gui.dataset.row_sets import MARKED, OUT, joined, to_blob
from fintune_gui.project.errors import DataError, FintuneError
from fintune_gui.project.files import disk_problem, sync_folder

LOG_FILE = "edits.sqlite"

_VERSION = 3
"""Raised when the tables change; older files get the new tables when they are opened."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS op(seq INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER NOT NULL, time REAL NOT NULL,
    kind TEXT NOT NULL, label TEXT NOT NULL, params TEXT NOT NULL, cells INTEGER NOT NULL, rows INTEGER NOT NULL,
    digest TEXT NOT NULL, size INTEGER NOT NULL, change BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cell(col TEXT, rid INTEGER, val TEXT, PRIMARY KEY(col, rid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS row_set(kind TEXT, name TEXT, rows BLOB NOT NULL, PRIMARY KEY(kind, name));
CREATE TABLE IF NOT EXISTS note(rid INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS generation(file TEXT PRIMARY KEY, col TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shown(col TEXT PRIMARY KEY, file TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS segment(start INTEGER PRIMARY KEY, rows INTEGER NOT NULL, file TEXT, info TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS naming(col TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS view(name TEXT PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS draft(one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS place(one INTEGER PRIMARY KEY CHECK (one = 1), head INTEGER NOT NULL, tip INTEGER NOT NULL);
INSERT OR IGNORE INTO place VALUES (1, 0, 0)
"""


def create_log(path: Path) -> None:
    """Make the log of a new dataset, durable. Once there, a log that is missing is known to be lost."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        _make_tables(db)
    sync_folder(path.parent)


def connect(path: Path) -> sqlite3.Connection:
    """For changing. A transaction is on disk when it is committed."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    if _version(db, path) < _VERSION:
        _make_tables(db)
    return db


def connect_read_only(path: Path) -> sqlite3.Connection:
    """For looking, also on read-only media and while another process changes the file."""
    if not path.exists():
        return _empty()
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    try:
        version = _version(db, path)
        begun = db.execute("SELECT head FROM place").fetchone() is not None
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            version, begun = _VERSION, False
        else:
            # a folder on read-only media, or on a full disk, cannot hold the shared memory of WAL
            db.close()
            return copy_in_memory(path)
    if begun and version == _VERSION:
        return db
    db.close()
    # either somebody is making the file at this moment, and nothing has been done to the rows yet, or it is an old one
    return copy_in_memory(path) if begun else _empty()


def copy_in_memory(path: Path) -> sqlite3.Connection:
    """The log as it stands, with what a killed writer left in the write-ahead log beside it."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with TemporaryDirectory(prefix="fintune-") as temporary:
        for suffix in ("", "-wal"):
            source = path.with_name(path.name + suffix)
            if source.exists():
                copyfile(source, Path(temporary) / source.name)
        with closing(sqlite3.connect(Path(temporary) / path.name)) as db:
            db.backup(copy)
    _make_tables(copy)
    return copy


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _make_tables(db)
    return db


def _make_tables(db: sqlite3.Connection) -> None:
    """Make the tables that are missing, and bring over what older ones hold, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        _bring_over_rows(db)
        db.execute(f"PRAGMA user_version = {_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _bring_over_rows(db: sqlite3.Connection) -> None:
    """Up to version 2 each row that was out or marked had a line of its own."""
    older = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name IN ('removed', 'mark')")}
    sets: dict[tuple[str, str], list[int]] = {}
    if "removed" in older:
        for row, reason in db.execute("SELECT rid, reason FROM removed"):
            sets.setdefault((OUT, reason), []).append(row)
    if "mark" in older:
        for row, name in db.execute("SELECT rid, name FROM mark WHERE name <> 'note'"):
            sets.setdefault((MARKED, name), []).append(row)
        db.execute("INSERT INTO note SELECT rid, val FROM mark WHERE name = 'note'")
    for (kind, name), rows in sets.items():
        blob = to_blob(joined(np.zeros(0, bool), np.array(rows, np.int64), join=True))
        db.execute("INSERT INTO row_set VALUES (?, ?, ?)", (kind, name, blob))
    for table in older:
        db.execute(f"DROP TABLE {table}")


def _version(db: sqlite3.Connection, path: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > _VERSION:
        raise DataError(
            "data.newer_log",
            "The rows of this project were changed by a newer version of Fintune.",
            f"{path.name} has version {version}; this program knows version {_VERSION}.",
            "Open the project with the newer version.",
        )
    return version


def log_missing(path: Path) -> DataError:
    """The error for a dataset whose log is not there any more."""
    return DataError(
        "data.log_missing",
        "The record of your changes to the rows is missing.",
        f"{path.name} is not in the project, or is empty. The imported rows are still there.",
        "Bring the last backup back on the page Data, or start again from the imported rows.",
        details=str(path),
    )


def _log_damaged(path: Path, error: Exception | str) -> DataError:
    return DataError(
        "data.log_damaged",
        "The record of your changes to the rows cannot be read.",
        f"{path.name} is damaged. The imported rows are still there.",
        "Bring the last backup back on the page Data, or start again from the imported rows.",
        details=f"{path}: {error}",
    )


_DISK_ERRORS = {
    "SQLITE_FULL": errno.ENOSPC,
    "SQLITE_IOERR_SHMSIZE": errno.ENOSPC,  # the first page of shared memory beside the log had no room
    "SQLITE_READONLY": errno.EROFS,
}
"""What sqlite calls an error of the disk -> what the system calls it."""


def explained(path: Path, error: sqlite3.DatabaseError) -> FintuneError:
    """The sentence for an error of the log's file."""
    if isinstance(error, sqlite3.ProgrammingError):
        return DataError(
            "data.closed",
            "The rows are not open any more.",
            "They were closed or exchanged while they were read.",
            "Look at them again.",
            details=str(error),
        )
    name = getattr(error, "sqlite_errorname", "")
    if problem := disk_problem(_DISK_ERRORS.get(name), path):
        return problem
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")):
        return DataError(
            "data.unreadable",
            "The rows of this project cannot be read or changed.",
            f"The system refuses {path.name}: {error}.",
            "Check the disk and the folder's permissions, then try again. Nothing was changed.",
            details=f"{path}: {name}",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DataError(
            "data.locked",
            "The change was not made.",
            "Another program has the project's rows locked.",
            "Close the other window or command, then try again.",
        )
    return _log_damaged(path, error)
