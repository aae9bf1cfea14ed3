"""The rows of a project: an immutable base on disk, with everything the user did to it laid over as a log.

Row id = position at import, for ever. A change is on disk when the call returns. Reads work on immutable pictures of
the columns and may come from any thread while another one changes rows.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Self

import numpy as np
import pyarrow as pa

from fintune_gui.dataset.base import BaseFile, locate
from fintune_gui.dataset.bulk import Mask, Transform, differs, swallowed, transform_column
from fintune_gui.dataset.column import Column, RowIds
from fintune_gui.dataset.importing import BASE_FILE, recover
from fintune_gui.dataset.log import LOG_FILE, ROOT, CellChange, Change, EditLog, Operation
from fintune_gui.dataset.query import Query, Replace, ReplacePreview, preview, replacer, select
from fintune_gui.dataset.summary import dataset_fingerprint, read_source
from fintune_gui.dataset.wording import counted
from fintune_gui.project.errors import DataError

__all__ = ["Dataset", "Operation"]


class Dataset:
    """An open dataset.

    Attributes:
        columns: Names, in the order of the file.
        total_rows: Rows at import, removed ones included.
    """

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.folder = folder
        self._lock = RLock()
        self._base_hash: str = read_source(folder)["base_sha256"]
        self._base = BaseFile(folder / BASE_FILE)
        self.columns = self._base.columns
        self.total_rows = self._base.total_rows
        self._log = EditLog(folder / LOG_FILE, read_only=read_only)
        # a second connection, so that the window can look at the history while a long change is made
        self._reader = EditLog(folder / LOG_FILE, read_only=True)
        self._reader_lock = Lock()
        if not read_only:
            self._remove_orphans()
        self._files: dict[str, BaseFile] = {}
        self._shown: dict[str, Column] = {}
        self._read_columns(self.columns)
        self._removed: Mask = self._read_removed()

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> Dataset:
        """Open the dataset in `folder`.

        Raises:
            DataError: if nothing was imported yet, or the files are damaged.
        """
        if not read_only:
            recover(folder)
        if not (folder / BASE_FILE).exists():
            raise DataError(
                "data.no_dataset",
                "There are no rows yet.",
                "Nothing has been imported into this project.",
                "Import a CSV or JSON file first.",
            )
        return cls(folder, read_only=read_only)

    def close(self) -> None:
        with self._lock, self._reader_lock:
            self._reader.close()
            self._log.close()  # last, because only a writer can fold the write-ahead log into the file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # reading

    @property
    def fingerprint(self) -> str:
        """Hash of the base and everything in force. Undo brings back the earlier one."""
        with self._reading() as log:
            return dataset_fingerprint(self._base_hash, log)

    @property
    def removed_mask(self) -> Mask:
        """For each row whether it is out. Not to be written to."""
        return self._removed

    def kept_rows(self) -> int:
        """How many rows are not removed."""
        return self.total_rows - int(self._removed.sum())

    def is_removed(self, row_id: int) -> bool:
        return bool(self._removed[row_id])

    def removal_reason(self, row_id: int) -> str | None:
        """Why a row is out; None if it is not."""
        with self._reading() as log:
            return log.removal_reason(row_id)

    def is_edited(self, row_id: int, column: str) -> bool:
        """Whether a cell differs from what was imported."""
        return self._column(column).get(row_id) != self.original(row_id, column)

    def original(self, row_id: int, column: str) -> str | None:
        """What was imported into a cell."""
        self._column(column)
        batch, offset = locate(self._base.starts, row_id)
        return self._base.column(column)[batch][offset].as_py()  # type: ignore[no-any-return]

    def cells(
        self, row_ids: Iterable[int] | RowIds, columns: Sequence[str] | None = None
    ) -> list[tuple[str | None, ...]]:
        """Present values of the given rows, in the given order; for windows of a table."""
        chosen = [self._column(name) for name in (self.columns if columns is None else columns)]
        ids = row_ids.tolist() if isinstance(row_ids, np.ndarray) else list(row_ids)
        return [tuple(column.get(row) for column in chosen) for row in ids]

    def row(self, row_id: int) -> dict[str, str | None]:
        """Present values of one row, by column."""
        self._require_rows([row_id])
        return dict(zip(self.columns, self.cells([row_id])[0], strict=True))

    def rows(self, row_ids: RowIds | None = None) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Rows by rising id, one batch in memory at a time. Without `row_ids`: all that are kept."""
        ids = np.flatnonzero(~self._removed) if row_ids is None else np.sort(np.asarray(row_ids, np.int64))
        shown = [self._shown[name] for name in self.columns]
        for number, start in enumerate(self._base.starts):
            end = start + len(shown[0].batches[number])
            inside = ids[np.searchsorted(ids, start) : np.searchsorted(ids, end)]
            if not len(inside):
                continue
            places = pa.array(inside - start)
            values = [column.current(number).take(places).to_pylist() for column in shown]
            for row_id, *cells in zip(inside.tolist(), *values, strict=True):
                yield row_id, dict(zip(self.columns, cells, strict=True))

    def column(self, name: str) -> pa.ChunkedArray:
        """Present values of all rows, removed ones included. Unedited batches stay on disk until looked at."""
        return pa.chunked_array(list(self._column(name).all_batches()), pa.large_string())

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, list[pa.LargeStringArray]]]:
        """First row id and present values of the given columns, batch by batch; for scans over everything."""
        chosen = [self._column(name) for name in columns]
        for number, start in enumerate(self._base.starts):
            yield start, [column.current(number) for column in chosen]

    def view(self, query: Query | None = None) -> RowIds:
        """Ids of the rows that a query asks for, in its order. Meant to be called off the window's thread.

        Raises:
            DataError: if the filter cannot be read or names a column that is not there.
        """
        return select(self, query or Query())

    def edited_mask(self) -> Mask:
        """For each row whether any of its cells differs from what was imported."""
        edited = np.zeros(self.total_rows, bool)
        for name in self.columns:
            column, base = self._shown[name], self._base.column(name)
            for number, start in enumerate(column.starts):
                now = column.current(number)
                if now is not base[number]:
                    edited[start : start + len(now)] |= differs(now, base[number])
        return edited

    def history(self) -> list[Operation]:
        """Operations from the import to now, then those that can be redone (not `in_force`)."""
        with self._reading() as log:
            return log.history()

    def parameters(self, seq: int) -> dict[str, Any]:
        """What operation `seq` was asked to do: the cleaning step, or what to replace."""
        with self._reading() as log:
            return log.parameters(seq)

    def change(self, seq: int) -> Change:
        """Everything that operation `seq` did, with the values before and after."""
        with self._reading() as log:
            return log.change(seq)

    @property
    def can_undo(self) -> bool:
        return self._log.head != ROOT

    @property
    def can_redo(self) -> bool:
        return self._log.head != self._log.tip

    # changing

    def edit(self, row_id: int, column: str, value: str | None) -> Operation | None:
        """Set one cell. None if it already has that value."""
        with self._lock:
            self._require_rows([row_id])
            shown = self._column(column)
            before = shown.get(row_id)
            value = None if value is None else value.encode("utf-8", "replace").decode()
            if value == before:
                return None
            was_edited = bool(np.isin(row_id, shown.edited_rows()))
            cells = CellChange([row_id], [before], [was_edited], [value])
            label = f"Edited “{column}” in row {row_id + 1:,}"
            operation = self._log.append("edit", label, {}, Change(cells={column: cells}))
            self._shown[column] = shown.with_cells(np.array([row_id], np.int64), [value])
            return operation

    def remove(
        self, row_ids: Iterable[int] | RowIds, reason: str = "Removed by hand", *, kind: str = "remove",
        label: str = "", params: Mapping[str, Any] | None = None,
    ) -> Operation | None:  # fmt: skip
        """Take rows out, with a reason. They can come back. None if all of them are out already."""
        with self._lock:
            rows = self._require_rows(row_ids)
            rows = rows[~self._removed[rows]]
            label = label or f"Removed {counted(len(rows), 'row')}: {reason}"
            return self._change_removed(kind, label, rows, reason, params)

    def restore(self, row_ids: Iterable[int] | RowIds) -> Operation | None:
        """Bring removed rows back. None if none of them was out."""
        with self._lock:
            rows = self._require_rows(row_ids)
            rows = rows[self._removed[rows]]
            return self._change_removed("restore", f"Brought back {counted(len(rows), 'row')}", rows, None, None)

    def preview_replace(self, spec: Replace, row_ids: RowIds | None, limit: int = 50) -> ReplacePreview:
        """What `replace` would do: counts, and the first changes. Nothing is changed.

        Raises:
            DataError: for a pattern that is not valid or a column that is not there.
        """
        return preview(self, spec, self.scope(row_ids), limit)

    def replace(self, spec: Replace, row_ids: RowIds | None) -> Operation | None:
        """Find and replace in the kept rows of `row_ids` (None: all kept rows). None if nothing was found."""
        params = {"replace": spec.model_dump(), "limited": row_ids is not None}

        def label(cells: int, rows: int) -> str:
            where = f"{counted(cells, 'cell')} of {counted(rows, 'row')}"
            return f"Replaced “{spec.find}” with “{spec.replacement}” in {where}"

        transforms = dict.fromkeys(spec.columns or self.columns, replacer(spec))
        return self.transform("replace", label, transforms, row_ids, params)

    def transform(
        self, kind: str, label: Callable[[int, int], str], transforms: Mapping[str, Transform],
        row_ids: RowIds | None = None, params: Mapping[str, Any] | None = None,
    ) -> Operation | None:  # fmt: skip
        """Change whole columns in one operation, in the kept rows of `row_ids` (None: all kept rows).

        Args:
            label: Gives the operation's sentence from the number of cells and rows that changed.
        """
        with self._lock:
            scope = self.scope(row_ids)
            change, touched = Change(), np.zeros(self.total_rows, bool)
            cells = generation_cells = 0
            files = self._log.shown_files()
            for name, transform in transforms.items():
                column = self._column(name)
                path = self.folder / "base" / f"column{self.columns.index(name)}.{uuid.uuid4().hex[:8]}.arrow"
                done = transform_column(column, transform, scope, name, path)
                touched |= done.touched
                cells += int(done.touched.sum())
                if done.cells:
                    change.cells[name] = done.cells
                if done.path:
                    change.generations[name] = swallowed(column, files.get(name), done.path.name)
                    generation_cells += int(done.touched.sum())
            if not cells:
                return None
            rows = int(touched.sum())
            known: dict[str, Any] = {"generation_cells": generation_cells, "rows_touched": rows}
            if change.generations and row_ids is not None:
                known["rows"] = np.flatnonzero(touched).tolist()  # a column file does not tell which rows it changed
            operation = self._log.append(kind, label(cells, rows), {**(params or {}), **known}, change)
            self._read_columns(change.columns())
            return operation

    def undo(self) -> Operation | None:
        """Take back the last operation and return it; None if there is nothing to take back."""
        with self._lock:
            if not self.can_undo:
                return None
            operation = self._log.operation(self._log.head)
            self._show(self._log.step_back(self._log.head))
            return operation

    def redo(self) -> Operation | None:
        """Do again what was undone last and return it; None if there is nothing."""
        with self._lock:
            if not self.can_redo:
                return None
            path = self._log.path_to(self._log.tip)
            following = path[path.index(self._log.head) + 1] if self.can_undo else path[0]
            self._show(self._log.step_forward(following))
            return self._log.operation(following)

    def go_to(self, seq: int) -> None:
        """Go back or forth to the state right after operation `seq` (0: the import), also on another branch."""
        with self._lock:
            if seq != ROOT:
                self._log.operation(seq)
            wanted = self._log.path_to(seq)
            while self._log.head != ROOT and self._log.head not in wanted:
                self.undo()
            at = wanted.index(self._log.head) + 1 if self._log.head != ROOT else 0
            for following in wanted[at:]:
                self._show(self._log.step_forward(following))

    def scope(self, row_ids: RowIds | None) -> Mask:
        """For each row whether it is kept and among `row_ids` (None: all)."""
        if row_ids is None:
            return ~self._removed
        mask = np.zeros(self.total_rows, bool)
        mask[self._require_rows(row_ids)] = True
        return mask & ~self._removed

    # inside

    @contextmanager
    def _reading(self) -> Iterator[EditLog]:
        with self._reader_lock:
            self._reader.refresh()
            yield self._reader

    def _column(self, name: str) -> Column:
        try:
            return self._shown[name]
        except KeyError:
            raise DataError(
                "data.no_column",
                f"There is no column “{name}”.",
                f"The columns are: {', '.join(self.columns)}.",
                "Choose one of them.",
            ) from None

    def _require_rows(self, row_ids: Iterable[int] | RowIds) -> RowIds:
        rows = np.unique(np.asarray(row_ids if isinstance(row_ids, np.ndarray) else list(row_ids), np.int64))
        if len(rows) and (rows[0] < 0 or rows[-1] >= self.total_rows):
            wrong = rows[-1] if rows[-1] >= self.total_rows else rows[0]
            size = counted(self.total_rows, "row")
            raise DataError("data.no_row", f"There is no row {wrong + 1:,}.", f"The data has {size}.")
        return rows

    def _change_removed(
        self, kind: str, label: str, rows: RowIds, reason: str | None, params: Mapping[str, Any] | None
    ) -> Operation | None:
        if not len(rows):
            return None
        bring_back = reason is None
        before = [self._log.removal_reason(int(row)) if bring_back else None for row in rows]
        change = Change(removed_rows=rows.tolist(), reasons_before=before, reasons_after=[reason] * len(rows))
        operation = self._log.append(kind, label, dict(params or {}), change)
        self._show(change, columns=False)
        return operation

    def _show(self, change: Change, *, columns: bool = True) -> None:
        """Take what the log says now about the parts that `change` touched."""
        if columns:
            self._read_columns(change.columns())
        if change.removed_rows:
            self._removed = self._read_removed()

    def _read_columns(self, names: Iterable[str]) -> None:
        files = self._log.shown_files()
        for name in names:
            file = self._base if name not in files else self._column_file(files[name])
            rows, values = self._log.cells(name)
            self._shown[name] = Column(
                file.column(name), self._base.starts, np.array(rows, np.int64), pa.array(values, pa.large_string())
            )

    def _column_file(self, file: str) -> BaseFile:
        if file not in self._files:
            self._files[file] = BaseFile(self.folder / "base" / file)
        return self._files[file]

    def _read_removed(self) -> Mask:
        mask = np.zeros(self.total_rows, bool)
        mask[self._log.removed()] = True
        return mask

    def _remove_orphans(self) -> None:
        """Delete column files of a bulk step that was killed before it was logged."""
        known = {Path(BASE_FILE).name, *self._log.known_files()}
        for path in (self.folder / "base").glob("*.arrow"):
            if path.name not in known:
                path.unlink()
