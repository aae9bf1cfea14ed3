"""What one operation does to the rows, with all that is needed to take it back; and how the log carries it out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from fintune_gui.project.settings import Frozen

FLAG, STAR, NOTE = "flag", "star", "note"
"""The marks that a row can bear. They say something about a row and do not change it."""


class Operation(Frozen):
    """One entry of the history.

    Attributes:
        parent: The operation it builds on; None for the first.
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
class Segment:
    """Rows that came after the import; they lie behind all rows that were there before.

    Attributes:
        start: Id of the first row.
        file: Arrow file in the folder of the base; None if the rows have only cells that were set by hand.
        columns: Keys of the columns in `file`.
        fill: New columns of the file -> what stands in them in all rows that were there before.
        sources: The files that the rows were read from, as `SourceFile` writes itself.
        mended: Which rejected rows these are, if they were mended.
    """

    start: int
    rows: int
    file: str | None = None
    columns: list[str] = field(default_factory=list)
    fill: dict[str, str] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    mended: list[int] = field(default_factory=list)


@dataclass
class Change:
    """Everything that one operation does. Columns are named by their keys, which renaming does not change.

    Attributes:
        renamed: Key of a column -> its name before and after.
        marks: Name of a mark -> the rows that get or lose it.
    """

    cells: dict[str, CellChange] = field(default_factory=dict)
    generations: dict[str, GenerationChange] = field(default_factory=dict)
    removed_rows: list[int] = field(default_factory=list)
    reasons_before: list[str | None] = field(default_factory=list)
    reasons_after: list[str | None] = field(default_factory=list)
    segment: Segment | None = None
    renamed: dict[str, tuple[str, str]] = field(default_factory=dict)
    marks: dict[str, CellChange] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_bytes(cls, plain: bytes) -> Change:
        raw = orjson.loads(plain)
        segment = raw.pop("segment", None)
        return cls(
            cells={name: CellChange(**change) for name, change in raw.pop("cells").items()},
            generations={name: GenerationChange(**change) for name, change in raw.pop("generations").items()},
            marks={name: CellChange(**change) for name, change in raw.pop("marks", {}).items()},
            renamed={key: (before, after) for key, (before, after) in raw.pop("renamed", {}).items()},
            segment=None if segment is None else Segment(**segment),
            **raw,
        )

    def columns(self) -> set[str]:
        """Keys of the columns in which values change."""
        return {*self.cells, *self.generations}

    @property
    def changes_content(self) -> bool:
        """Whether the rows themselves change, and not only what is marked on them."""
        return bool(self.cells or self.generations or self.removed_rows or self.segment or self.renamed)

    def touched_rows(self) -> int:
        """How many rows the change names one by one."""
        parts = [*self.cells.values(), *self.marks.values()]
        return len({row for part in parts for row in part.rows}.union(self.removed_rows))


def compress(plain: bytes) -> bytes:
    return pa.compress(plain, codec="zstd", asbytes=True)  # type: ignore[no-any-return]


def decompress(data: bytes, size: int) -> bytes:
    return pa.decompress(data, decompressed_size=size, codec="zstd", asbytes=True)  # type: ignore[no-any-return]


def carry_out(db: sqlite3.Connection, change: Change) -> None:
    """Make `change` the present state, inside the caller's transaction."""
    if change.segment is not None:
        part = change.segment
        info = orjson.dumps(
            {"columns": part.columns, "fill": part.fill, "sources": part.sources, "mended": part.mended}
        )
        db.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (part.start, part.rows, part.file, info))
    for key, (_, name) in change.renamed.items():
        db.execute("INSERT OR REPLACE INTO naming VALUES (?, ?)", (key, name))
    for key, new in change.generations.items():
        db.execute("DELETE FROM cell WHERE col = ?", (key,))
        db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?)", (key, new.after))
    for key, cells in change.cells.items():
        _put(db, "cell", ((key, rid, value) for rid, value in zip(cells.rows, cells.after, strict=True)))
    for name, cells in change.marks.items():
        _set_marks(db, name, cells.rows, cells.after)
    _set_removed(db, change.removed_rows, change.reasons_after)


def take_back(db: sqlite3.Connection, change: Change) -> None:
    """Undo `change`, which must be the last one in force, inside the caller's transaction."""
    _set_removed(db, change.removed_rows, change.reasons_before)
    for name, cells in change.marks.items():
        _set_marks(db, name, cells.rows, cells.before)
    for key, cells in change.cells.items():
        states = list(zip(cells.rows, cells.before, cells.edited, strict=True))
        _put(db, "cell", ((key, rid, value) for rid, value, was_edited in states if was_edited))
        untouched = [(key, rid) for rid, _, was_edited in states if not was_edited]
        db.executemany("DELETE FROM cell WHERE col = ? AND rid = ?", untouched)
    for key, old in change.generations.items():
        if old.before is None:
            db.execute("DELETE FROM shown WHERE col = ?", (key,))
        else:
            db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?)", (key, old.before))
        _put(db, "cell", ((key, rid, value) for rid, value in zip(old.rows, old.values, strict=True)))
    for key, (name, _) in change.renamed.items():
        db.execute("INSERT OR REPLACE INTO naming VALUES (?, ?)", (key, name))
    if change.segment is not None:
        db.execute("DELETE FROM segment WHERE start = ?", (change.segment.start,))


def _put(db: sqlite3.Connection, table: str, rows: Iterable[tuple[str, int, str | None]]) -> None:
    db.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", rows)


def _set_marks(db: sqlite3.Connection, name: str, rows: Sequence[int], values: Sequence[str | None]) -> None:
    states = list(zip(rows, values, strict=True))
    _put(db, "mark", ((name, rid, value) for rid, value in states if value is not None))
    gone = [(name, rid) for rid, value in states if value is None]
    db.executemany("DELETE FROM mark WHERE name = ? AND rid = ?", gone)


def _set_removed(db: sqlite3.Connection, rows: Sequence[int], reasons: Sequence[str | None]) -> None:
    states = list(zip(rows, reasons, strict=True))
    out = [(rid, reason) for rid, reason in states if reason is not None]
    db.executemany("INSERT OR REPLACE INTO removed VALUES (?, ?)", out)
    db.executemany("DELETE FROM removed WHERE rid = ?", [(rid,) for rid, reason in states if reason is None])
