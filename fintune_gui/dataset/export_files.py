"""The kinds of files into which rows can be written; each can count what it holds by reading it again."""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.column import RowIds
from fintune_gui.dataset.conversations import is_conversation
from fintune_gui.dataset.wording import counted

FileKind = Literal["csv", "tsv", "jsonl", "parquet", "xlsx"]

_READ_BYTES = 4 << 20
_CELLS_LOOKED_AT = 100
_ROW_GROUP_ROWS = 65_536
_ROW_GROUP_BYTES = 64 << 20


class RowFile(ABC):
    """A file that is being written. `names` are its columns; `number`, if given, is a first one for row numbers."""

    def __init__(self, path: Path, names: Sequence[str], number: str | None) -> None:
        self.path, self.names, self.number = path, list(names), number

    @abstractmethod
    def write(self, row_ids: RowIds, arrays: Sequence[pa.LargeStringArray]) -> None:
        """Append rows."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""

    @abstractmethod
    def count(self) -> int:
        """Read the finished file again and count its rows."""

    def warnings(self) -> list[str]:
        """Sentences about what is different in the file."""
        return []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            with suppress(Exception):  # the first error is the one to tell
                self.abandon()

    def abandon(self) -> None:
        """Let go of the file; it will be removed."""
        self.close()

    def batch(self, row_ids: RowIds, arrays: Sequence[pa.LargeStringArray]) -> pa.RecordBatch:
        numbers = [pa.array(row_ids + 1)] if self.number else []
        return pa.record_batch([*numbers, *arrays], schema=self.schema)

    @property
    def schema(self) -> pa.Schema:
        numbers = [(self.number, pa.int64())] if self.number else []
        return pa.schema([*numbers, *((name, TEXT) for name in self.names)])


def open_row_file(
    path: Path, kind: FileKind, names: Sequence[str], number: str | None, *, conversations_as_lists: bool
) -> RowFile:
    """A new file of the given kind at `path`."""
    match kind:
        case "csv" | "tsv":
            return _Delimited(path, names, number, "," if kind == "csv" else "\t")
        case "jsonl":
            return _JsonLines(path, names, number, lists=conversations_as_lists)
        case "parquet":
            return _Parquet(path, names, number)
        case "xlsx":
            return _Workbook(path, names, number)


class _Delimited(RowFile):
    """Every text stands in quotes, and a missing value does not: so the two can be told apart."""

    def __init__(self, path: Path, names: Sequence[str], number: str | None, delimiter: str) -> None:
        super().__init__(path, names, number)
        options = pyarrow.csv.WriteOptions(delimiter=delimiter, quoting_style="needed", quoting_header="needed")
        self._writer = pyarrow.csv.CSVWriter(path, self.schema, write_options=options)

    def write(self, row_ids: RowIds, arrays: Sequence[pa.LargeStringArray]) -> None:
        if len(self.schema) == 1:
            arrays = [pc.fill_null(arrays[0], "")]  # an empty line would be no row
        self._writer.write(self.batch(row_ids, arrays))

    def close(self) -> None:
        self._writer.close()

    def count(self) -> int:
        lines, inside = 0, np.uint8(0)
        for block in _blocks(self.path):
            signs = np.frombuffer(block, np.uint8)
            quoted = np.bitwise_xor.accumulate((signs == ord('"')).view(np.uint8)) ^ inside
            lines += int(np.count_nonzero((signs == ord("\n")) & (quoted == 0)))
            inside = quoted[-1]
        return lines - 1


class _JsonLines(RowFile):
    """One object a line. A column of conversations is written as lists of turns if its first cells are some."""

    def __init__(self, path: Path, names: Sequence[str], number: str | None, *, lists: bool) -> None:
        super().__init__(path, names, number)
        self._may_be_lists = lists
        self._lists: set[str] | None = None
        self._left_as_text: dict[str, int] = {}
        self._file = path.open("wb")

    def write(self, row_ids: RowIds, arrays: Sequence[pa.LargeStringArray]) -> None:
        columns: list[Sequence[Any]] = [array.to_pylist() for array in arrays]
        if self._lists is None:
            pairs = zip(self.names, columns, strict=True)
            self._lists = {name for name, cells in pairs if self._may_be_lists and _holds_conversations(cells)}
        for place, name in enumerate(self.names):
            if name in self._lists:
                columns[place] = [self._as_list(name, cell) for cell in columns[place]]
        names = [self.number, *self.names] if self.number else self.names
        if self.number:
            columns.insert(0, (row_ids + 1).tolist())
        lines = [orjson.dumps(dict(zip(names, cells, strict=True))) for cells in zip(*columns, strict=True)]
        self._file.write(b"".join(line + b"\n" for line in lines))

    def _as_list(self, name: str, cell: str | None) -> Any:
        if cell is None:
            return None
        if _is_conversation(cell):
            return orjson.Fragment(cell)
        self._left_as_text[name] = self._left_as_text.get(name, 0) + 1
        return cell

    def close(self) -> None:
        self._file.close()

    def count(self) -> int:
        return sum(block.count(b"\n") for block in _blocks(self.path))

    def warnings(self) -> list[str]:
        told = [
            f"The conversations in “{name}” are lists of turns." for name in self.names if name in (self._lists or ())
        ]
        return told + [
            f"{counted(cells, 'cell')} of “{name}” {'is' if cells == 1 else 'are'} no conversation and stayed text."
            for name, cells in self._left_as_text.items()
        ]


class _Parquet(RowFile):
    def __init__(self, path: Path, names: Sequence[str], number: str | None) -> None:
        super().__init__(path, names, number)
        self._writer = pq.ParquetWriter(path, self.schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []

    def write(self, row_ids: RowIds, arrays: Sequence[pa.LargeStringArray]) -> None:
        self._waiting.append(self.batch(row_ids, arrays))
        rows, size = sum(len(batch) for batch in self._waiting), sum(batch.nbytes for batch in self._waiting)
        if rows >= _ROW_GROUP_ROWS or size >= _ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting)
            self._writer.write_table(table, row_group_size=len(table))
            self._waiting = []

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def count(self) -> int:
        with pq.ParquetFile(self.path) as file:
            return sum(len(batch) for batch in file.iter_batches(columns=[]))


class _Workbook(RowFile):
    """A sheet of texts. Nothing is a formula or a link, however it looks."""

    def __init__(self, path: Path, names: Sequence[str], number: str | None) -> None:
        from xlsxwriter import Workbook  # type: ignore[import-untyped]

        super().__init__(path, names, number)
        # beside the file, because there must be room for it anyway
        self._temporary = TemporaryDirectory(prefix=".", suffix=".sheet", dir=path.parent)
        options = {"constant_memory": True, "use_zip64": True, "tmpdir": self._temporary.name}
        self._book = Workbook(str(path), options)
        self._sheet = self._book.add_worksheet("rows")
        self._sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for place, name in enumerate([number, *names] if number else names):
            self._sheet.write_string(0, place, name, bold)
        self._rows = 0

    def write(self, row_ids: RowIds, arrays: Sequence[pa.LargeStringArray]) -> None:
        first = 1 if self.number else 0
        for row_id, *cells in zip(row_ids.tolist(), *(array.to_pylist() for array in arrays), strict=True):
            self._rows += 1
            if self.number:
                self._sheet.write_number(self._rows, 0, row_id + 1)
            elif cells[0] is None:
                cells[0] = ""  # a row without any cell would be no row
            for place, cell in enumerate(cells, first):
                if cell is not None:
                    self._sheet.write_string(self._rows, place, cell)

    def close(self) -> None:
        from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]

        with self._temporary:
            try:
                self._book.close()
            except FileCreateError as error:
                raise error.args[0] from error  # the error of the system, which can be told

    def abandon(self) -> None:
        with self._temporary, suppress(OSError):
            self._sheet._opt_close()  # the file of finished rows, which Windows could not remove while it is open

    def count(self) -> int:
        start, rows, tail = b"<row ", 0, b""
        with zipfile.ZipFile(self.path) as archive, archive.open("xl/worksheets/sheet1.xml") as sheet:
            while block := sheet.read(_READ_BYTES):
                rows += (tail + block).count(start)
                tail = block[1 - len(start) :]
        return rows - 1


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            yield block


def _is_conversation(cell: str) -> bool:
    if not cell.startswith("[{"):
        return False
    try:
        return is_conversation(orjson.loads(cell))
    except orjson.JSONDecodeError:
        return False


def _holds_conversations(cells: Sequence[str | None]) -> bool:
    present = [cell for cell in cells if cell]
    return bool(present) and all(_is_conversation(cell) for cell in present[:_CELLS_LOOKED_AT])
