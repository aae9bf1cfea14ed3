"""``edits.sqlite``: the only file of a dataset that changes. An append-only log of operations, and the present cells.

Every change is one transaction with synchronous=FULL: it is on disk when the call returns, or it never happened. Undo
and redo are transactions too. Nothing is deleted from the log: going back and doing something else makes a branch.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from fintune_gui.dataset import row_sets
from fintune_gui.dataset.changes import (
    CellChange,
    Change,
    Operation,
    Segment,
    carry_out,
    compress,
    decompress,
    take_back,
)
from fintune_gui.dataset.column import Mask
from fintune_gui.dataset.log_file import LOG_FILE, connect, connect_read_only, explained
from fintune_gui.dataset.places import BASE_FOLDER
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import disk_errors_explained
from fintune_gui.project.settings import Frozen

__all__ = ["LOG_FILE", "ROOT", "CellChange", "Change", "Draft", "EditLog", "Operation"]

ROOT = 0
"""The state right after the import; it has no operation."""

CHANGED_ELSEWHERE = "data.changed_elsewhere"
"""Code of the error for a change on top of rows that are not the present ones."""

_OPERATION = "seq, parent, kind, label, cells, rows, time"


class Draft(Frozen):
    """Text that is being typed and is no change yet. `cursor` is a place in `text`, `time` is Unix time."""

    row_id: int
    column: str
    text: str
    cursor: int
    time: float


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
            self._db = connect_read_only(path) if read_only else connect(path)
            self.refresh()
        except sqlite3.DatabaseError as error:
            raise explained(path, error) from error

    def close(self) -> None:
        self._db.close()

    # reading

    def refresh(self) -> None:
        """Look where in the history another connection has gone."""
        ((head, tip),) = self._rows("SELECT head, tip FROM place")
        self.head, self.tip = int(head), int(tip)

    def digest(self) -> str:
        """Hash of everything in force that changes the rows, in order; "" right after the import."""
        found = self._rows("SELECT digest FROM op WHERE seq = ?", self.head)
        return str(found[0][0]) if found else ""

    def shown_files(self) -> dict[str, str]:
        """The column file that is shown, for columns that are not shown as they were imported."""
        return dict(self._rows("SELECT col, file FROM shown"))

    def known_files(self) -> set[str]:
        """All files that any operation refers to, also undone ones."""
        return {file for (file,) in self._rows("SELECT file FROM generation")}

    def files(self) -> list[str]:
        """All files that the present state is made of, beside the base."""
        added = [segment.file for segment in self.segments() if segment.file is not None]
        return [*self.shown_files().values(), *added]

    def segments(self) -> list[Segment]:
        """The rows that came after the import, in order."""
        found = self._rows("SELECT start, rows, file, info FROM segment ORDER BY start")
        return [Segment(start, rows, file, **orjson.loads(info)) for start, rows, file, info in found]

    def names(self) -> dict[str, str]:
        """Key -> name of the columns that were renamed."""
        return dict(self._rows("SELECT col, name FROM naming"))

    def cells(self, column: str) -> tuple[list[int], list[str | None]]:
        """Row ids (sorted) and values of the edited cells of a column."""
        found = self._rows("SELECT rid, val FROM cell WHERE col = ? ORDER BY rid", column)
        return [rid for rid, _ in found], [value for _, value in found]

    def cell(self, column: str, row: int) -> tuple[list[int], list[str | None]]:
        """As `cells`, but only for one row; empty if its cell was not edited."""
        found = self._rows("SELECT rid, val FROM cell WHERE col = ? AND rid = ?", column, row)
        return [rid for rid, _ in found], [value for _, value in found]

    def row_sets(self, kind: str, total: int | None = None) -> dict[str, Mask]:
        """The sets of a kind, by name: for each of `total` rows whether it is in; None: up to the last that is."""
        found = self._rows("SELECT name, rows FROM row_set WHERE kind = ? ORDER BY name", kind)
        return {name: row_sets.from_blob(blob, total) for name, blob in found}

    def notes(self) -> dict[int, str]:
        """Row id -> what is written on it."""
        return dict(self._rows("SELECT rid, text FROM note"))

    def operation(self, seq: int) -> Operation:
        """Operation `seq`, as if it were in force."""
        found = self._rows(f"SELECT {_OPERATION} FROM op WHERE seq = ?", seq)
        if not found:
            raise DataError("data.no_operation", f"There is no step {seq} in the history.", "", "Choose another.")
        return _operation(found[0], in_force=True)

    def parameters(self, seq: int) -> dict[str, Any]:
        """What operation `seq` was asked to do."""
        found = self._rows("SELECT params FROM op WHERE seq = ?", seq)
        return dict(orjson.loads(found[0][0])) if found else {}

    def change(self, seq: int) -> Change:
        """What operation `seq` did."""
        ((blob, size),) = self._rows("SELECT change, size FROM op WHERE seq = ?", seq)
        return Change.from_bytes(decompress(blob, size))

    def operations(self, after: int = ROOT) -> list[Operation]:
        """Everything that was ever done after operation `after`, on all branches, oldest first."""
        in_force = set(self.path_to(self.head))
        found = self._rows(f"SELECT {_OPERATION} FROM op WHERE seq > ? ORDER BY seq", after)
        return [_operation(row, in_force=row[0] in in_force) for row in found]

    def history(self) -> list[Operation]:
        """Operations from the import to the present, then those that can be redone."""
        path = set(self.path_to(self.tip))
        return [operation for operation in self.operations() if operation.seq in path]

    def operations_in_force(self) -> int:
        """How many operations led here from the import."""
        return len(self.path_to(self.head))

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

    def views(self) -> dict[str, dict[str, Any]]:
        """Saved views by name."""
        return {name: orjson.loads(state) for name, state in self._rows("SELECT name, state FROM view ORDER BY name")}

    def draft(self) -> Draft | None:
        found = self._rows("SELECT state FROM draft")
        return Draft.model_validate_json(found[0][0]) if found else None

    def _rows(self, query: str, *values: object) -> list[Any]:
        """What a query finds. Raises `DataError` if the file is damaged, also where only this query looks."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise explained(self._path, error) from error

    # writing

    def append(self, kind: str, label: str, params: dict[str, Any], change: Change) -> Operation:
        """Do a change and log it, in one transaction. It is on disk when this returns."""
        plain = change.to_bytes()
        digest = before = self.digest()
        if change.changes_content:
            digest = sha256(before.encode() + kind.encode() + plain).hexdigest()[:16]
        cells = sum(len(part.rows) for part in change.cells.values()) + int(params.get("generation_cells", 0))
        rows = int(params.pop("rows_touched", 0)) or change.touched_rows()
        values = (self.head, time.time(), kind, label, orjson.dumps(params), cells, rows)
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO op(parent, time, kind, label, params, cells, rows, digest, size, change) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, digest, len(plain), compress(plain)),
            )
            seq = int(cursor.lastrowid or 0)
            files = [(part.after, key) for key, part in change.generations.items()]
            if change.segment is not None and change.segment.file is not None:
                files.append((change.segment.file, ""))
            self._require_files([file for file, _ in files])
            db.executemany("INSERT INTO generation VALUES (?, ?)", files)
            carry_out(db, change)
            db.execute("UPDATE place SET head = ?, tip = ?", (seq, seq))
        parent, now = values[:2]
        self.head = self.tip = seq
        return _operation((seq, parent, kind, label, cells, rows, now), in_force=True)

    def step_back(self, seq: int) -> Change:
        """Undo operation `seq`, which must be the last in force."""
        change, parent = self.change(seq), self.operation(seq).parent or ROOT
        with self._transaction() as db:
            take_back(db, change)
            db.execute("UPDATE place SET head = ?", (parent,))
        self.head = parent
        return change

    def step_forward(self, seq: int) -> Change:
        """Do operation `seq` again; its parent must be the last in force."""
        change = self.change(seq)
        tip = self.tip if seq in self.path_to(self.tip) else self.newest_after(seq)
        with self._transaction() as db:
            carry_out(db, change)
            db.execute("UPDATE place SET head = ?, tip = ?", (seq, tip))
        self.head, self.tip = seq, tip
        return change

    def save_view(self, name: str, state: dict[str, Any] | None) -> None:
        """Keep a view, or forget it (None)."""
        with self._transaction(changes_rows=False) as db:
            if state is None:
                db.execute("DELETE FROM view WHERE name = ?", (name,))
            else:
                db.execute("INSERT OR REPLACE INTO view VALUES (?, ?)", (name, orjson.dumps(state)))

    def save_draft(self, draft: Draft | None) -> None:
        """Keep what is being typed, or forget it (None)."""
        with self._transaction(changes_rows=False) as db:
            if draft is None:
                db.execute("DELETE FROM draft")
            else:
                db.execute("INSERT OR REPLACE INTO draft VALUES (1, ?)", (draft.model_dump_json(),))

    def remove_orphans(self, files: Sequence[Path]) -> None:
        """Delete those of `files` that no operation refers to, while nobody can log one of them."""
        if {path.name for path in files} <= self.known_files():
            return
        with self._transaction(changes_rows=False):
            known = self.known_files()
            for path in files:
                if path.name not in known:
                    with suppress(OSError):  # Windows keeps a file that somebody reads
                        path.unlink()

    @contextmanager
    def in_one(self) -> Iterator[None]:
        """Make the steps of a block one transaction: afterwards all of them are on disk, or none."""
        place = self.head, self.tip
        try:
            with self._transaction():
                yield
        except BaseException:
            self.head, self.tip = place  # not what the file says now: the caller still shows the rows of this place
            raise

    def _require_present(self) -> None:
        """Raise `DataError` if another process has changed the rows since this one read them."""
        if self._db.execute("SELECT head, tip FROM place").fetchone() != (self.head, self.tip):
            raise _changed_elsewhere()

    def _require_files(self, names: Iterable[str]) -> None:
        """Raise `DataError` if a file is gone that the rows shall be made of; another process took it for an orphan."""
        missing = [name for name in names if not (self._path.parent / BASE_FOLDER / name).exists()]
        if missing:
            raise _changed_elsewhere(f"{missing[0]} is gone")

    @contextmanager
    def _transaction(self, *, changes_rows: bool = True) -> Iterator[sqlite3.Connection]:
        if self._read_only:
            raise DataError(
                "data.read_only",
                "The rows cannot be changed here.",
                "The project is open read-only.",
                "Close the other window or command that has it open, then open it again.",
            )
        if self._db.in_transaction:
            yield self._db
            return
        with disk_errors_explained(self._path):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                if changes_rows:
                    self._require_present()
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.DatabaseError):
                    raise explained(self._path, error) from error
                raise


def _changed_elsewhere(details: str = "") -> DataError:
    return DataError(
        CHANGED_ELSEWHERE,
        "The change was not made.",
        "Another window, command or import has changed the rows meanwhile.",
        "Look at the rows as they are now, then do it again.",
        details=details,
    )


def _operation(row: tuple[Any, ...], *, in_force: bool) -> Operation:
    values = dict(zip(_OPERATION.split(", "), row, strict=True))
    return Operation(**{**values, "parent": values["parent"] or None}, in_force=in_force)
