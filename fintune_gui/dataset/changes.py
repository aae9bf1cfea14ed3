"""What one operation does to the rows, with all that is needed to take it back; and how the log carries it out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from fintune_gui.dataset import row_sets
from fintune_gui.dataset.column import NO_ROWS, Mask, RowIds, distinct
from fintune_gui.dataset.row_sets import MARKED, OUT
from fintune_gui.project.settings import Frozen

FLAG, STAR = "flag", "star"
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


_CELLS_A_LINE = 1000


@dataclass
class CellChange:
    """New values for cells of one column, and the values that were shown before."""

    rows: list[int]
    before: list[str | None]
    edited: list[bool]
    """Whether the cell had been edited before; if not, going back shows the file's value again."""
    after: list[str | None]

    def and_then(self, other: CellChange) -> CellChange:
        """This change, and another of cells in other rows."""
        edited, after = self.edited + other.edited, self.after + other.after
        return CellChange(self.rows + other.rows, self.before + other.before, edited, after)

    def first_cells(self, count: int) -> CellChange:
        """The change of only so many cells."""
        return CellChange(self.rows[:count], self.before[:count], self.edited[:count], self.after[:count])


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
class SetChange:
    """Rows, sorted, that join a set, or leave it.

    Attributes:
        kind: `MARKED` or `OUT`.
        name: Of the mark, or why the rows are out.
    """

    kind: str
    name: str
    rows: RowIds
    join: bool


@dataclass
class NoteChange:
    """What was written on a row before and after; None: nothing."""

    row: int
    before: str | None
    after: str | None


@dataclass
class Change:
    """Everything that one operation does. Columns are named by their keys, which renaming does not change.

    Attributes:
        renamed: Key of a column -> its name before and after.
    """

    cells: dict[str, CellChange] = field(default_factory=dict)
    generations: dict[str, GenerationChange] = field(default_factory=dict)
    sets: list[SetChange] = field(default_factory=list)
    note: NoteChange | None = None
    segment: Segment | None = None
    renamed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """JSON, with the cells that a line does not hold in lines behind it: one long line holds the interpreter."""
        parts: list[tuple[str, Mapping[str, CellChange | GenerationChange]]]
        parts = [("cells", self.cells), ("generations", self.generations)]
        head = vars(self) | {kind: {key: _cut(part, 0) for key, part in named.items()} for kind, named in parts}
        lines = BytesIO()
        lines.write(orjson.dumps(head, default=row_sets.to_json))
        for kind, named in parts:
            for key, part in named.items():
                for start in range(_CELLS_A_LINE, len(part.rows), _CELLS_A_LINE):
                    lines.write(b"\n")
                    lines.write(orjson.dumps({kind: {key: _cut(part, start)}}))
        return lines.getvalue()

    @classmethod
    def from_bytes(cls, plain: bytes) -> Change:
        lines = BytesIO(plain)
        raw = orjson.loads(lines.readline())
        for line in lines:
            ((kind, named),) = orjson.loads(line).items()
            for key, part in named.items():
                for name, values in part.items():
                    if isinstance(values, list):
                        raw[kind][key][name] += values
        if "sets" not in raw:
            raw |= _sets_of_version_2(raw)
        sets = [SetChange(**{**part, "rows": row_sets.from_json(part["rows"])}) for part in raw["sets"]]
        return cls(
            cells={name: CellChange(**change) for name, change in raw["cells"].items()},
            generations={name: GenerationChange(**change) for name, change in raw["generations"].items()},
            sets=sets,
            note=NoteChange(**raw["note"]) if raw["note"] else None,
            segment=Segment(**raw["segment"]) if raw.get("segment") else None,
            renamed={key: (before, after) for key, (before, after) in raw.get("renamed", {}).items()},
        )

    def columns(self) -> set[str]:
        """Keys of the columns in which values change."""
        return {*self.cells, *self.generations}

    @property
    def changes_content(self) -> bool:
        """Whether the rows themselves change, and not only what is marked on them."""
        return bool(self.cells or self.generations or self.touches(OUT) or self.segment or self.renamed)

    def touches(self, kind: str) -> bool:
        """Whether rows join or leave sets of a kind."""
        return any(part.kind == kind for part in self.sets)

    def rows_in(self, kind: str) -> RowIds:
        """The rows, sorted and each once, that join or leave sets of a kind."""
        return distinct(np.concatenate([NO_ROWS, *(part.rows for part in self.sets if part.kind == kind)]))

    def touched_rows(self) -> int:
        """How many rows the change names one by one."""
        in_cells = [np.array(part.rows, np.int64) for part in self.cells.values()]
        noted = [] if self.note is None else [np.array([self.note.row])]
        return len(distinct(np.concatenate([*in_cells, *noted, self.rows_in(MARKED), self.rows_in(OUT)])))


def _cut(part: CellChange | GenerationChange, start: int) -> dict[str, Any]:
    """As many cells of a change, from `start` on, as a line holds."""
    end = start + _CELLS_A_LINE
    return {name: value[start:end] if isinstance(value, list) else value for name, value in vars(part).items()}


def _sets_of_version_2(raw: dict[str, Any]) -> dict[str, Any]:
    """What logs of version 2 and before said row by row. A row that came back had been out for some reason."""
    sets: dict[tuple[str, str, bool], list[int]] = {}
    for row, before, after in zip(raw["removed_rows"], raw["reasons_before"], raw["reasons_after"], strict=True):
        sets.setdefault((OUT, before if after is None else after, after is not None), []).append(row)
    marks = raw.get("marks", {})
    notes = marks.pop("note", None)
    for name, part in marks.items():
        for row, after in zip(part["rows"], part["after"], strict=True):
            sets.setdefault((MARKED, name, after is not None), []).append(row)
    return {
        "sets": [{"kind": kind, "name": name, "rows": rows, "join": join} for (kind, name, join), rows in sets.items()],
        "note": notes and {"row": notes["rows"][0], "before": notes["before"][0], "after": notes["after"][0]},
    }


def compress(plain: bytes) -> bytes:
    return pa.compress(plain, codec="zstd", asbytes=True)  # type: ignore[no-any-return]


def decompress(data: bytes, size: int) -> bytes:
    return pa.decompress(data, decompressed_size=size, codec="zstd", asbytes=True)  # type: ignore[no-any-return]


def carry_out(db: sqlite3.Connection, change: Change) -> None:
    """Make `change` the present state, inside the caller's transaction."""
    if change.segment is not None:
        new = change.segment
        info = orjson.dumps({"columns": new.columns, "fill": new.fill, "sources": new.sources, "mended": new.mended})
        db.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (new.start, new.rows, new.file, info))
    for key, (_, name) in change.renamed.items():
        db.execute("INSERT OR REPLACE INTO naming VALUES (?, ?)", (key, name))
    for key, generation in change.generations.items():
        db.execute("DELETE FROM cell WHERE col = ?", (key,))
        db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?)", (key, generation.after))
    for key, cells in change.cells.items():
        _put_cells(db, ((key, rid, value) for rid, value in zip(cells.rows, cells.after, strict=True)))
    if change.note is not None:
        _set_note(db, change.note.row, change.note.after)
    for part in change.sets:
        _change_set(db, part, join=part.join)


def take_back(db: sqlite3.Connection, change: Change) -> None:
    """Undo `change`, which must be the last one in force, inside the caller's transaction."""
    for part in change.sets:
        _change_set(db, part, join=not part.join)
    if change.note is not None:
        _set_note(db, change.note.row, change.note.before)
    for key, cells in change.cells.items():
        states = list(zip(cells.rows, cells.before, cells.edited, strict=True))
        _put_cells(db, ((key, rid, value) for rid, value, was_edited in states if was_edited))
        untouched = [(key, rid) for rid, _, was_edited in states if not was_edited]
        db.executemany("DELETE FROM cell WHERE col = ? AND rid = ?", untouched)
    for key, old in change.generations.items():
        if old.before is None:
            db.execute("DELETE FROM shown WHERE col = ?", (key,))
        else:
            db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?)", (key, old.before))
        _put_cells(db, ((key, rid, value) for rid, value in zip(old.rows, old.values, strict=True)))
    for key, (name, _) in change.renamed.items():
        db.execute("INSERT OR REPLACE INTO naming VALUES (?, ?)", (key, name))
    if change.segment is not None:
        db.execute("DELETE FROM segment WHERE start = ?", (change.segment.start,))


def _put_cells(db: sqlite3.Connection, rows: Iterable[tuple[str, int, str | None]]) -> None:
    db.executemany("INSERT OR REPLACE INTO cell VALUES (?, ?, ?)", rows)


def _set_note(db: sqlite3.Connection, row: int, text: str | None) -> None:
    if text is None:
        db.execute("DELETE FROM note WHERE rid = ?", (row,))
    else:
        db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (row, text))


def _change_set(db: sqlite3.Connection, change: SetChange, *, join: bool) -> None:
    key = change.kind, change.name
    found = db.execute("SELECT rows FROM row_set WHERE kind = ? AND name = ?", key).fetchone()
    rows: Mask = row_sets.from_blob(found[0]) if found else np.zeros(0, bool)
    rows = row_sets.joined(rows, change.rows, join=join)
    if rows.any():
        db.execute("INSERT OR REPLACE INTO row_set VALUES (?, ?, ?)", (*key, row_sets.to_blob(rows)))
    else:
        db.execute("DELETE FROM row_set WHERE kind = ? AND name = ?", key)
