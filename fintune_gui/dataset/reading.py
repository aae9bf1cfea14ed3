"""Everything that can be asked about an open dataset. Reads may come from any thread while another one changes rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.changes import Change, Operation
from fintune_gui.dataset.column import Mask, RowIds
from fintune_gui.dataset.log import ROOT, Draft, EditLog
from fintune_gui.dataset.picture import Picture, RowMarks
from fintune_gui.dataset.query import Query, Replace, ReplacePreview, preview, select
from fintune_gui.dataset.row_sets import OUT
from fintune_gui.dataset.summary import all_sources, dataset_fingerprint, read_source
from fintune_gui.project.document import SourceFile


class DatasetReading:
    """The asking half of `Dataset`. Whoever asks for several things that must fit together asks one `picture`."""

    _picture: Picture
    _log: EditLog

    def __init__(self, folder: Path, base_hash: str, reader: EditLog) -> None:
        self.folder = folder
        self._base_hash = base_hash
        self._reader = reader
        self._reader_lock = Lock()

    def close_reader(self) -> None:
        with self._reader_lock:
            self._reader.close()

    # the rows

    @property
    def picture(self) -> Picture:
        """The rows as they are now; it stays as it is while this dataset goes on."""
        return self._picture

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order in which they came."""
        return self._picture.columns

    @property
    def keys(self) -> Mapping[str, str]:
        """Key of each column, which renaming does not change -> its name."""
        return self._picture.keys

    @property
    def total_rows(self) -> int:
        """Rows that are there, removed ones included."""
        return self._picture.total_rows

    @property
    def revision(self) -> int:
        """Another number after every change, undo and redo; marks count as changes too."""
        return self._picture.revision

    @property
    def removed_mask(self) -> Mask:
        """For each row whether it is out. Not to be written to, like all masks."""
        return self._picture.removed_mask

    @property
    def flagged_mask(self) -> Mask:
        return self._picture.flagged_mask

    @property
    def starred_mask(self) -> Mask:
        return self._picture.starred_mask

    def noted_mask(self) -> Mask:
        """For each row whether it has a note."""
        return self._picture.noted_mask()

    def added_mask(self) -> Mask:
        """For each row whether it came after the import."""
        return self._picture.added_mask()

    def edited_mask(self) -> Mask:
        """For each row whether any of its cells differs from what was imported."""
        return self._picture.edited_mask()

    def notes(self) -> Mapping[int, str]:
        """Row id -> note."""
        return self._picture.notes()

    def marks_of(self, row_id: int) -> RowMarks:
        """What is marked on one row."""
        return self._picture.marks_of(row_id)

    def kept_rows(self) -> int:
        """How many rows are not removed."""
        picture = self._picture
        return picture.total_rows - int(np.count_nonzero(picture.removed_mask))

    def is_removed(self, row_id: int) -> bool:
        return bool(self._picture.removed_mask[row_id])

    def is_edited(self, row_id: int, column: str) -> bool:
        """Whether a cell differs from what was imported. A row that was added by hand is not edited, it is new."""
        return self._picture.is_edited(row_id, column)

    def original(self, row_id: int, column: str) -> str | None:
        """What was imported into a cell."""
        return self._picture.column_of(column).original(row_id)

    def cells(
        self, row_ids: Iterable[int] | RowIds, columns: Sequence[str] | None = None
    ) -> list[tuple[str | None, ...]]:
        """Present values of the given rows, in the given order; for windows of a table."""
        return self._picture.cells(row_ids, columns)

    def row(self, row_id: int) -> dict[str, str | None]:
        """Present values of one row, by column."""
        picture = self._picture
        picture.require_rows([row_id])
        return dict(zip(picture.columns, picture.cells([row_id])[0], strict=True))

    def rows(self, row_ids: RowIds | None = None) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Rows by rising id, one batch in memory at a time. Without `row_ids`: all that are kept."""
        return self._picture.rows(row_ids)

    def column(self, name: str) -> pa.ChunkedArray:
        """Present values of all rows, removed ones included. Unedited batches stay on disk until looked at."""
        return pa.chunked_array(list(self._picture.column_of(name).all_batches()), TEXT)

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, list[pa.LargeStringArray]]]:
        """First row id and present values of the given columns, batch by batch; for scans over everything."""
        return self._picture.batches(columns)

    def view(self, query: Query | None = None, *, check_cancelled: Callable[[], None] = lambda: None) -> RowIds:
        """Ids of the rows that a query asks for, in its order. Meant to be called off the window's thread.

        Args:
            check_cancelled: Called now and then; may raise, for an answer that nobody waits for any more.

        Raises:
            DataError: if the filter cannot be read or names a column that is not there.
        """
        return select(self._picture, query or Query(), check_cancelled)

    def scope(self, row_ids: RowIds | None) -> Mask:
        """For each row whether it is kept and among `row_ids` (None: all)."""
        return self._picture.scope(row_ids)

    # the log

    @property
    def fingerprint(self) -> str:
        """Hash of the imported rows and everything in force that changed them. Undo brings back the earlier one."""
        with self._reading() as log:
            return dataset_fingerprint(self._base_hash, log)

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """The files that the rows come from."""
        with self._reading() as log:
            return all_sources(read_source(self.folder), log)

    def mended(self) -> set[int]:
        """Which of the rejected rows were mended and are rows now."""
        with self._reading() as log:
            return {number for segment in log.segments() for number in segment.mended}

    def added_files(self) -> set[str]:
        """Names of the files with rows that were added after the import."""
        with self._reading() as log:
            return {segment.file for segment in log.segments() if segment.file is not None}

    def removal_reason(self, row_id: int) -> str | None:
        """Why a row is out; None if it is not."""
        with self._reading() as log:
            sets = log.row_sets(OUT, self.total_rows)
            return next((reason for reason, rows in sets.items() if rows[row_id]), None)

    def history(self) -> list[Operation]:
        """Operations from the import to now, then those that can be redone (not `in_force`)."""
        with self._reading() as log:
            return log.history()

    def all_operations(self, after: int = ROOT) -> list[Operation]:
        """Everything that was ever done after operation `after`, on all branches, oldest first."""
        with self._reading() as log:
            return log.operations(after)

    def parameters(self, seq: int) -> dict[str, Any]:
        """What operation `seq` was asked to do: the cleaning step, or what to replace."""
        with self._reading() as log:
            return log.parameters(seq)

    def change(self, seq: int) -> Change:
        """Everything that operation `seq` did, with the values before and after."""
        with self._reading() as log:
            return log.change(seq)

    def saved_views(self) -> dict[str, dict[str, Any]]:
        """Views that were saved, by name."""
        with self._reading() as log:
            return log.views()

    def draft(self) -> Draft | None:
        """Text that was being typed and never became a change."""
        with self._reading() as log:
            return log.draft()

    @property
    def head(self) -> int:
        """The last operation in force; 0 right after the import."""
        return self._log.head

    @property
    def tip(self) -> int:
        """The last operation that can be reached by redo; 0 right after the import."""
        return self._log.tip

    @property
    def can_undo(self) -> bool:
        return self._log.head != ROOT

    @property
    def can_redo(self) -> bool:
        return self._log.head != self._log.tip

    def preview_replace(self, spec: Replace, row_ids: RowIds | None, limit: int = 50) -> ReplacePreview:
        """What `Dataset.replace` would do: counts, and the first changes. Nothing is changed.

        Raises:
            DataError: for a pattern that is not valid or a column that is not there.
        """
        picture = self._picture
        return preview(picture, spec, picture.scope(row_ids), limit)

    @contextmanager
    def _reading(self) -> Iterator[EditLog]:
        with self._reader_lock:
            self._reader.refresh()
            yield self._reader
