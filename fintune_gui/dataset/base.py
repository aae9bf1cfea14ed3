"""Immutable columns on disk: Arrow IPC files of ``large_string``, mapped into memory and read batch by batch.

A file is never changed. Batches hold at most `BATCH_ROWS` rows, and fewer when rows are long, so that writing one never
needs much memory. All files of a dataset share the batch boundaries of the first.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
from pyarrow import ipc

from fintune_gui.dataset.no_pandas import keep_pandas_out
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import disk_errors_explained

keep_pandas_out()

BATCH_ROWS = 16_384
BATCH_CHARACTERS = 32 << 20
"""A batch is closed early when its texts are longer than this together."""
MOST_COLUMNS = 500

TEXT = pa.large_string()


def damaged(path: Path, error: Exception) -> DataError:
    """The error for a data file that cannot be read."""
    return DataError(
        "data.damaged",
        "The rows of this project cannot be read.",
        f"{path.name} is damaged or incomplete.",
        "Import the source file again; the damaged data is kept beside it.",
        details=f"{path}: {error}",
    )


class BaseFile:
    """One mapped Arrow file.

    Attributes:
        batch_lengths: How many rows each batch holds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                # pa.memory_map would ask the system to read every batch into memory now: seconds for a large file
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._reader = ipc.open_file(pa.BufferReader(pa.py_buffer(mapped)))
            self._batches = [self._reader.get_batch(i) for i in range(self._reader.num_record_batches)]
        except (OSError, ValueError) as error:  # an empty file cannot be mapped, and ArrowInvalid is a ValueError
            raise damaged(path, error) from error
        self.batch_lengths: list[int] = [batch.num_rows for batch in self._batches]
        self.total_rows: int = sum(self.batch_lengths)
        self.columns: tuple[str, ...] = tuple(self._reader.schema.names)
        self._columns = {name: [batch.column(i) for batch in self._batches] for i, name in enumerate(self.columns)}

    def column(self, name: str) -> list[pa.LargeStringArray]:
        """The batches of one column, without copying."""
        return self._columns[name]

    def validate(self) -> None:
        """Read everything. Raises `DataError` if a text cannot be one."""
        try:
            for batch in self._batches:
                batch.validate(full=True)
        except pa.ArrowInvalid as error:
            raise damaged(self.path, error) from error


def locate(starts: Sequence[int], row_id: int) -> tuple[int, int]:
    """The batch that holds a row, and the row's place in it."""
    batch = bisect_right(starts, row_id) - 1
    return batch, row_id - starts[batch]


class Digest(Protocol):
    """A hash that is being made, of `hashlib`."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class _HashedFile(io.FileIO):
    """A new file whose bytes go into a hash as they are written."""

    def __init__(self, path: Path, digest: Digest) -> None:
        super().__init__(path, "wb")
        self._digest = digest

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        self._digest.update(view)  # type: ignore[arg-type]
        written = 0
        while written < len(view):  # the system may take a part only
            written += super().write(view[written:])
        return written


class TextFileWriter:
    """Writes batches of text columns to one Arrow file, durable after `close`.

    Args:
        digest: Takes everything that is written, so that the file need not be read again for its hash.
    """

    def __init__(self, path: Path, columns: Sequence[str], digest: Digest | None = None) -> None:
        self.path = path
        self._schema = pa.schema([(name, TEXT) for name in columns])
        self._sink: BinaryIO = path.open("wb") if digest is None else _HashedFile(path, digest)
        self._writer = ipc.new_file(self._sink, self._schema)

    def write(self, arrays: Sequence[pa.Array]) -> None:
        with disk_errors_explained(self.path):
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))

    def close(self) -> None:
        with disk_errors_explained(self.path):
            self._writer.close()
            self._sink.flush()
            os.fsync(self._sink.fileno())
            self._sink.close()

    def abandon(self) -> None:
        """Close without caring, and remove the file."""
        with suppress(OSError):  # what is still to be written finds no room either
            self._sink.close()
        self.path.unlink(missing_ok=True)


class BaseWriter:
    """Builds the base from rows of which the columns are not known beforehand. Memory holds one batch.

    A column that appears late closes the present part; at the end the parts are joined into one file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.sha256 = ""
        """Of the file, in hexadecimal; known after `close`."""
        self._columns: dict[str, list[str | None]] = {}
        """All columns so far, with the cells of rows that were added one by one."""
        self._single = 0
        """How many rows `_columns` holds."""
        self._arrays: list[tuple[int, Mapping[str, pa.Array]]] = []
        """Rows that are arrays already, before those in `_columns`."""
        self._pending = 0
        self._pending_characters = 0
        self._parts: list[tuple[Path, TextFileWriter, int]] = []
        self._digest: Digest = hashlib.sha256()
        """Of the first part, which in most cases stays the only one."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def add(self, row: Mapping[str, str | None]) -> None:
        """Append one row; columns that it lacks are empty (None).

        Raises:
            DataError: if there are more columns than a table can sensibly have.
        """
        for name, value in row.items():
            cells = self._columns.get(name)
            if cells is None:
                cells = self._columns[name] = [None] * self._single
                self._check_column_count()
            cells.append(value)
            if value is not None:
                self._pending_characters += len(value)
        self._single += 1
        if len(row) < len(self._columns):
            for cells in self._columns.values():
                if len(cells) < self._single:
                    cells.append(None)
        self._pending += 1
        self._flush_if_full()

    def add_columns(self, columns: Mapping[str, pa.Array]) -> None:
        """Append rows that came as columns of ``large_string``, all of one length; much quicker than one by one.

        Raises:
            DataError: as `add`.
        """
        rows = len(next(iter(columns.values())))
        for start in range(0, rows, BATCH_ROWS):
            part = {name: array.slice(start, BATCH_ROWS) for name, array in columns.items()}
            self._add_arrays(part, min(BATCH_ROWS, rows - start))

    def _add_arrays(self, columns: Mapping[str, pa.Array], rows: int) -> None:
        if self._pending + rows > BATCH_ROWS:
            self._flush()
        self._gather_single()
        for name in columns:
            self._columns.setdefault(name, [])
        self._check_column_count()
        self._arrays.append((rows, columns))
        self._pending += rows
        self._pending_characters += sum(array.nbytes for array in columns.values())
        self._flush_if_full()

    def _check_column_count(self) -> None:
        if len(self._columns) > MOST_COLUMNS:
            raise DataError(
                "data.too_many_columns",
                f"The file has more than {MOST_COLUMNS} columns.",
                "Perhaps the delimiter is not the right one, or each row names its values differently.",
                "Look at the preview, and choose the delimiter by hand.",
            )

    def _gather_single(self) -> None:
        """Make arrays of the rows that were added one by one."""
        if self._single:
            self._arrays.append((self._single, {name: pa.array(cells, TEXT) for name, cells in self._columns.items()}))
            self._columns = {name: [] for name in self._columns}
            self._single = 0

    def _flush_if_full(self) -> None:
        if self._pending >= BATCH_ROWS or self._pending_characters >= BATCH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        self._gather_single()
        if not self._parts or self._parts[-1][2] != len(self._columns):
            path = self.path.with_name(f"{self.path.stem}.part{len(self._parts)}.arrow")
            digest = None if self._parts else self._digest
            self._parts.append((path, TextFileWriter(path, self.columns, digest), len(self._columns)))
        self._parts[-1][1].write([self._gathered(name) for name in self._columns])
        self.rows += self._pending
        self._arrays = []
        self._pending = self._pending_characters = 0

    def _gathered(self, name: str) -> pa.Array:
        pieces = [arrays[name] if name in arrays else pa.nulls(rows, TEXT) for rows, arrays in self._arrays]
        return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)

    def close(self) -> None:
        """Finish the file at `path`."""
        self._flush()
        for _, writer, _ in self._parts:
            writer.close()
        if len(self._parts) == 1:
            self._parts[0][0].replace(self.path)
            self.sha256 = self._digest.hexdigest()
            return
        self._join_parts()
        for path, _, _ in self._parts:
            path.unlink()

    def _join_parts(self) -> None:
        """A function of its own, so that no part is mapped any more when it is removed: Windows would refuse."""
        digest = hashlib.sha256()
        whole = TextFileWriter(self.path, self.columns, digest)
        for arrays in self._joined_parts():
            whole.write(arrays)
        whole.close()
        self.sha256 = digest.hexdigest()

    def _joined_parts(self) -> Iterator[list[pa.Array]]:
        for path, _, known in self._parts:
            part = BaseFile(path)
            names = self.columns
            for batch in zip(*(part.column(name) for name in names[:known]), strict=True):
                missing = [pa.nulls(len(batch[0]), TEXT)] * (len(names) - known)
                yield [*batch, *missing]
