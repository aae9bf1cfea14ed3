"""The rows at one moment. A picture never changes, so that any thread may read it while newer ones are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fintune_gui.dataset.base import TEXT, BaseFile
from fintune_gui.dataset.changes import Segment
from fintune_gui.dataset.column import Batches, Column, Mask, RowIds, distinct
from fintune_gui.dataset.wording import counted, free_name
from fintune_gui.project.errors import DataError


@dataclass(frozen=True)
class RowMarks:
    """What is marked on one row."""

    flag: bool = False
    star: bool = False
    note: str = ""


class Originals:
    """What was imported, and what was added later, before any edit.

    Attributes:
        keys: The columns by the names under which they came, in that order.
        imported: Those of them that came with the import and not later.
        starts: Row id of the first row of each batch.
        by_hand: For each row whether it was added by hand, so that every cell in it was typed.
        added: For each row whether it came after the import.
    """

    def __init__(self, base: BaseFile, segments: Sequence[Segment], files: Mapping[str, BaseFile]) -> None:
        self._parts: list[tuple[BaseFile | None, list[int]]] = [(base, base.batch_lengths)]
        for segment in segments:
            file = files[segment.file] if segment.file is not None else None
            self._parts.append((file, file.batch_lengths if file is not None else [segment.rows]))
        names = [name for file, _ in self._parts if file is not None for name in file.columns]
        self.keys: tuple[str, ...] = tuple(dict.fromkeys(names))
        self.imported = base.columns
        lengths = [length for _, batches in self._parts for length in batches]
        self.starts: list[int] = [0, *np.cumsum(lengths[:-1]).tolist()] if lengths else []
        self.total_rows: int = sum(lengths)
        self.added = np.zeros(self.total_rows, bool)
        self.added[base.total_rows :] = True
        self.by_hand = np.zeros(self.total_rows, bool)
        for segment in segments:
            self.by_hand[segment.start : segment.start + segment.rows] = segment.file is None
        self._longest = max(lengths, default=0)
        self._fill = {key: value for segment in reversed(segments) for key, value in segment.fill.items()}
        self._columns: dict[str, list[pa.LargeStringArray]] = {}

    def column(self, key: str) -> list[pa.LargeStringArray]:
        """The batches of one column, without copying."""
        if key not in self._columns:
            batches: list[pa.LargeStringArray] = []
            absent = self._absent(key)
            for file, lengths in self._parts:
                if file is not None and key in file.columns:
                    batches += file.column(key)
                    absent = pa.nulls(self._longest, TEXT)  # a later file without the column has no value for it
                else:
                    batches += [absent.slice(0, length) for length in lengths]
            self._columns[key] = batches
        return self._columns[key]

    def _absent(self, key: str) -> pa.LargeStringArray:
        """What stands in a column in the rows that came before it; every batch of them is a slice of this."""
        return pa.repeat(pa.scalar(self._fill.get(key), TEXT), self._longest)

    def shown_with(self, key: str, file: BaseFile | None) -> Batches:
        """The column with a later file over the rows that were there when the file was written."""
        original = self.column(key)
        if file is None:
            return original
        later = file.column(file.columns[0])
        return [*later, *original[len(later) :]]


@dataclass(frozen=True)
class Picture:
    """All rows and columns as they are shown at one moment, and what is marked on them.

    Attributes:
        revision: The last operation in force.
        keys: Stable key of each column -> its name now, in the order of the columns.
        columns_by_name: The columns.
        removed_mask, flagged_mask, starred_mask: For each row.
        notes_by_row: Row id -> note.
    """

    revision: int
    originals: Originals
    keys: Mapping[str, str]
    columns_by_name: Mapping[str, Column]
    removed_mask: Mask
    flagged_mask: Mask
    starred_mask: Mask
    notes_by_row: Mapping[int, str]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.columns_by_name)

    @property
    def total_rows(self) -> int:
        """Rows that are there, removed ones included."""
        return self.originals.total_rows

    @property
    def starts(self) -> Sequence[int]:
        return self.originals.starts

    def column_of(self, name: str) -> Column:
        """Raises `DataError` if there is no such column."""
        try:
            return self.columns_by_name[name]
        except KeyError:
            raise DataError(
                "data.no_column",
                f"There is no column “{name}”.",
                f"The columns are: {', '.join(self.columns)}.",
                "Choose one of them.",
            ) from None

    def key_of(self, name: str) -> str:
        """The key of a column, which renaming does not change. Raises `DataError` if there is no such column."""
        self.column_of(name)
        return next(key for key, shown in self.keys.items() if shown == name)

    def new_names(self, keys: Iterable[str], wanted: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """For those of `keys` that are new and cannot be the name of their column: the key, and the name to give."""
        taken = {*self.columns}
        renamed = {}
        for key in keys:
            if key not in self.keys:
                name = free_name(wanted.get(key, key), taken)
                taken.add(name)
                if name != key:
                    renamed[key] = (key, name)
        return renamed

    def require_rows(self, row_ids: Iterable[int] | RowIds) -> RowIds:
        """The ids sorted, each once. Raises `DataError` if one of them is no row."""
        rows = distinct(np.asarray(row_ids if isinstance(row_ids, np.ndarray) else list(row_ids), np.int64))
        if len(rows) and (rows[0] < 0 or rows[-1] >= self.total_rows):
            wrong = rows[-1] if rows[-1] >= self.total_rows else rows[0]
            size = counted(self.total_rows, "row")
            raise DataError("data.no_row", f"There is no row {wrong + 1:,}.", f"The data has {size}.")
        return rows

    def scope(self, row_ids: RowIds | None) -> Mask:
        """For each row whether it is kept and among `row_ids` (None: all)."""
        if row_ids is None:
            return ~self.removed_mask
        mask = np.zeros(self.total_rows, bool)
        mask[self.require_rows(row_ids)] = True
        return mask & ~self.removed_mask

    def cells(
        self, row_ids: Iterable[int] | RowIds, columns: Sequence[str] | None = None
    ) -> list[tuple[str | None, ...]]:
        """Present values of the given rows, in the given order; for windows of a table."""
        chosen = [self.column_of(name) for name in (self.columns if columns is None else columns)]
        ids = row_ids.tolist() if isinstance(row_ids, np.ndarray) else list(row_ids)
        return [tuple(column.get(row) for column in chosen) for row in ids]

    def rows(self, row_ids: RowIds | None = None) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Rows by rising id, one batch in memory at a time. Without `row_ids`: all that are kept."""
        ids = np.flatnonzero(~self.removed_mask) if row_ids is None else np.sort(np.asarray(row_ids, np.int64))
        shown = list(self.columns_by_name.values())
        for number, start in enumerate(self.starts):
            end = start + len(shown[0].batches[number])
            inside = ids[np.searchsorted(ids, start) : np.searchsorted(ids, end)]
            if not len(inside):
                continue
            places = pa.array(inside - start)
            values = [column.current(number).take(places).to_pylist() for column in shown]
            for row_id, *cells in zip(inside.tolist(), *values, strict=True):
                yield row_id, dict(zip(self.columns, cells, strict=True))

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, list[pa.LargeStringArray]]]:
        """First row id and present values of the given columns, batch by batch; for scans over everything."""
        chosen = [self.column_of(name) for name in columns]
        for number, start in enumerate(self.starts):
            yield start, [column.current(number) for column in chosen]

    def is_edited(self, row_id: int, name: str) -> bool:
        """Whether a cell differs from what was imported. A row that was added by hand is not edited, it is new."""
        column = self.column_of(name)
        return not self.originals.by_hand[row_id] and column.is_edited(row_id)

    def edited_mask(self) -> Mask:
        """For each row whether any of its cells differs from what was imported."""
        edited = np.zeros(self.total_rows, bool)
        for column in self.columns_by_name.values():
            edited |= column.differs_from_original
        return edited & ~self.originals.by_hand

    def added_mask(self) -> Mask:
        """For each row whether it came after the import."""
        return self.originals.added

    def notes(self) -> Mapping[int, str]:
        """Row id -> note."""
        return self.notes_by_row

    def noted_mask(self) -> Mask:
        """For each row whether it has a note."""
        mask = np.zeros(self.total_rows, bool)
        mask[list(self.notes_by_row)] = True
        return mask

    def marks_of(self, row_id: int) -> RowMarks:
        """What is marked on one row."""
        return RowMarks(
            bool(self.flagged_mask[row_id]), bool(self.starred_mask[row_id]), self.notes_by_row.get(row_id, "")
        )
