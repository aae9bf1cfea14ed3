"""``edits.sqlite``: the only file of a dataset that changes. An append-only log of operations, and the present cells.

Every change is one transaction with synchronous=FULL: it is on disk when the call returns, or it never happened. Undo
and redo are transactions too. Nothing is deleted from the log: going back and doing something else makes a branch.
"""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pyarrow as pa

from fintune_gui.dataset.base import damaged
from fintune_gui.project.errors import DataError, FintuneError
from fintune_gui.project.files import disk_errors_explained, disk_problem
from fintune_gui.project.settings import Frozen

LOG_FILE = "edits.sqlite"
ROOT = 0
"""The state right after the import; it has no operation."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS op(seq INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER NOT NULL, time REAL NOT NULL,
    kind TEXT NOT NULL, label TEXT NOT NULL, params TEXT NOT NULL, cells INTEGER NOT NULL, rows INTEGER NOT NULL,
    digest TEXT NOT NULL, size INTEGER NOT NULL, change BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cell(col TEXT, rid INTEGER, val TEXT, PRIMARY KEY(col, rid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS removed(rid INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS generation(file TEXT PRIMARY KEY, col TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shown(col TEXT PRIMARY KEY, file TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS place(one INTEGER PRIMARY KEY CHECK (one = 1), head INTEGER NOT NULL, tip INTEGER NOT NULL);
INSERT OR IGNORE INTO place VALUES (1, 0, 0);
"""


class Operation(Frozen):
    """One entry of the history.

    Attributes:
        label: A sentence with counts, for people.
        cells, rows: How many it touched.
        in_force: False once it is undone (and can be redone).
    """

    seq: int
    parent: int | None
    kind: str
    label: str
    cells: int
    rows: int
    time: float
    in_force: bool = True


@dataclass
class CellChange:
    """New values for cells of one column, and the values that were shown before."""

    rows: list[int]
    before: list[str | None]
    edited: list[bool]
    """Whether the cell had been edited before; if not, going back shows the file's value again."""
    after: list[str | None]


@dataclass
class GenerationChange:
    """A whole new file for one column. The edited cells that it swallowed are kept to bring them back."""

    before: str | None
    after: str
    rows: list[int]
    values: list[str | None]


@dataclass
class Change:
    """Everything that one operation does to the data, with what was there before."""

    cells: dict[str, CellChange] = field(default_factory=dict)
    generations: dict[str, GenerationChange] = field(default_factory=dict)
    removed_rows: list[int] = field(default_factory=list)
    reasons_before: list[str | None] = field(default_factory=list)
    reasons_after: list[str | None] = field(default_factory=list)

    @classmethod
    def from_bytes(cls, data: bytes, size: int) -> Change:
        raw = orjson.loads(pa.decompress(data, decompressed_size=size, codec="zstd", asbytes=True))
        return cls(
            cells={name: CellChange(**change) for name, change in raw["cells"].items()},
            generations={name: GenerationChange(**change) for name, change in raw["generations"].items()},
            removed_rows=raw["removed_rows"],
            reasons_before=raw["reasons_before"],
            reasons_after=raw["reasons_after"],
        )

    def columns(self) -> set[str]:
        return {*self.cells, *self.generations}


class EditLog:
    """One connection to the log. Callers hold a lock around it.

    Attributes:
        head: The last operation in force; `ROOT` right after the import.
        tip: The last operation that can be reached by redo.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self._path = path
        self._read_only = read_only
        try:
            self._db = _connect_read_only(path) if read_only else _connect(path)
            self.refresh()
        except sqlite3.DatabaseError as error:
            raise _explained(path, error) from error

    def close(self) -> None:
        self._db.close()

    # reading

    def refresh(self) -> None:
        """Look where in the history another connection has gone."""
        ((head, tip),) = self._rows("SELECT head, tip FROM place")
        self.head, self.tip = int(head), int(tip)

    def digest(self) -> str:
        """Hash of everything in force, in order; "" right after the import."""
        found = self._rows("SELECT digest FROM op WHERE seq = ?", self.head)
        return str(found[0][0]) if found else ""

    def shown_files(self) -> dict[str, str]:
        """The column file that is shown, for columns that are not shown from the base."""
        return dict(self._rows("SELECT col, file FROM shown"))

    def known_files(self) -> set[str]:
        """All column files that any operation refers to, also undone ones."""
        return {file for (file,) in self._rows("SELECT file FROM generation")}

    def cells(self, column: str) -> tuple[list[int], list[str | None]]:
        """Row ids (sorted) and values of the edited cells of a column."""
        found = self._rows("SELECT rid, val FROM cell WHERE col = ? ORDER BY rid", column)
        return [rid for rid, _ in found], [value for _, value in found]

    def removed(self) -> list[int]:
        return [rid for (rid,) in self._rows("SELECT rid FROM removed")]

    def removal_reason(self, row_id: int) -> str | None:
        found = self._rows("SELECT reason FROM removed WHERE rid = ?", row_id)
        return str(found[0][0]) if found else None

    def operation(self, seq: int) -> Operation:
        return self._operations([seq], set(self.path_to(self.head)))[0]

    def parameters(self, seq: int) -> dict[str, Any]:
        """What operation `seq` was asked to do."""
        found = self._rows("SELECT params FROM op WHERE seq = ?", seq)
        return dict(orjson.loads(found[0][0])) if found else {}

    def change(self, seq: int) -> Change:
        """What operation `seq` did."""
        ((blob, size),) = self._rows("SELECT change, size FROM op WHERE seq = ?", seq)
        return Change.from_bytes(blob, size)

    def history(self) -> list[Operation]:
        """Operations from the import to the present, then those that can be redone."""
        in_force = set(self.path_to(self.head))
        return self._operations(self.path_to(self.tip), in_force)

    def path_to(self, seq: int) -> list[int]:
        """The operations that lead from the import to `seq`, in order."""
        path = []
        parents = dict(self._rows("SELECT seq, parent FROM op"))
        while seq != ROOT:
            path.append(seq)
            seq = parents[seq]
        return path[::-1]

    def newest_after(self, seq: int) -> int:
        """The newest operation that builds on `seq`, directly or not; `seq` itself if there is none."""
        newest = {seq}
        for child, parent in self._rows("SELECT seq, parent FROM op WHERE seq > ? ORDER BY seq", seq):
            if parent in newest:
                newest.add(child)
        return max(newest)

    def _rows(self, query: str, *values: object) -> list[Any]:
        """What a query finds. Raises `DataError` if the file is damaged, also where only this query looks."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise _explained(self._path, error) from error

    def _operations(self, seqs: Sequence[int], in_force: set[int]) -> list[Operation]:
        names = "seq, parent, kind, label, cells, rows, time"
        found = []
        for seq in seqs:
            row = next(iter(self._rows(f"SELECT {names} FROM op WHERE seq = ?", seq)), None)
            if row is None:
                raise DataError("data.no_operation", f"There is no step {seq} in the history.", "", "Choose another.")
            values = dict(zip(names.split(", "), row, strict=True))
            values["parent"] = row[1] or None
            found.append(Operation(**values, in_force=seq in in_force))
        return found

    # writing

    def append(self, kind: str, label: str, params: dict[str, Any], change: Change) -> Operation:
        """Do a change and log it, in one transaction. It is on disk when this returns."""
        plain = orjson.dumps(change)
        blob = pa.compress(plain, codec="zstd", asbytes=True)
        digest = sha256(self.digest().encode() + kind.encode() + plain).hexdigest()[:16]
        cells = sum(len(part.rows) for part in change.cells.values()) + int(params.get("generation_cells", 0))
        rows = int(params.pop("rows_touched", 0)) or len(
            {row for part in change.cells.values() for row in part.rows}.union(change.removed_rows)
        )
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO op(parent, time, kind, label, params, cells, rows, digest, size, change) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self.head, time.time(), kind, label, orjson.dumps(params), cells, rows, digest, len(plain), blob),
            )
            seq = int(cursor.lastrowid or 0)
            for column, part in change.generations.items():
                db.execute("INSERT INTO generation VALUES (?, ?)", (part.after, column))
            _apply(db, change)
            db.execute("UPDATE place SET head = ?, tip = ?", (seq, seq))
        self.head = self.tip = seq
        return self.operation(seq)

    def step_back(self, seq: int) -> Change:
        """Undo operation `seq`, which must be the last in force."""
        change, parent = self.change(seq), self.operation(seq).parent or ROOT
        with self._transaction() as db:
            _take_back(db, change)
            db.execute("UPDATE place SET head = ?", (parent,))
        self.head = parent
        return change

    def step_forward(self, seq: int) -> Change:
        """Do operation `seq` again; its parent must be the last in force."""
        change = self.change(seq)
        tip = self.tip if seq in self.path_to(self.tip) else self.newest_after(seq)
        with self._transaction() as db:
            _apply(db, change)
            db.execute("UPDATE place SET head = ?, tip = ?", (seq, tip))
        self.head, self.tip = seq, tip
        return change

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._read_only:
            raise DataError(
                "data.read_only",
                "The rows cannot be changed here.",
                "The project is open read-only.",
                "Close the other window or command that has it open, then open it again.",
            )
        with disk_errors_explained(self._path):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.DatabaseError):
                    raise _explained(self._path, error) from error
                raise


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)
    return db


def _connect_read_only(path: Path) -> sqlite3.Connection:
    if not path.exists():
        return _empty_log()
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    try:
        begun = db.execute("SELECT head FROM place").fetchone() is not None
    except sqlite3.OperationalError as error:
        begun = "no such table" not in str(error)
        if begun:
            # a folder on read-only media, or on a full disk, cannot hold the shared memory of WAL
            db.close()
            return _copy_in_memory(path)
    if begun:
        return db
    db.close()  # somebody is making the file at this moment: nothing has been done to the rows yet
    return _empty_log()


def _copy_in_memory(path: Path) -> sqlite3.Connection:
    """The log as it stands, with what a killed writer left in the write-ahead log beside it."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with TemporaryDirectory(prefix="fintune-") as temporary:
        for suffix in ("", "-wal"):
            source = path.with_name(path.name + suffix)
            if source.exists():
                copyfile(source, Path(temporary) / source.name)
        with closing(sqlite3.connect(Path(temporary) / path.name)) as db:
            db.backup(copy)
    return copy


def _empty_log() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.executescript(_SCHEMA)
    return db


def _apply(db: sqlite3.Connection, change: Change) -> None:
    for column, new in change.generations.items():
        db.execute("DELETE FROM cell WHERE col = ?", (column,))
        db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?)", (column, new.after))
    for column, cells in change.cells.items():
        found = ((column, rid, value) for rid, value in zip(cells.rows, cells.after, strict=True))
        db.executemany("INSERT OR REPLACE INTO cell VALUES (?, ?, ?)", found)
    _set_removed(db, change.removed_rows, change.reasons_after)


def _take_back(db: sqlite3.Connection, change: Change) -> None:
    _set_removed(db, change.removed_rows, change.reasons_before)
    for column, cells in change.cells.items():
        states = list(zip(cells.rows, cells.before, cells.edited, strict=True))
        edited = [(column, rid, value) for rid, value, was_edited in states if was_edited]
        db.executemany("INSERT OR REPLACE INTO cell VALUES (?, ?, ?)", edited)
        untouched = [(column, rid) for rid, _, was_edited in states if not was_edited]
        db.executemany("DELETE FROM cell WHERE col = ? AND rid = ?", untouched)
    for column, old in change.generations.items():
        if old.before is None:
            db.execute("DELETE FROM shown WHERE col = ?", (column,))
        else:
            db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?)", (column, old.before))
        found = ((column, rid, value) for rid, value in zip(old.rows, old.values, strict=True))
        db.executemany("INSERT OR REPLACE INTO cell VALUES (?, ?, ?)", found)


def _set_removed(db: sqlite3.Connection, rows: Sequence[int], reasons: Sequence[str | None]) -> None:
    out = [(rid, reason) for rid, reason in zip(rows, reasons, strict=True) if reason is not None]
    db.executemany("INSERT OR REPLACE INTO removed VALUES (?, ?)", out)
    back = [(rid,) for rid, reason in zip(rows, reasons, strict=True) if reason is None]
    db.executemany("DELETE FROM removed WHERE rid = ?", back)


_DISK_ERRORS = {
    "SQLITE_FULL": errno.ENOSPC,
    "SQLITE_IOERR_SHMSIZE": errno.ENOSPC,  # the first page of shared memory beside the log had no room
    "SQLITE_READONLY": errno.EROFS,
}
"""What sqlite calls an error of the disk -> what the system calls it."""


def _explained(path: Path, error: sqlite3.DatabaseError) -> FintuneError:
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
    return damaged(path, error)
